"""Errors: the root of all failures that a user can cause, and those of undecodable messages."""

from dataclasses import dataclass


class AlurError(Exception):
    """Root of the failures that a user can cause; the message is one line that states what to do."""


class Undecodable(ValueError):
    """The bytes are not a message of the contract: they become a dead letter with `code` and `reason`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sender:
    """Sender, command and complaint of a message, for its rejection."""

    subject: str
    source: str
    command_id: str
    command_type: str


class InvalidCommand(ValueError):
    """The envelope is valid, but the data do not fit the command."""

    def __init__(self, sender: Sender, reason: str) -> None:
        super().__init__(reason)
        self.sender = sender
        self.reason = reason
