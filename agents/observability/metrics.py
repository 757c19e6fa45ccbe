"""Counters of a stage: plain numbers, updated once for each batch and partition.

Nothing here knows how they are shown (`agents/runtime/http/prometheus.py`), so counting costs next to nothing:
additions, and for the distributions a sort of a batch that lies in order already.
"""

import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from events.facts import FACTS, ComplaintDisposed, ComplaintRegistered, DeadlineBreached, Recorded
from events.vocabulary import ClockName

ACCEPTED: Final = "accepted"
REPEATED: Final = "repeated"
"""Verdicts on a command beside the codes of a rejection."""

CODES: Final = (
    *("bug", "empty", "foreign", "invalid", "not-an-object", "not-json", "output-refused", "output-too-large"),
    *("quarantined", "too-large", "unknown-type"),
)
"""Why a record is set aside."""
RESTARTS: Final = "ALUR_RESTARTS"
"""Variable in which whoever starts a stage again says how often it has."""
SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bounds in seconds for what the engine does by itself."""
LONG: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3_600.0, 14_400.0, 86_400.0, 259_200.0, 604_800.0)
"""Bounds in seconds for what may wait for people: up to a week."""
SIZES: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_000.0)
"""Bounds for the records of a poll."""


class Histogram:
    """Histogram: counts up to each bound, and the sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Values above the bound before and up to this one; the last: above them all."""
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Observe a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def add_all(self, values: Iterable[float]) -> None:
        """Observe a batch of values: cheaper than one by one, since bounds are counted."""
        ordered = sorted(values)
        self.sum += sum(ordered)
        below = 0
        for place, bound in enumerate(self.bounds):
            up_to = bisect_right(ordered, bound)
            self.counts[place] += up_to - below
            below = up_to
        self.counts[-1] += len(ordered) - below


def _at_zero(names: Iterable[str]) -> Counter[str]:
    # a series that begins with its first event has no increase in it for Prometheus, and its alert stays silent
    return Counter(dict.fromkeys(names, 0))


def _short() -> Histogram:
    return Histogram(SHORT)


def _long() -> Histogram:
    return Histogram(LONG)


@dataclass(slots=True)
class Metrics:
    """The counts of one worker since it was started."""

    records: Counter[int] = field(default_factory=Counter)
    """Settled, by partition."""
    outputs: Counter[str] = field(default_factory=Counter)
    """Written, by topic."""
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of `lifecycle`, by command and verdict."""
    facts: Counter[str] = field(default_factory=lambda: _at_zero(fact.NAME for fact in FACTS))
    breaches: Counter[str] = field(default_factory=lambda: _at_zero(ClockName))
    """By clock."""
    dead_letters: Counter[str] = field(default_factory=lambda: _at_zero(CODES))
    """By code."""
    foreign: int = 0
    """Records read, or read back, that the engine did not write."""
    forwarded: int = 0
    rebalances: int = 0
    restored: int = 0
    restarts: int = 0
    backpressure_seconds: float = 0.0
    poll_records: Histogram = field(default_factory=lambda: Histogram(SIZES))
    latency: Histogram = field(default_factory=_short)
    commit: Histogram = field(default_factory=_short)
    takeover: Histogram = field(default_factory=_short)
    intake_wait: Histogram = field(default_factory=_long)
    to_office: Histogram = field(default_factory=_long)
    polled_at: float = field(default_factory=time.monotonic)
    """When the loop last began to ask for records, by the monotonic clock."""
    answered_at: float = 0.0
    """When Kafka last answered something else than a request for records, by the monotonic clock."""

    def read_restarts(self, env: Mapping[str, str]) -> None:
        """Read the number of restarts from the supervisor."""
        told = env.get(RESTARTS, "")
        self.restarts = int(told) if told.isascii() and told.isdecimal() else 0

    def polled(self) -> None:
        """Note that the loop has come round."""
        self.polled_at = time.monotonic()

    def answered(self) -> None:
        """Note that Kafka answers."""
        self.answered_at = time.monotonic()

    def batch_processed(self, partition: int, stamps_ms: Iterable[int], began: float) -> None:
        """Count a batch of one partition by the log's stamps on its records; `began`: its commit, by `monotonic`."""
        self.answered_at = time.monotonic()
        now_ms = time.time() * 1000
        # the broker's clock, or that of another stage, may be ahead of ours
        waited = [max(0.0, now_ms - stamp) / 1000 for stamp in stamps_ms]
        self.records[partition] += len(waited)
        self.latency.add_all(waited)
        self.commit.add(self.answered_at - began)

    def command_decided(self, command: str, facts: Sequence[Recorded], asked_at: datetime | None) -> None:
        """Count a command that was not rejected and what follows from it; `asked_at` is its sender's time."""
        self.decisions[command, ACCEPTED if facts else REPEATED] += 1
        for recorded in facts:
            fact = recorded.fact
            self.facts[fact.NAME] += 1
            if isinstance(fact, DeadlineBreached):
                self.breaches[fact.clock] += 1
            elif isinstance(fact, ComplaintRegistered) and asked_at is not None:
                self.intake_wait.add(_seconds(asked_at, recorded.at))
            elif isinstance(fact, ComplaintDisposed) and fact.round == 1:
                self.to_office.add(_seconds(recorded.complaint.received_at, recorded.at))

    def announced(self, command: str, *, repeated: bool) -> None:
        """Count an announcement that was not rejected."""
        self.decisions[command, REPEATED if repeated else ACCEPTED] += 1

    def command_forwarded(self) -> None:
        """Count a command that was forwarded to its complaint's partition."""
        self.forwarded += 1

    def rejected(self, command_type: str, code: str) -> None:
        """Count a command of this CloudEvents type that was rejected."""
        self.decisions[_name(command_type), code] += 1


def _name(command_type: str) -> str:
    return command_type.split(".")[2]


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


@dataclass(frozen=True, slots=True)
class StateReport:
    """What a handler holds in memory of its partition."""

    complaints: int = 0
    quarantined: int = 0
    """Complaints about which nothing is decided, since their last record is foreign or cannot be read."""
    clocks: int = 0
    next_alarm: datetime | None = None
    """The earliest warning or deadline of which no notice has been settled."""
