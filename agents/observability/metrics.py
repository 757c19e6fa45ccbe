"""Prometheus metrics of a worker: counters and histograms, updated once per batch.

Gauges are read from the worker at each scrape (`agents/runtime/http/prometheus.py`).
"""

import time
from bisect import bisect_right
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from events.access import STAGE_ROLES
from events.commands import COMMANDS
from events.facts import FACTS, ComplaintDisposed, ComplaintRegistered, DeadlineBreached, Recorded
from events.topics import STAGES
from events.vocabulary import ClockName, Detail, Refusal

ACCEPTED: Final = "accepted"
REPEATED: Final = "repeated"
"""Results of a command other than rejection codes."""
CODES: Final = (
    *("bug", "empty", "foreign", "invalid", "not-an-object", "not-json", "output-refused", "output-too-large"),
    *("quarantined", "too-large", "unknown-type"),
)
RESTARTS: Final = "ALUR_RESTARTS"
"""Variable in which the supervisor passes the number of restarts."""
SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bucket bounds in seconds for the engine's own work."""
LONG: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3_600.0, 14_400.0, 86_400.0, 259_200.0, 604_800.0)
"""Bucket bounds in seconds for waits on people: up to a week."""
SIZES: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_000.0)
"""Bucket bounds for the number of records of a poll."""

_ALL: Final = tuple(STAGES)
_LIFECYCLE: Final = ("lifecycle",)
_MEASURED: Final = frozenset({ComplaintRegistered, ComplaintDisposed, DeadlineBreached})


_DECISIONS: Final = (
    *product((command.NAME for command in COMMANDS), (ACCEPTED, REPEATED, *Refusal)),
    ("submitted", Detail.CONTENT_DIFFERS),
)


