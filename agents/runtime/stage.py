"""Interface between a stage and the runtime: stage definition, handler, partition."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from agents.config.keys import Keys
from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.observability.metrics import Metrics, StateReport
from events.cloudevents import log_moment
from events.errors import AlurError
from events.topics import STAGES, TopicName
from workflow.policy.model import PolicySet


def log_time(record: KafkaRecord) -> datetime:
    """Return the log's timestamp of `record`, timezone-aware, UTC."""
    return log_moment(record.timestamp)


@dataclass(frozen=True, slots=True)
class Partition:
    """The partition of a handler."""

    number: int
    count: int
    """Partitions of each topic."""
    policies: PolicySet
    metrics: Metrics = field(default_factory=Metrics)
    """Metrics of the worker, to which handlers add."""
    keys: Keys = field(default_factory=lambda: Keys.derived(""))
    """The installation's keys."""
    writer_since: Callable[[TopicName], int | None] = lambda _topic: None
    """Returns the offset from which the engine's records of a topic have a writer number; None if unknown."""
    first_positions: Mapping[str, int] = field(default_factory=dict)
    """Position of the first record of an inward topic, if it is not zero."""
    texts_apart: Callable[[], bool] = lambda: False
    """Returns whether free text is written to `complaints.texts` in place of the facts."""

    def position(self, topic: TopicName, offset: int) -> int:
        """Return the position of a record: its offset, plus those of the topics before a migration."""
        return offset + self.first_positions.get(topic, 0)


class RecordHandler(Protocol):
    """Handler of the records of one owned partition; free of Kafka.

    `handle` makes changes in memory, metrics included, that only later records of the batch see; `commit` applies them,
    and `rollback` discards them before the batch is processed again. Stateless handlers inherit both methods.
    """

    def handle(self, record: KafkaRecord) -> Iterable[OutgoingRecord]:
        """Return the outputs of `record`. Raises Undecodable: the record is not a message of the contract."""
        ...

    def commit(self) -> None:
        """Apply the changes of the records since the last commit: their outputs and offsets are committed."""
        return

    def rollback(self) -> None:
        """Discard the changes of the records since the last commit: they are processed again."""
        return


class Stateful(RecordHandler, Protocol):
    """Handler with state, restored from a compacted topic; by default each record of a key replaces the one before."""

    def restore(self, record: KafkaRecord) -> None:
        """Restore one record of the state; the last record of a key counts."""
        ...

    def supersedes(self, versions: Sequence[KafkaRecord]) -> bool:
        """Return True if the last of these records of one key has the same effect as all of them in order."""
        del versions
        return True

    def ready(self) -> None:
        """Start with the completely restored state. Raises RefusedToStart: the state is unusable."""
        ...


class TimerDriven(Stateful, Protocol):
    """Handler that also acts when time passes."""

    def due(self, now: datetime) -> bool:
        """Return True if any output is due at `now`."""
        ...

    def tick(self, now: datetime) -> Iterable[OutgoingRecord]:
        """Return the outputs due at `now`, a low watermark."""
        ...


@runtime_checkable
class ReportsState(Protocol):
    """Handler that reports the size of its state."""

    def state_report(self) -> StateReport:
        """Return the present size of the state; called a few times a minute."""
        ...


def state_reports(handlers: Iterable[RecordHandler]) -> list[StateReport]:
    """Return the state reports of the handlers that provide one."""
    return [each.state_report() for each in handlers if isinstance(each, ReportsState)]


def next_alarm(handlers: Iterable[RecordHandler]) -> datetime | None:
    """Return the earliest warning or deadline without a processed notice; None if there is none."""
    alarms = (report.next_alarm for report in state_reports(handlers))
    return min((alarm for alarm in alarms if alarm is not None), default=None)


class RefusedToStart(AlurError):
    """The set-up is wrong; the message is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the engine."""

    name: str
    handler: Callable[[Partition], RecordHandler]
    transactional: bool = False
    """Outputs and offset are committed in one transaction per poll and partition."""
    state_topic: TopicName | None = None
    """The compacted topic from which a `Stateful` handler is restored."""
    owned_topics: tuple[TopicName, ...] = ()
    """Topics of which this stage is the only writer: its records have a writer number."""
    tick_seconds: float | None = None
    """Seconds between two ticks of a `TimerDriven` handler."""
    batch_fetches: bool = False
    """Latency-tolerant: one poll reads the records of a fifth of a second."""
    poll_delay: float = 0.0
    """Seconds between two polls: a poll costs about the same for one record as for ten."""
    backpressure: tuple[str, int] | None = None
    """A stage and its maximum lag, above which this stage pauses."""

    @property
    def source(self) -> TopicName:
        """Source topic of the stage."""
        return STAGES[self.name]
