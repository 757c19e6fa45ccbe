"""The whole engine for about a minute: a broker, all stages, citizens, officers, and a reconciliation at the end."""

from agents.demo.demonstration import run

__all__ = ["run"]
