"""Findings of a lag report: one line each, with the problem and what to do."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from agents.ops.lag.report import GroupLag, LagFinding, PartitionLag
from agents.ops.lag.rules import SEVERITY, LagStatus, Severity
from agents.ops.lag.samples import Window
from agents.ops.lag.transactions import OpenTransaction
from events.wording import number_of

STAGE_IMPACTS: Final[dict[str, tuple[str, str]]] = {
    "intake": ("report", "not registered: no complaint, no tracking id, no deadline yet"),
    "lifecycle": ("command", "not decided; each still counts from its own timestamp"),
    "verification": ("fact", "not processed: new complaints wait for verification"),
    "disposition": ("fact", "not processed: verified complaints wait for an office"),
    "sla": ("snapshot", "without a timer: deadlines are noticed late"),
    "escalation": ("fact", "not processed: missed deadlines are not escalated"),
    "resolution": ("fact", "not processed: settled complaints are not published"),
}
"""By stage: the unit of its backlog, and its consequence for complaints."""
ON_DEADLINES: Final = frozenset({"lifecycle", "verification", "disposition", "sla", "escalation"})
"""Stages whose lag makes people miss deadlines, or breaches be noticed late."""
BY_THE_CLOCK: Final = frozenset({"sla"})
"""Timer-driven stages: without a worker, deadlines pass unnoticed even without lag."""


def without_members(stage: str | None) -> LagStatus:
    """Return the status of a group without members or backlog."""
    if stage is None:
        return LagStatus.OK
    return LagStatus.EMPTY if stage in BY_THE_CLOCK else LagStatus.IDLE


def waiting(stage: str | None, lag: int) -> str | None:
    """Return a phrase for the backlog of a stage: an upper bound, since control records take offsets too."""
    if stage is None or lag == 0:
        return None
    record, consequence = STAGE_IMPACTS[stage]
    return f"up to {number_of(lag, record)} {consequence}"


_OF_THE_GROUP: Final = (LagStatus.IDLE, LagStatus.EMPTY, LagStatus.REBALANCING)
_OUTSIDE_THE_LOG: Final = (LagStatus.LOST, LagStatus.BEYOND)


def group_findings(group: GroupLag, own: LagStatus, seconds: float) -> list[LagFinding]:
    """Return the findings on a group over `seconds`: one on the group itself (`own`), else by fault and topic."""
    findings = []
    if own in _OF_THE_GROUP:
        findings.append(_group_finding(group, own, seconds))
    for status in LagStatus:
        # without working members, no movement is expected
        silent = own in _OF_THE_GROUP and status not in _OUTSIDE_THE_LOG
        if SEVERITY[status] is Severity.OK or status is LagStatus.HANGING or silent:
            continue
        by_topic: dict[str, list[PartitionLag]] = {}
        for partition in group.partitions:
            if partition.status is status:
                by_topic.setdefault(partition.topic, []).append(partition)
        for topic, partitions in by_topic.items():
            text = _TEXTS[status](group, partitions, seconds)
            findings.append(_finding(group, status, topic, partitions, text))
    return findings


def transaction_findings(
    transactions: Sequence[OpenTransaction], topics: Window, groups: Sequence[GroupLag], broker: str
) -> list[LagFinding]:
    """Return a finding for each transaction that blocks readers, with the partitions that it blocks."""
    now = topics.last.at
    by_owner: dict[tuple[str, int | None, str | None, bool], list[OpenTransaction]] = {}
    for each in transactions:
        key = (each.source.topic, each.producer_id, each.transactional_id, each.never_ends(now))
        by_owner.setdefault(key, []).append(each)
    findings = []
    for (topic, _, _, for_good), several in by_owner.items():
        held = sum(topics.last.offsets[each.source].held for each in several)
        readers = ", ".join(group.group for group in groups if topic in group.topics) or "its readers"
        numbers = tuple(each.source.partition for each in several)
        findings.append(
            LagFinding(
                status=LagStatus.HANGING,
                severity=Severity.ERROR if for_good else Severity.WARNING,
                group=None,
                topic=topic,
                partitions=numbers,
                what=f"{_owner(several[0])} has been open {_since(several[0], now)} in {_source(topic, numbers)} and "
                f"blocks {number_of(held, 'offset')} for {readers}",
                todo=_end_it(several, broker, for_good=for_good),
            )
        )
    return findings


def _group_finding(group: GroupLag, status: LagStatus, seconds: float) -> LagFinding:
    if status is LagStatus.REBALANCING:
        what = f"{group.group} has been rebalancing for {seconds:.0f} s"
        todo = "look in the logs of its members for one that keeps joining and leaving, and stop it"
    else:
        idle = "deadlines pass unnoticed" if status is LagStatus.EMPTY else "new records will wait"
        waits = _waits(group.partitions) if group.lag else idle
        seen = "" if group.seen_at is None else f" (the last on {group.seen_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"
        what = f"{group.group} has no members{seen} and has not moved for {seconds:.0f} s: {waits}"
        delete = f"kafka-consumer-groups.sh --delete --group {group.group}"
        todo = _start(group) if group.stage else f"start its consumers; if it is not needed, delete it ({delete})"
    return _finding(group, status, None, [each for each in group.partitions if each.lag], (what, todo))


def _finding(
    group: GroupLag, status: LagStatus, topic: str | None, partitions: Sequence[PartitionLag], text: tuple[str, str]
) -> LagFinding:
    return LagFinding(
        status=status,
        severity=SEVERITY[status],
        group=group.group,
        topic=topic,
        partitions=tuple(each.partition for each in partitions),
        what=text[0],
        todo=text[1],
    )


_Text = tuple[str, str]
"""The problem, and what to do."""


def _growing(group: GroupLag, partitions: Sequence[PartitionLag], seconds: float) -> _Text:
    written, read = (sum(getattr(each, name) or 0.0 for each in partitions) for name in ("rate_in", "rate_out"))
    flow = f"{written:.1f} offsets/s written, {read:.1f} read"
    what = f"the lag of {group.group} grew for {seconds:.0f} s in {_where(partitions)}: {flow}"
    # intake waits on purpose while lifecycle is behind
    stage = "lifecycle" if group.stage == "intake" else group.stage
    workers = f"workers of {stage}" if stage else "consumers"
    return what, f"if it lasts longer than a burst, add {workers}, up to one per partition"


def _stalled(group: GroupLag, partitions: Sequence[PartitionLag], seconds: float) -> _Text:
    owners = ", ".join(sorted({each.owner or "" for each in partitions}))
    what = f"{group.group} has not moved for {seconds:.0f} s in {_where(partitions)}: {_waits(partitions)} for {owners}"
    safely = "; nothing is lost" if group.stage else ""
    return what, f"look at its log; if it is frozen, kill -9 it, and another member takes over{safely}"


def _stopped(group: GroupLag, partitions: Sequence[PartitionLag], seconds: float) -> _Text:
    still = f"it has not moved for {seconds:.0f} s"
    what = f"no member of {group.group} owns {_where(partitions)}: {still}, and {_waits(partitions)}"
    return what, _start(group) if group.stage else "check whether its members still subscribe to the topic"


def _rewound(group: GroupLag, partitions: Sequence[PartitionLag], _seconds: float) -> _Text:
    what = f"the committed offset of {group.group} went back in {_where(partitions)}: records are read again"
    repeats = "; the stage recognizes repeats" if group.stage else ""
    return what, f"unless it was reset, look for two consumers that commit for the same group{repeats}"


def _beyond(group: GroupLag, partitions: Sequence[PartitionLag], _seconds: float) -> _Text:
    far = ", ".join(f"{each.committed:,} of {each.end:,}" for each in partitions)
    what = f"{group.group} has committed offsets beyond the end of {_where(partitions)} ({far})"
    todo = "the topic was recreated or truncated: stop the group, then kafka-consumer-groups.sh --reset-offsets"
    return what, todo


def _lost(group: GroupLag, partitions: Sequence[PartitionLag], _seconds: float) -> _Text:
    gone = sum(each.start - (each.committed or 0) for each in partitions)
    what = f"{number_of(gone, 'offset')} of {_where(partitions)} were deleted before {group.group} had read them"
    todo = f"raise the retention (kafka-configs.sh --alter --topic {partitions[0].topic} --add-config retention.ms=...)"
    return what, f"{todo}, and run alur audit to see what is missing" if group.stage else todo


_TEXTS: Final[Mapping[LagStatus, Callable[[GroupLag, Sequence[PartitionLag], float], _Text]]] = {
    LagStatus.GROWING: _growing,
    LagStatus.REWOUND: _rewound,
    LagStatus.STALLED: _stalled,
    LagStatus.STOPPED: _stopped,
    LagStatus.BEYOND: _beyond,
    LagStatus.LOST: _lost,
}


def _start(group: GroupLag) -> str:
    frozen = any(each.committed is not None for each in group.partitions)
    kill = "; if its process still exists, it is frozen: kill -9 it first, nothing is lost" if frozen else ""
    return f"start a worker: alur run {group.stage}{kill}"


def _owner(transaction: OpenTransaction) -> str:
    if transaction.transactional_id is not None:
        return f"a transaction of {transaction.transactional_id!r}"
    if transaction.producer_id is not None:
        return f"a transaction of producer {transaction.producer_id}, which the coordinator does not report,"
    return "a transaction that this user has no right to see"


def _since(transaction: OpenTransaction, now: datetime) -> str:
    since = transaction.started_at or transaction.written_at
    return "for the whole window" if since is None else f"for {max(0, (now - since).total_seconds()):.0f} s"


def _end_it(several: Sequence[OpenTransaction], broker: str, *, for_good: bool) -> str:
    if for_good:
        each = several[0]
        return (
            "it will not end by itself: kafka-transactions.sh --bootstrap-server "
            f"{broker} abort --topic {each.source.topic} --partition {each.source.partition} "
            f"--start-offset {each.start_offset}" + (", likewise for each partition" if several[1:] else "")
        )
    ends_at = several[0].ends_at
    if ends_at is None:
        return "look for its producer, which only users with the right to read the topic see"
    return f"look for its producer; Kafka aborts it soon after {ends_at.astimezone(UTC):%H:%M:%S} UTC"


def _where(partitions: Sequence[PartitionLag]) -> str:
    return _source(partitions[0].topic, [each.partition for each in partitions])


def _waits(partitions: Sequence[PartitionLag]) -> str:
    number = sum(each.lag for each in partitions)
    return f"{number_of(number, 'offset')} {'waits' if number == 1 else 'wait'}"


def _source(topic: str, numbers: Sequence[int]) -> str:
    return f"{topic} {'partition' if len(numbers) == 1 else 'partitions'} {', '.join(map(str, numbers))}"
