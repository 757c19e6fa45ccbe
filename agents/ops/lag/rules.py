"""Rules for the status of a group: by how its offsets move within a window, not by the size of its lag.

The rules for a partition are those of Burrow (LinkedIn), "Consumer Lag Evaluation Rules" in its wiki, and
`calculatePartitionStatus` in `core/internal/evaluator/caching.go`, in its order:

1. lag that was zero at any time of the window is fine;
2. an offset that went back is an error (REWIND);
3. no commits for as long as the window is an error (STOP);
4. commits that do not move the offset are an error (STALL);
5. lag that never fell from one sample to the next, while the offset moves, is a warning (WARN).

Four things differ:

* constant lag is not a warning by rule 5, since a group under steady load has it: the lag has to grow;
* rules 3 and 4 differ by the partition's owner, since samples have no commit times: an offset that does not
  move is *stalled* with an owner, *stopped* without;
* lag counts up to the last stable offset: an open transaction is not the reader's fault, and is reported as a hanging
  transaction (KIP-664);
* an offset outside the log is an error at once, since records are lost.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

from agents.ops.lag.samples import GroupSample, GroupState, Offsets, PartitionSample, Source, Window


class Severity(StrEnum):
    """Severity of a status or a finding."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class LagStatus(StrEnum):
    """Status of a partition or a group, from best to worst."""

    OK = "ok"
    """Caught up at some time within the window."""
    BEHIND = "behind"
    """Lag throughout the window, but catching up; or not sampled for long enough."""
    IDLE = "idle"
    """The group has no members, and there is no work for it yet."""
    GROWING = "growing"
    """The group reads, but its lag has grown and never fell."""
    HANGING = "hanging-transaction"
    """A transaction open for the whole window blocks `read_committed` consumers."""
    REWOUND = "rewound"
    """The committed offset went back."""
    REBALANCING = "rebalancing"
    """The group keeps rebalancing."""
    STALLED = "stalled"
    """A member owns the partition, but its offset does not move while records wait."""
    STOPPED = "stopped"
    """Records wait, and no member of the group owns the partition."""
    EMPTY = "empty"
    """The group has no members, and there is work for it."""
    BEYOND = "beyond-end"
    """The committed offset is beyond the end of the log: the topic was recreated, or truncated."""
    LOST = "lost-records"
    """Retention has deleted records that the group had not read."""


SEVERITY: Final[dict[LagStatus, Severity]] = {
    **dict.fromkeys((LagStatus.OK, LagStatus.BEHIND), Severity.OK),
    **dict.fromkeys((LagStatus.IDLE, LagStatus.GROWING, LagStatus.HANGING), Severity.WARNING),
    **dict.fromkeys((LagStatus.REWOUND, LagStatus.REBALANCING, LagStatus.STALLED, LagStatus.STOPPED), Severity.ERROR),
    **dict.fromkeys((LagStatus.EMPTY, LagStatus.BEYOND, LagStatus.LOST), Severity.ERROR),
}
"""Severity by status; a transaction that Kafka will not abort is an ERROR."""

_RANK: Final = {status: rank for rank, status in enumerate(LagStatus)}


def worst(statuses: Sequence[LagStatus]) -> LagStatus:
    """Return the worst status; OK if there is none."""
    return max(statuses, key=_RANK.__getitem__, default=LagStatus.OK)


def evaluate_partition(samples: Sequence[PartitionSample], *, full: bool) -> LagStatus:
    """Return a partition's status by its samples with a known position, oldest first; `full`: they span the window."""
    if not samples:
        return LagStatus.OK
    last = samples[-1].offsets
    if last.committed is not None and not last.start <= last.committed <= last.end:
        return LagStatus.LOST if last.committed < last.start else LagStatus.BEYOND
    if any(sample.offsets.unread == 0 for sample in samples):
        return LagStatus.OK  # rule 1
    return _evaluate_moves([sample.offsets for sample in samples], full=full)


def _evaluate_moves(offsets: Sequence[Offsets], *, full: bool) -> LagStatus:
    """Return the status of a partition that has a backlog in each sample."""
    positions = [each.position or 0 for each in offsets]
    if any(later < earlier for earlier, later in pairwise(positions)):
        return LagStatus.REWOUND  # rule 2
    if not full:
        return LagStatus.BEHIND
    if positions[0] == positions[-1]:
        return LagStatus.STOPPED if offsets[-1].owner is None else LagStatus.STALLED  # rules 3 and 4
    unread = [each.unread for each in offsets]
    grows = unread[-1] > unread[0] and all(later >= earlier for earlier, later in pairwise(unread))
    return LagStatus.GROWING if grows else LagStatus.BEHIND  # rule 5


def evaluate_group(window: Window, *, deserted: LagStatus = LagStatus.OK) -> LagStatus:
    """Return whether a group has members that work: OK, IDLE, EMPTY or REBALANCING.

    A group without members is EMPTY if its offsets have not moved for the whole window while records wait: consumers
    with manually assigned partitions are not members, but commit. If no records wait, its status is `deserted`.
    """
    if not window.full:
        return LagStatus.OK
    if _rebalances(window.group_samples):
        return LagStatus.REBALANCING
    empty = [group_sample.state in {GroupState.EMPTY, GroupState.ABSENT} for group_sample in window.group_samples]
    if not empty[-1]:
        return LagStatus.OK
    still = any(
        evaluate_partition(window.positioned_samples(source), full=True) is LagStatus.STOPPED
        for source in window.last.offsets
    )
    if still:
        return LagStatus.EMPTY
    return deserted if all(empty) else LagStatus.OK


def _rebalances(group_samples: Sequence[GroupSample]) -> bool:
    """Check whether the group rebalances in the first sample, the last one, and most of those between."""
    busy = [group_sample.state is GroupState.REBALANCING for group_sample in group_samples]
    return busy[0] and busy[-1] and 2 * sum(busy) > len(busy)


def is_stuck(samples: Sequence[PartitionSample], *, full: bool) -> bool:
    """Check whether one transaction has blocked readers for the whole window.

    Successive transactions move the last stable offset; a hanging one does not.
    """
    offsets = [sample.offsets for sample in samples]
    return full and all(each.held > 0 for each in offsets) and offsets[0].stable == offsets[-1].stable


def is_clear(window: Window, *, needs_members: bool = False) -> bool:
    """Check whether no later sample in the window can make the group's status worse."""
    last = window.last
    if last.state is GroupState.REBALANCING or (needs_members and last.state is not GroupState.STABLE):
        return False
    return all(_is_clear(window, source) for source in last.offsets)


def _is_clear(window: Window, source: Source) -> bool:
    offsets = [sample.offsets for sample in window.partition_samples(source)]
    positioned = [each for each in offsets if each.position is not None]
    caught_up = not positioned or any(each.unread == 0 for each in positioned)
    moves_on = any(each.held == 0 for each in offsets) or offsets[0].stable != offsets[-1].stable
    return caught_up and moves_on
