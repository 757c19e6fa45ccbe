"""What can keep a broker from running; each message is one line for a person."""

from events.errors import AlurError


class BrokerError(AlurError):
    """The broker of this machine could not be started or stopped."""


class NoEngine(BrokerError):
    """There is nothing on this machine that could run a broker."""


class PortTaken(BrokerError):
    """Something else listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} is taken by another program: stop that, choose another with --port, "
            f"or set ALUR_BROKER=127.0.0.1:{port} if it is a Kafka broker that you want to use"
        )
        self.port = port


class RunningElsewhere(BrokerError):
    """The broker of this machine runs already, on another port than the one asked for."""

    def __init__(self, running: int, asked: int) -> None:
        super().__init__(f"the broker already runs on port {running}: stop it before you start one on {asked}")


class DownloadFailed(BrokerError):
    """Kafka itself could not be brought onto this machine."""


class StartFailed(BrokerError):
    """The broker ended, or did not answer in time."""


class StopFailed(BrokerError):
    """The broker still runs."""
