"""Registry of in-memory logs, by the broker address that stands for each.

`agents.testing` adds its logs here. Clients that are built for a registered address talk to the log and to no broker.
"""

from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from kafka import KafkaConsumer, KafkaProducer


class Substitute(Protocol):
    """A log that takes the place of a broker: one method for each client that is built anywhere."""

    def stage_consumer(self, group: str | None, isolation: str, reset: str) -> Any:  # noqa: ANN401 -- as aiokafka's
        """Return a consumer of the stages."""

    def stage_producer(self, transactional_id: str | None) -> Any:  # noqa: ANN401 -- as aiokafka's
        """Return a producer of the stages."""

    def consumer(self, group: str | None = None) -> KafkaConsumer:
        """Return a consumer of the client kit, of committed records."""

    def producer(self) -> KafkaProducer:
        """Return a producer of the client kit."""

    def admin(self) -> AbstractContextManager[Any]:
        """Return an administration client."""
        ...


SUBSTITUTES: Final[dict[str, Substitute]] = {}
"""The logs, by broker address; an `Engine` of `agents.testing` is here while its block lasts."""
