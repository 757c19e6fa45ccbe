"""The command line `alur`."""

from agents.cli import interrupts

__all__ = ["main"]


def main() -> None:
    """Run the command line on the arguments of the process."""
    interrupts.install()
    from agents.cli.app import application  # noqa: PLC0415 -- Ctrl-C must not show a traceback meanwhile

    application()()
