"""Checks against the policy: how often and until when an action may be repeated or reversed, and the time left."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from events import facts as f
from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName, Status
from workflow.deadlines.due_dates import due_at
from workflow.deadlines.durations import Duration
from workflow.machine.clocks import ClockContext
from workflow.policy.model import Policy


class _Bound(NamedTuple):
    """Limits of a fact type: count so far, maximum count, and period after the closing (None: unlimited)."""

    so_far: Callable[[Complaint], int]
    limit: Callable[[Policy], int]
    within: Callable[[Policy], Duration | None] = lambda _: None


_BOUNDS: Final[dict[type[f.Fact], _Bound]] = {
    f.ProgressRecorded: _Bound(lambda before: before.progress_notes, lambda policy: policy.progress_limit),
    f.LateReplyRecorded: _Bound(lambda before: before.late_replies, lambda policy: policy.late_reply_limit),
    f.FollowUpRejected: _Bound(
        lambda before: before.follow_up_rejections, lambda policy: policy.follow_up_rejection_limit
    ),
    f.ComplaintReopened: _Bound(
        lambda before: before.reopenings,
        lambda policy: policy.reopen.limit if policy.reopen else 0,
        lambda policy: policy.reopen.within if policy.reopen else None,
    ),
    f.ComplaintAppealed: _Bound(
        lambda before: int(before.appealed_to is not None),
        lambda policy: int(policy.appeal is not None),
        lambda policy: policy.appeal.within if policy.appeal else None,
    ),
}


def exceeded(before: Complaint, recorded: f.Recorded, policy: Policy) -> Iterator[str]:
    """Yield the limits of the policy that a fact exceeds.

    Times are compared only if no holiday was announced, since the audit knows only the policy's calendar.
    """
    bound = _BOUNDS.get(type(recorded.fact))
    if bound is None:
        return
    so_far, limit = bound.so_far(before), bound.limit(policy)
    if so_far >= limit:
        yield f"{recorded.fact.NAME} after {so_far} before it, and policy {policy.version} allows {limit}"
    settlement = before.clocks.get(ClockName.SETTLEMENT)
    within = bound.within(policy) if before.status is Status.CLOSED else None
    if within is not None and before.closed_at is not None and recorded.complaint.calendar == 0:
        until = due_at(before.closed_at, within, policy.national_zone, policy.calendar, hours=policy.hours)
        if recorded.at > until:
            yield f"{recorded.fact.NAME} at {recorded.at}, and it was possible until {until}"
    appealed = isinstance(recorded.fact, f.ComplaintAppealed) and before.status is not Status.CLOSED
    if appealed and (settlement is None or not settlement.breached):
        yield f"{recorded.fact.NAME} before its time to settle has passed"


def time_lost(before: Complaint, recorded: f.Recorded, policy: Policy | None) -> Iterator[str]:
    """Yield errors in the remaining time of a clock that an answer or closing stops, and its reversal resumes."""
    fact, at = recorded.fact, recorded.at
    exact = policy is not None and recorded.complaint.calendar == 0
    context = ClockContext.of(policy, before) if policy and exact else None
    if isinstance(fact, f.FollowUpRecorded) and fact.answered_clock is not None:
        running = before.clocks.get(ClockName.FOLLOW_UP)
        stopped = context.pause(ClockName.FOLLOW_UP, running, at) if context and running else None
        expected = before.answered_clock if running is None else stopped
        if expected is not None and fact.answered_clock != expected:
            yield f"the answer leaves {fact.answered_clock.remaining} of follow_up, not {expected.remaining}"
    elif isinstance(fact, f.FollowUpRejected) and before.answered_clock is not None:
        expected = context.resume(ClockName.FOLLOW_UP, before.answered_clock, at) if context else None
        yield from _not_going_on(ClockName.FOLLOW_UP, before.answered_clock, recorded, expected)
    elif isinstance(fact, f.ComplaintReopened) and before.closed_clock is not None:
        expected = context.go_on(ClockName.SETTLEMENT, before.closed_clock, at) if context else None
        yield from _not_going_on(ClockName.SETTLEMENT, before.closed_clock, recorded, expected)


def _not_going_on(name: ClockName, kept: Clock, recorded: f.Recorded, expected: Clock | None) -> Iterator[str]:
    clock = recorded.complaint.clocks[name]
    ahead = kept.breached or (clock.due_at is not None and clock.due_at >= recorded.at)
    if clock.breached != kept.breached or not ahead:
        yield f"{name} is missed by {recorded.fact.NAME} itself, due {clock.due_at}"
    elif expected is not None and clock != expected:
        yield f"{name} goes on until {clock.due_at}, not {expected.due_at}: {kept.remaining} were left"
