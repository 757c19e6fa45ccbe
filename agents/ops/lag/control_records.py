"""Whether anything can be read between a place and the last stable offset, or only marks that transactions left.

Each transaction ends with a marker, which takes an offset and is no record. A client that commits the offset behind the
last record it was given (librdkafka does) stays one behind such a marker for as long as nothing is written, and would
be said to stand still. Burrow has a setting for it, how much lag to allow (pull request 591); here it is looked up.
"""

from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import AuthorizationError, CorruptRecordError

from agents.ops.lag.samples import Source
from events.client import ClientSettings
from events.client.reader import committed_consumer

_FEW: Final = 100
"""More offsets than that are not markers alone."""
_POLL_MS: Final = 300
_POLLS: Final = 3


class ControlRecords:
    """Remembers where nothing but markers is left; looks only where a group has not moved since it was last asked."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._seen: dict[tuple[str, Source], tuple[int, int]] = {}
        self._known: dict[tuple[Source, int, int], bool] = {}
        self._consumer: Any = None

    def skip_control_records(self, group: str, source: Source, position: int, stable: int) -> int:
        """Return `stable` if there are only markers from the place of `group` on, else `position`.

        Raises:
            KafkaError: Kafka says no, or nothing. Without the right to read the topic it stays unknown, which is none.
        """
        before, self._seen[group, source] = self._seen.get((group, source)), (position, stable)
        if before != (position, stable) or stable - position > _FEW:
            return position
        asked = (source, position, stable)
        if asked not in self._known:
            self._known = {key: value for key, value in self._known.items() if key[0] != source or key[2] == stable}
            only_markers = self._only_markers(*asked)
            if only_markers is None:
                return position
            self._known[asked] = only_markers
        return stable if self._known[asked] else position

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _only_markers(self, source: Source, position: int, stable: int) -> bool | None:
        """Return None if it could not be read to the end in time: it is asked again."""
        partition = TopicPartition(*source)
        consumer = self._reader()
        consumer.assign([partition])
        consumer.seek(partition, position)
        try:
            for _ in range(_POLLS):
                if consumer.poll(timeout_ms=_POLL_MS, max_records=1):
                    return False
                if consumer.position(partition) >= stable:
                    return True
        except (AuthorizationError, CorruptRecordError, UnicodeDecodeError):
            # a record that cannot be unpacked is one too; a client that has failed on one is of no more use
            self.close()
            return False
        return None

    def _reader(self) -> Any:  # noqa: ANN401 -- kafka-python ships no types
        if self._consumer is None:
            self._consumer = committed_consumer(self._settings, "lag", 1)
        return self._consumer
