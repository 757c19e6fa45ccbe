"""What can be wrong with a message, told apart by whose fault it is."""


class Undecodable(ValueError):
    """The bytes are no message of the contract: they go to the dead letters with `code` and `reason`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class InvalidCommand(ValueError):
    """The envelope tells complaint, sender and command, but the data are not what that command needs."""

    def __init__(self, *, subject: str, source: str, command_id: str, command_type: str, reason: str) -> None:
        super().__init__(reason)
        self.subject = subject
        self.source = source
        self.command_id = command_id
        self.command_type = command_type
        self.reason = reason
