"""Lag of consumer groups over time: each `sample` adds one sample, and returns a report on the window so far.

with LagWatcher(settings) as watcher:      # the stages of the prefix
    while True:
        report = watcher.sample()          # blocks for some tens of milliseconds: call it in a thread of a server
        ...
        time.sleep(1)
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from typing import Final, Self

from agents.config.settings import Settings
from agents.ops.lag.assess import Evidence, GroupView, group_lag, report
from agents.ops.lag.deadlines import DeadlineReader
from agents.ops.lag.findings import ON_DEADLINES
from agents.ops.lag.observer import GroupObserver, UnknownGroup
from agents.ops.lag.report import GroupLag, LagReport
from agents.ops.lag.rules import LagStatus, is_clear, is_stuck
from agents.ops.lag.samples import GroupState, Source, Window
from agents.ops.lag.transactions import open_transactions
from events.client import require_topics
from events.client.administration import admin_client
from events.client.errors import NotAllowed
from events.topics import ALL_TOPICS, STAGES

WINDOW_SECONDS: Final = 15.0
"""Three times Kafka's default commit interval (`auto.commit.interval.ms`)."""
SAMPLE_INTERVAL_SECONDS: Final = 1.0
_CATCHES_UP_SOON: Final = 60.0
"""Seconds to catch up below which deadlines at stake are not worth reading the state for."""


class LagWatcher(AbstractContextManager["LagWatcher"]):
    """Samples groups; a context manager, for one thread.

    Args:
        settings: broker and prefix.
        groups: names of consumer groups as on Kafka; all stages of the prefix unless named.
        window: seconds of samples that a status is based on.
        deadlines: count the deadlines at stake of a stage with lag, which reads parts of `complaints.state`.
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
        self._seen: dict[str, datetime] = {}
        self._topics = Window(window)
        self._deadlines = DeadlineReader(settings) if deadlines else None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Connect. Raises `KafkaFailure`."""
        stages = {group: stage for group, stage in self._stage_of.items() if stage is not None}
        needed = ALL_TOPICS if self._all else tuple({STAGES[stage] for stage in stages.values()})
        require_topics(self._settings, needed)
        with ExitStack() as opening:
            self._client = opening.enter_context(admin_client(self._settings))
            self._observer = GroupObserver(self._settings, self._client, stages, needed)
            if self._deadlines is not None:
                opening.push(self._deadlines)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def conclusive(self) -> bool:
        """Whether further samples within the window cannot make a status worse."""
        if self._topics.full:
            return True
        windows = [(self._windows[group], stage is not None) for group, stage in self._stage_of.items()]
        return len(self._topics.group_samples) > 1 and all(
            is_clear(window, needs_members=is_stage) for window, is_stage in [*windows, (self._topics, False)]
        )

    def sample(self) -> LagReport:
        """Take a sample, and return a report on the window that ends now.

        Raises UnknownGroup for a named group that does not exist, and KafkaFailure; the next call tries again.
        """
        observation = self._observer.observe(list(self._stage_of))
        for group, group_sample in observation.groups.items():
            absent = group_sample.state is GroupState.ABSENT and not group_sample.offsets
            if self._stage_of[group] is None and absent:
                raise UnknownGroup(group)
            self._windows[group].add(group_sample)
            if group_sample.members:
                self._seen[group] = group_sample.at
        self._topics.add(observation.topics)
        views = [
            GroupView(group, stage, self._windows[group], self._seen.get(group))
            for group, stage in self._stage_of.items()
        ]
        evidence = Evidence(self._written_at(), open_transactions(self._settings, self._client, self._stuck()))
        groups = [self._with_deadlines(group_lag(view, evidence), observation.topics.at) for view in views]
        return report(views, groups, self._topics, evidence, self._settings.broker)

    def _stuck(self) -> dict[Source, int]:
        """Return the first offset of each transaction that was open for the whole window, by partition."""
        stuck = {}
        for source, offsets in self._topics.last.offsets.items():
            samples = self._topics.partition_samples(source)
            if is_stuck(samples, full=self._topics.spanned_by(samples)):
                stuck[source] = offsets.stable
        return stuck

    def _written_at(self) -> dict[tuple[Source, int], datetime]:
        """Return the timestamps of the oldest unread records."""
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
        if group.status is LagStatus.OK or (group.drain is not None and group.drain < _CATCHES_UP_SOON and group.lag):
            return group
        behind = [each.partition for each in group.partitions if each.status is not LagStatus.OK]
        numbers = behind or [each.partition for each in group.partitions]
        try:
            at_stake = self._deadlines.at_stake(numbers, now, group.drain if group.lag else None)
        except NotAllowed:
            return group
        return group.model_copy(update={"deadlines": at_stake})


def measure(
    settings: Settings,
    groups: Sequence[str] | None = None,
    *,
    window: float = WINDOW_SECONDS,
    every: float = SAMPLE_INTERVAL_SECONDS,
) -> LagReport:
    """Sample until the report is conclusive: at once if no group has lag, else for the whole window.

    Raises the errors of `LagWatcher`.
    """
    with LagWatcher(settings, groups, window=window) as watcher:
        while True:
            started = time.monotonic()
            current = watcher.sample()
            if watcher.conclusive:
                return current
            time.sleep(max(0.0, started + every - time.monotonic()))
