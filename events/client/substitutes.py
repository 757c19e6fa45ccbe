"""Registry of in-memory logs by broker address.

`agents.testing` adds its logs here. Clients for a registered address use the log instead of a broker.
"""

from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from kafka import KafkaConsumer, KafkaProducer


class Substitute(Protocol):
    """An in-memory log in place of a broker: one method per kind of client."""

    def stage_consumer(self, group: str | None, isolation: str, reset: str) -> Any:  # noqa: ANN401 -- as aiokafka's
        """Return a consumer for a stage."""

    def stage_producer(self, transactional_id: str | None) -> Any:  # noqa: ANN401 -- as aiokafka's
        """Return a producer for a stage."""

    def consumer(self) -> KafkaConsumer:
        """Return a consumer of committed records for the client kit."""

    def producer(self) -> KafkaProducer:
        """Return a producer for the client kit."""

    def admin(self) -> AbstractContextManager[Any]:
        """Return an administration client."""
        ...


SUBSTITUTES: Final[dict[str, Substitute]] = {}
"""In-memory logs by broker address, for the lifetime of their `Engine` (`agents.testing`)."""
