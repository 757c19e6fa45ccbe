"""Assembly of a lag report from samples; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agents.ops.lag.findings import group_findings, transaction_findings, waiting, without_members
from agents.ops.lag.report import GroupLag, LagFinding, LagReport, PartitionLag, TrendPoint
from agents.ops.lag.rules import SEVERITY, LagStatus, Severity, evaluate_group, evaluate_partition, worst
from agents.ops.lag.samples import Source, Window, rates, seconds_to_drain
from agents.ops.lag.transactions import OpenTransaction


@dataclass(frozen=True)
class GroupView:
    """A consumer group, its stage, and the window of its samples."""

    group: str
    stage: str | None
    window: Window
    seen_at: datetime | None = None
    """When the group was last observed with a member."""

    @property
    def group_status(self) -> LagStatus:
        """Status of the group as a whole."""
        return evaluate_group(self.window, deserted=without_members(self.stage))


@dataclass(frozen=True)
class Evidence:
    """Observations other than offsets."""

    written_at: Mapping[tuple[Source, int], datetime] = field(default_factory=dict)
    """When the record at an offset was written."""
    transactions: Sequence[OpenTransaction] = ()
    """Transactions that have been open for the whole window."""


def group_lag(view: GroupView, evidence: Evidence) -> GroupLag:
    """Return the lag of one group; the caller adds deadlines at stake."""
    window, last = view.window, view.window.last
    partitions = tuple(_partition(source, window, evidence) for source in sorted(last.offsets))
    status = worst([view.group_status, *(each.status for each in partitions)])
    lag = sum(each.lag for each in partitions)
    return GroupLag(
        group=view.group,
        stage=view.stage,
        topics=tuple(sorted({each.topic for each in partitions})),
        state=last.state,
        members=last.members,
        status=status,
        severity=_severity(status, partitions, evidence, window.last.at),
        lag=lag,
        age=max((each.age for each in partitions), default=0.0),
        rate_in=_total(each.rate_in for each in partitions),
        rate_out=_total(each.rate_out for each in partitions),
        drain=_longest(each.drain for each in partitions),
        waiting=waiting(view.stage, lag),
        deadlines=None,
        partitions=partitions,
        trend=tuple(
            TrendPoint(at=group_sample.at, lag=sum(each.lag for each in group_sample.offsets.values()))
            for group_sample in window.group_samples
        ),
        seen_at=view.seen_at,
    )


def report(
    views: Sequence[GroupView], groups: Sequence[GroupLag], topics: Window, evidence: Evidence, broker: str
) -> LagReport:
    """Return the report on all groups, with its findings, the worst first."""
    at = topics.last.at
    seconds = (at - topics.group_samples[0].at).total_seconds()
    findings = transaction_findings(evidence.transactions, topics, groups, broker)
    for view, group in zip(views, groups, strict=True):
        findings += group_findings(group, view.group_status, seconds)
    return LagReport(
        at=at,
        window=round(seconds, 3),
        complete=topics.full,
        groups=tuple(groups),
        findings=tuple(sorted(findings, key=_severity_order, reverse=True)),
    )


def _partition(source: Source, window: Window, evidence: Evidence) -> PartitionLag:
    samples, last = window.positioned_samples(source), window.last.offsets[source]
    status = evaluate_partition(samples, full=window.spanned_by(samples))
    if any(each.source == source for each in evidence.transactions):
        status = worst([status, LagStatus.HANGING])
    oldest_at = evidence.written_at.get((source, last.position)) if last.lag and last.position is not None else None
    written, read = rates(samples)
    return PartitionLag(
        topic=source.topic,
        partition=source.partition,
        status=status,
        committed=last.committed,
        start=last.start,
        stable=last.stable,
        end=last.end,
        lag=last.lag,
        held=min(last.held, last.lag),
        oldest_at=oldest_at,
        age=0.0 if oldest_at is None else round(max(0.0, (window.last.at - oldest_at).total_seconds()), 3),
        rate_in=_rounded(written),
        rate_out=_rounded(read),
        # a group blocked by a transaction catches up when the transaction ends, not by reading
        drain=None if status is LagStatus.HANGING else _rounded(seconds_to_drain(samples)),
        owner=last.owner,
    )


def _severity(status: LagStatus, partitions: Sequence[PartitionLag], evidence: Evidence, now: datetime) -> Severity:
    sources = {Source(each.topic, each.partition) for each in partitions}
    for_good = any(each.source in sources and each.never_ends(now) for each in evidence.transactions)
    return Severity.ERROR if for_good else SEVERITY[status]


def _total(figures: Iterable[float | None]) -> float | None:
    measured = [each for each in figures if each is not None]
    return round(sum(measured), 3) if measured else None


def _longest(figures: Iterable[float | None]) -> float | None:
    """Return the longest duration; None if one never ends."""
    all_figures = list(figures)
    measured = [each for each in all_figures if each is not None]
    return max(measured, default=0.0) if len(measured) == len(all_figures) else None


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 3)


def _severity_order(finding: LagFinding) -> tuple[int, int]:
    return list(Severity).index(finding.severity), list(LagStatus).index(finding.status)
