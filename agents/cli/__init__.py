"""The command line: `alur`."""

from agents.cli.app import main

__all__ = ["main"]
