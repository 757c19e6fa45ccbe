"""Whether a group gets on: judged by how its offsets moved over a window, not by how large its lag is.

The rules for a partition are those of Burrow (LinkedIn), "Consumer Lag Evaluation Rules" in its wiki, and
`calculatePartitionStatus` in `core/internal/evaluator/caching.go`, in its order:

1. lag that was zero at any time of the window is fine;
2. an offset that went back is an error (REWIND);
3. no commits for as long as the window is an error (STOP);
4. commits that do not move the offset are an error (STALL);
5. lag that never fell from one look to the next, while the offset moves, is a warning (WARN).

Four things differ. By rule 5 lag that stays the same would be a warning, and under a steady load that is what keeping
up looks like: here it has to grow. Burrow reads each commit with its time; we look at the offsets now and then, as
anybody may who is allowed to see the group, so rules 3 and 4 are told apart by who holds the partition: one that a
member holds and does not move is *stalled*, one that nobody holds is *stopped*. Lag is counted up to the last stable
offset: what lies behind an open transaction is no fault of the reader's, and is told as a transaction that hangs
(KIP-664). And an offset outside the log is an error at once: no window brings records back that retention has taken.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

from agents.ops.lag.samples import GroupSample, GroupState, Offsets, PartitionSample, Source, Window


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Status(StrEnum):
    """What is the matter with a partition or a group, from fine to worst."""

    OK = "ok"
    """Caught up at some moment of the window."""
    BEHIND = "behind"
    """Behind all the time, and catching up; or it has not been looked at for long enough."""
    GROWING = "growing"
    """It gets on, is further from the end than before, and never got nearer."""
    HANGING = "hanging-transaction"
    """A transaction has been open for the whole window, and nobody who reads committed records gets past it."""
    REWOUND = "rewound"
    """The committed offset went back."""
    REBALANCING = "rebalancing"
    """The group does not come to an end with sharing out its partitions."""
    STALLED = "stalled"
    """A member holds the partition, and does not move while records wait."""
    STOPPED = "stopped"
    """Records wait, and no member of the group holds the partition."""
    EMPTY = "empty"
    """The group has no members, and there is work for it."""
    BEYOND = "beyond-end"
    """The committed offset lies behind the end of the log: the topic was made anew, or lost its end."""
    LOST = "lost-records"
    """Retention has taken records that the group had not read."""


SEVERITY: Final[dict[Status, Severity]] = {
    Status.OK: Severity.OK,
    Status.BEHIND: Severity.OK,
    Status.GROWING: Severity.WARNING,
    Status.HANGING: Severity.WARNING,
    Status.REWOUND: Severity.ERROR,
    Status.REBALANCING: Severity.ERROR,
    Status.STALLED: Severity.ERROR,
    Status.STOPPED: Severity.ERROR,
    Status.EMPTY: Severity.ERROR,
    Status.BEYOND: Severity.ERROR,
    Status.LOST: Severity.ERROR,
}
"""How bad each is; of a transaction that Kafka will not end by itself the finding says ERROR."""

_RANK: Final = {status: rank for rank, status in enumerate(Status)}
_MOST_OF_THEM: Final = 0.5


def worst(statuses: Sequence[Status]) -> Status:
    """Return the worst of them; of none, OK."""
    return max(statuses, key=_RANK.__getitem__, default=Status.OK)


def evaluate_partition(samples: Sequence[PartitionSample], *, full: bool) -> Status:
    """Judge a partition by the looks that knew where the group was; without any, nothing is held against it.

    Args:
        samples: what was seen, the oldest first.
        full: these looks span the whole window.
    """
    if not samples:
        return Status.OK
    last = samples[-1].offsets
    if last.committed is not None and not last.start <= last.committed <= last.end:
        return Status.LOST if last.committed < last.start else Status.BEYOND
    if any(sample.offsets.unread == 0 for sample in samples):
        return Status.OK  # rule 1
    return _evaluate_moves([sample.offsets for sample in samples], full=full)


def _evaluate_moves(offsets: Sequence[Offsets], *, full: bool) -> Status:
    """Judge a partition in which something was unread all the time."""
    positions = [each.position or 0 for each in offsets]
    if any(later < earlier for earlier, later in pairwise(positions)):
        return Status.REWOUND  # rule 2
    if not full:
        return Status.BEHIND
    if positions[0] == positions[-1]:
        return Status.STOPPED if offsets[-1].owner is None else Status.STALLED  # rules 3 and 4
    unread = [each.unread for each in offsets]
    grows = unread[-1] > unread[0] and all(later >= earlier for earlier, later in pairwise(unread))
    return Status.GROWING if grows else Status.BEHIND  # rule 5


def evaluate_group(window: Window, *, by_the_clock: bool = False) -> Status:
    """Judge a group by whether it has members that work: OK, EMPTY or REBALANCING.

    A group without members is at fault if it has not moved for the whole window while records wait; those who assign
    partitions by hand are no members, and move. One that acts `by_the_clock`, and not only on records, always has work.
    """
    if not window.full:
        return Status.OK
    if _rebalances(window.group_samples):
        return Status.REBALANCING
    deserted = [group_sample.state in {GroupState.EMPTY, GroupState.ABSENT} for group_sample in window.group_samples]
    if not deserted[-1]:
        return Status.OK
    still = any(
        evaluate_partition(window.positioned_samples(source), full=True) is Status.STOPPED
        for source in window.last.offsets
    )
    return Status.EMPTY if still or (by_the_clock and all(deserted)) else Status.OK


def _rebalances(group_samples: Sequence[GroupSample]) -> bool:
    """Say whether the group was sharing out partitions at the first look, at the last, and at most of those between.

    A rebalance ends within seconds. In one that begins again and again, a stable moment may be seen here and there.
    """
    busy = [group_sample.state is GroupState.REBALANCING for group_sample in group_samples]
    return busy[0] and busy[-1] and sum(busy) > _MOST_OF_THEM * len(busy)


def is_stuck(samples: Sequence[PartitionSample], *, full: bool) -> bool:
    """Say whether one transaction has kept readers from what lies behind it for the whole window.

    Transactions that follow on each other move the last stable offset; one that hangs does not.
    """
    offsets = [sample.offsets for sample in samples]
    return full and all(each.held > 0 for each in offsets) and offsets[0].stable == offsets[-1].stable


def is_clear(window: Window, *, by_the_clock: bool = False) -> bool:
    """Say whether the rest of the window could not find fault with the group any more: nothing to wait for."""
    last = window.last
    if last.state is GroupState.REBALANCING or (by_the_clock and last.state is not GroupState.STABLE):
        return False
    return all(_is_clear(window, source) for source in last.offsets)


def _is_clear(window: Window, source: Source) -> bool:
    offsets = [sample.offsets for sample in window.partition_samples(source)]
    placed = [sample.offsets for sample in window.positioned_samples(source)]
    caught_up = not placed or any(each.unread == 0 for each in placed)
    moves_on = any(each.held == 0 for each in offsets) or offsets[0].stable != offsets[-1].stable
    return caught_up and moves_on