class MetricSpec(NamedTuple):
    """Documentation of a metric; each has the additional labels `stage` and `prefix`."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    stages: tuple[str, ...] = _ALL


class BatchHistogram(Histogram):
    """Histogram that observes a batch of values: 500 in 50 µs, where `observe` takes 1.5 ms."""

    def observe_all(self, values: Iterable[float]) -> None:
        """Observe `values`; fast if they are almost sorted."""
        ordered, below = sorted(values), 0
        for bucket, bound in zip(self._buckets, self._upper_bounds, strict=True):
            up_to = bisect_right(ordered, bound)
            if up_to > below:
                bucket.inc(up_to - below)
                below = up_to
        self._sum.inc(sum(ordered))


class Metrics:
    """Counters and histograms of one worker since its start; with a `stage`, only the stage's own are exposed."""

    def __init__(self, stage: str | None = None) -> None:
        self.registry = CollectorRegistry()
        self.specs: list[MetricSpec] = []
        self._stage = stage
        self.polled_at = time.monotonic()
        """Start of the last poll, by the monotonic clock."""
        self.answered_at = 0.0
        """Last answer of Kafka other than to a fetch, by the monotonic clock."""
        self.decisions: Tally[tuple[str, ...]] = Tally(dict.fromkeys(_DECISIONS, 0))
        """By command and verdict; plain numbers, since a counter would make a command 3 % more expensive."""
        self.facts: Tally[str] = Tally({fact.NAME: 0 for fact in FACTS})
        self.breaches: Tally[str] = Tally(dict.fromkeys(ClockName, 0))
        """By clock, from 0 on, so that an alert sees the first breach."""
        self._add_batches(topic for role in STAGE_ROLES if role.name == stage for topic in role.writes)
        self._add_commands()
        self._add_failures()
        self._add_acquisitions()

    def _add_batches(self, topics: Iterable[str]) -> None:
        self.records = self._counter(
            "alur_records_total", "Records processed: outputs written, offset committed or staged", "partition"
        )
        self.poll_records = self._histogram(
            "alur_poll_records", "Records per poll, over all partitions of the worker", SIZES
        )
        self.latency = self._histogram(
            "alur_latency_seconds",
            "From the log time of a record until it is processed; for `lifecycle` from command to decision",
        )
        self.commit = self._histogram(
            "alur_commit_seconds",
            "Writing the outputs of a poll and partition, and committing them in a stage with transactions",
        )
        self.outputs = self._counter(
            "alur_outputs_total", "Records written, by topic without the installation's prefix", "topic", zero=topics
        )

    def _add_commands(self) -> None:
        self.intake_wait = self._histogram(
            "alur_intake_wait_seconds",
            "From the log time of a report to that of its registration",
            LONG,
            stages=_LIFECYCLE,
        )
        self.to_office = self._histogram(
            "alur_to_office_seconds",
            "From the log time of a registration to that of the first disposition, people's time included",
            LONG,
            stages=_LIFECYCLE,
        )
        self.forwarded = self._counter(
            "alur_forwarded_commands_total", "Commands forwarded from a wrong partition", stages=_LIFECYCLE
        )

    def _add_failures(self) -> None:
        self.dead_letters = self._counter(
            "alur_dead_letters_total",
            "Dead letters written, by code; `bug` is a failure of our code",
            "code",
            zero=CODES,
        )
        self.foreign = self._counter(
            "alur_foreign_records_total",
            "Records on the engine's topics that the engine did not write, when processed or restored",
            stages=_ALL[1:],
        )

    def _add_acquisitions(self) -> None:
        self.backpressure_seconds = self._counter(
            "alur_held_seconds_total", "Time in which backpressure from `lifecycle` stopped intake", stages=("intake",)
        )
        self.takeover = self._histogram(
            "alur_takeover_seconds", "Acquiring a partition: fencing its last owner and restoring its state"
        )
        self.restored = self._counter(
            "alur_restored_records_total",
            "Records read to restore acquired partitions",
            stages=("lifecycle", "sla", "resolution"),
        )
        self.rebalances = self._counter("alur_rebalances_total", "Rebalances of the group")
        self.restarts = self._counter("alur_restarts_total", "Restarts of this stage by `alur run` after it exited")

    def _counter(
        self, name: str, text: str, *labels: str, stages: tuple[str, ...] = _ALL, zero: Iterable[str] = ()
    ) -> Counter:
        """Return a counter; `zero` are label values exposed from the start, so that alerts see the first increase."""
        self.specs.append(MetricSpec(name, "counter", text, labels, stages))
        counter = Counter(name, text, labels, registry=self._registry(stages))
        for value in zero:
            counter.labels(value)
        return counter

    def _histogram(
        self, name: str, text: str, bounds: Sequence[float] = SHORT, stages: tuple[str, ...] = _ALL
    ) -> BatchHistogram:
        self.specs.append(MetricSpec(name, "histogram", text, (), stages))
        return BatchHistogram(name, text, buckets=bounds, registry=self._registry(stages))

    def _registry(self, stages: tuple[str, ...]) -> CollectorRegistry | None:
        return self.registry if self._stage is None or self._stage in stages else None

    def read_restarts(self, env: Mapping[str, str]) -> None:
        """Read the number of restarts from the supervisor."""
        text = env.get(RESTARTS, "")
        self.restarts.inc(int(text) if text.isascii() and text.isdecimal() else 0)

    def polled(self) -> None:
        """Record the start of a poll."""
        self.polled_at = time.monotonic()

    def answered(self) -> None:
        """Record a response of Kafka."""
        self.answered_at = time.monotonic()

    def batch_processed(self, partition: int, timestamps_ms: Iterable[int], began: float) -> None:
        """Count a batch of one partition by the log's timestamps; `began`: start of its commit, by `monotonic`."""
        self.answered_at = time.monotonic()
        now_ms = time.time() * 1000
        # the clock of the broker or of another stage may be ahead
        waited = [max(0.0, now_ms - timestamp) / 1000 for timestamp in timestamps_ms]
        self.records.labels(partition).inc(len(waited))
        self.latency.observe_all(waited)
        self.commit.observe(self.answered_at - began)

    def command_decided(self, command: str, facts: Sequence[Recorded], sent_at: datetime | None) -> None:
        """Count a command that was not rejected and its facts; `sent_at` is the time in its envelope."""
        self.decisions[command, ACCEPTED if facts else REPEATED] += 1
        for fact, at, _, complaint in facts:
            self.facts[fact.NAME] += 1
            if type(fact) not in _MEASURED:
                continue
            if isinstance(fact, DeadlineBreached):
                self.breaches[fact.clock] += 1
            elif isinstance(fact, ComplaintDisposed):
                if fact.round == 1:
                    self.to_office.observe(_seconds(complaint.received_at, at))
            elif sent_at is not None:
                self.intake_wait.observe(_seconds(sent_at, at))

    def announced(self, command: str, *, repeated: bool) -> None:
        """Count an accepted announcement."""
        self.decisions[command, REPEATED if repeated else ACCEPTED] += 1

    def rejected(self, command_type: str, code: str) -> None:
        """Count a rejected command of this CloudEvents type."""
        self.decisions[command_type.split(".")[2], code] += 1


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


@dataclass(frozen=True, slots=True)
class StateReport:
    """Size of a handler's state for its partition."""

    complaints: int = 0
    quarantined: int = 0
    """Quarantined complaints: their last record is foreign or unreadable."""
    clocks: int = 0
    next_alarm: datetime | None = None
    """The earliest warning or deadline without a processed notice."""
