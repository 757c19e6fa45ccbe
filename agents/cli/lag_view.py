"""The lag on a terminal: a table, its impact, and findings."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from rich.console import Group
from rich.text import Text

from agents.cli.tables import new_table
from agents.cli.wording import safe, span
from agents.ops.lag import DeadlinesAtStake, GroupLag, LagReport, LagStatus, PartitionLag, Severity
from agents.ops.lag.rules import SEVERITY
from agents.ops.lag.samples import GroupState

_STYLES: Final = {Severity.OK: "", Severity.WARNING: "yellow", Severity.ERROR: "red"}
_BARS: Final = "▁▂▃▄▅▆▇█"
_TREND_POINTS: Final = 12
_TENTHS_BELOW: Final = 10


def view(report: LagReport, *, partitions: bool, faults: bool = False) -> Group:
    """Render a lag report; `partitions`: all, not only those with lag; `faults`: with `lines`."""
    figures = ("lag", "oldest", "in/s", "out/s", "drained in")
    table = new_table("group", "members", *figures, "status", "trend", right=figures)
    for group in report.groups:
        table.add_row(*_group_row(group), style=_STYLES[group.severity])
        several = len(group.topics) > 1
        for each in group.partitions:
            if partitions or each.lag or each.status is not LagStatus.OK:
                table.add_row(*_partition_row(each, several=several), style=_STYLES[SEVERITY[each.status]] or "dim")
    beneath = [Text(line) for line in lines(report)] if faults else []
    return Group(table, *beneath)


def lines(report: LagReport) -> Iterator[str]:
    """Yield the impact on complaints, the findings, and last a summary for programs."""
    for group in report.groups:
        if impact := _impact(group):
            yield f"{safe(group.group)}: {impact}"
    for finding in report.findings:
        yield safe(str(finding))
    groups, behind = len(report.groups), sum(group.lag for group in report.groups)
    yield f"lag: groups={groups} behind={behind} findings={len(report.findings)} seconds={report.window:.0f}"


def _group_row(group: GroupLag) -> Sequence[str]:
    trend = _trend([point.lag for point in group.trend])
    return (safe(group.group), _members(group), f"{group.lag:,}", *_figures(group), trend)


def _partition_row(each: PartitionLag, *, several: bool) -> Sequence[str]:
    name = f"{each.topic}-{each.partition}" if several else str(each.partition)
    lag = "-" if each.committed is None and not each.lag else f"{each.lag:,}"
    return (f"  {safe(name)}", safe(each.owner or "-"), lag, *_figures(each), "")


def _figures(each: GroupLag | PartitionLag) -> Sequence[str]:
    age = _length(each.age) if each.lag else "-"
    drain = "never" if each.drain is None else _length(each.drain)
    if not each.lag or each.status is LagStatus.HANGING:
        drain = "-"
    return (age, _rate(each.rate_in), _rate(each.rate_out), drain, each.status)


def _members(group: GroupLag) -> str:
    if group.state in {GroupState.REBALANCING, GroupState.UNKNOWN}:
        return group.state
    if group.members is None:
        return "some"
    return str(group.members) if group.members else "none"


def _impact(group: GroupLag) -> str:
    impact = [] if group.waiting is None or group.status is LagStatus.OK else [group.waiting]
    return "; ".join([*impact, *(_at_stake(group.deadlines) if group.deadlines is not None else ())])


def _at_stake(deadlines: DeadlinesAtStake) -> list[str]:
    passed, due = deadlines.passed, deadlines.due
    until = "before it has caught up" if deadlines.drained else "within a day, and no end is in sight"
    missed = [f"deadlines passed unnoticed: {passed:,}"] if passed else []
    return [*missed, f"deadlines that fall due {until}: {due:,}"] if due else missed


def _length(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _TENTHS_BELOW else span(timedelta(seconds=seconds))


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:,.1f}"


def _trend(lags: Sequence[int]) -> str:
    """Draw the lag over time, scaled to its maximum in the window."""
    step = max(1, -(-len(lags) // _TREND_POINTS))
    shown = lags[::-step][::-1]
    highest = max(shown, default=0)
    if not highest:
        return ""
    return "".join(" " if not each else _BARS[(each * len(_BARS) - 1) // highest] for each in shown)
