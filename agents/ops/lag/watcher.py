"""Watches consumer groups: each `sample` looks once more, and reports on the window of looks so far.

with LagWatcher(settings) as watcher:      # the stages of the prefix
    while True:
        report = watcher.sample()          # blocks for some tens of milliseconds: in a thread, from a server
        ...
        time.sleep(1)
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from agents.config.settings import Settings
from agents.ops.lag.assess import Evidence, GroupView, group_lag, report
from agents.ops.lag.deadlines import DeadlineReader
from agents.ops.lag.impact import BY_THE_CLOCK, ON_DEADLINES
from agents.ops.lag.open_transactions import open_transactions
from agents.ops.lag.reading import GroupObserver, UnknownGroup
from agents.ops.lag.report import GroupLag, LagReport
from agents.ops.lag.rules import Status, is_clear, is_stuck
from agents.ops.lag.samples import GroupState, Source, Window
from events.client import require_topics
from events.client.administration import admin_client
from events.client.errors import NotAllowed
from events.topics import ALL_TOPICS, STAGES

WINDOW_SECONDS: Final = 15.0
"""Three times as long as most consumers take from commit to commit (`auto.commit.interval.ms`): who has not moved by
then does not move."""
SAMPLE_INTERVAL_SECONDS: Final = 1.0
_SOON: Final = 60.0
"""A stage that will have caught up so soon puts no deadline at stake that would be worth reading the state for."""


class LagWatcher:
    """Watches groups; a context manager. Not for several threads at once.

    Args:
        settings: which broker, and which prefix.
        groups: names of consumer groups as they stand on Kafka; all stages of the prefix unless named.
        window: over how many seconds they are judged.
        deadlines: count the deadlines at stake where a stage is in trouble, which reads parts of `complaints.state`.
    """

    def __init__(
        self,
        settings: Settings,
        groups: Sequence[str] | None = None,
        *,
        window: float = WINDOW_SECONDS,
        deadlines: bool = True,
    ) -> None:
        self._settings = settings
        self._all = groups is None
        ours = {settings.group(stage): stage for stage in STAGES}
        self._stage_of = {group: ours.get(group) for group in (ours if groups is None else dict.fromkeys(groups))}
        self._windows = {group: Window(window) for group in self._stage_of}
        self._topics = Window(window)
        self._deadlines = DeadlineReader(settings) if deadlines else None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            BrokerUnreachable, KafkaRefused, TopicsMissing: there is nothing to watch, or we may not.
        """
        stages = {group: stage for group, stage in self._stage_of.items() if stage is not None}
        needed = ALL_TOPICS if self._all else tuple({STAGES[stage] for stage in stages.values()})
        require_topics(self._settings, needed)
        with ExitStack() as opening:
            self._client = opening.enter_context(admin_client(self._settings))
            self._observer = GroupObserver(self._settings, self._client, stages, needed)
            opening.callback(self._observer.close)
            if self._deadlines is not None:
                opening.callback(self._deadlines.close)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker."""
        self._open.close()

    @property
    def conclusive(self) -> bool:
        """Say whether further looks within the window could not change the verdict for the worse."""
        if self._topics.full:
            return True
        windows = [(self._windows[group], stage in BY_THE_CLOCK) for group, stage in self._stage_of.items()]
        return len(self._topics.group_samples) > 1 and all(
            is_clear(window, by_the_clock=clocked) for window, clocked in [*windows, (self._topics, False)]
        )

    def sample(self) -> LagReport:
        """Look once, and report on the window that ends now.

        Raises:
            BrokerUnreachable, KafkaRefused: Kafka says no, or nothing; the next call tries again.
            UnknownGroup: a group that was named does not exist.
        """
        observation = self._observer.observe(list(self._stage_of))
        for group, observe in observation.groups.items():
            if self._stage_of[group] is None and observe.state is GroupState.ABSENT and not observe.offsets:
                raise UnknownGroup(group)
            self._windows[group].add(observe)
        self._topics.add(observation.topics)
        views = [GroupView(group, stage, self._windows[group]) for group, stage in self._stage_of.items()]
        evidence = Evidence(self._written_at(), open_transactions(self._settings, self._client, self._stuck()))
        groups = [self._with_deadlines(group_lag(view, evidence), observation.topics.at) for view in views]
        return report(views, groups, self._topics, evidence, self._settings.broker)

    def _stuck(self) -> dict[Source, int]:
        """Return where one transaction has been open for the whole window, and its first offset."""
        found = {}
        for source, offsets in self._topics.last.offsets.items():
            samples = self._topics.partition_samples(source)
            if is_stuck(samples, full=self._topics.spanned_by(samples)):
                found[source] = offsets.stable
        return found

    def _written_at(self) -> dict[tuple[Source, int], datetime]:
        """Ask when the oldest unread records were written; groups at the same place share the answer."""
        positions = {
            (source, offsets.position)
            for window in self._windows.values()
            for source, offsets in window.last.offsets.items()
            if offsets.lag and offsets.position is not None
        }
        return self._observer.written_at(positions)

    def _with_deadlines(self, group: GroupLag, now: datetime) -> GroupLag:
        if self._deadlines is None or group.stage not in ON_DEADLINES:
            return group
        if group.status is Status.OK or (group.drain is not None and group.drain < _SOON and group.lag):
            return group
        behind = [each.partition for each in group.partitions if each.status is not Status.OK]
        numbers = behind or [each.partition for each in group.partitions]
        try:
            found = self._deadlines.at_stake(numbers, now, group.drain if group.lag else None)
        except NotAllowed:
            return group
        return group.model_copy(update={"deadlines": found})


def measure(
    settings: Settings,
    groups: Sequence[str] | None = None,
    *,
    window: float = WINDOW_SECONDS,
    every: float = SAMPLE_INTERVAL_SECONDS,
) -> LagReport:
    """Watch until it is clear how things stand: at once if nobody is behind, else for the whole window.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing, UnknownGroup: as `LagWatcher` does.
    """
    with LagWatcher(settings, groups, window=window) as watcher:
        while True:
            started = time.monotonic()
            found = watcher.sample()
            if watcher.conclusive:
                return found
            time.sleep(max(0.0, started + every - time.monotonic()))
