"""What can be wrong with a message, told apart by whose fault it is."""

from dataclasses import dataclass


class Undecodable(ValueError):
    """The bytes are no message of the contract: they go to the dead letters with `code` and `reason`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asked what of which complaint: what a rejection needs to find its way back."""

    subject: str
    source: str
    command_id: str
    command_type: str


class InvalidCommand(ValueError):
    """The envelope tells complaint, sender and command, but the data are not what that command needs."""

    def __init__(self, sender: Sender, reason: str) -> None:
        super().__init__(reason)
        self.sender = sender
        self.reason = reason
