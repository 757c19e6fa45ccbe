"""Errors of the local broker; each message is one line for a person."""

from events.errors import AlurError


class BrokerError(AlurError):
    """The local broker could not be started or stopped."""


class NoEngine(BrokerError):
    """This machine has no engine to run a broker with."""


class PortTaken(BrokerError):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} is taken by another program: stop that, choose another with --port, "
            f"or set ALUR_BROKER=127.0.0.1:{port} if it is a Kafka broker that you want to use"
        )
        self.port = port


class RunningElsewhere(BrokerError):
    """The local broker is already running, on another port than the requested one."""

    def __init__(self, running: int, requested: int) -> None:
        super().__init__(f"the broker already runs on port {running}: stop it before you start one on {requested}")


class DownloadFailed(BrokerError):
    """Kafka could not be downloaded."""


class StartFailed(BrokerError):
    """The broker exited, or did not answer in time."""


class StopFailed(BrokerError):
    """The broker is still running."""
