"""The snapshot: state of a complaint after a fact, without free text and identity."""

from operator import not_
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from events.cloudevents import UNLESS_NONE, Frozen
from events.reports import Location
from events.vocabulary import ClockName, ComplaintClass, Outcome, Status

STATE_TYPE: Final = "lapor.complaint.snapshot.v1"
"""Type of the records of `complaints.state`."""
Unless0 = Annotated[int, Field(exclude_if=not_)]
"""Number that is omitted if zero, as in most snapshots."""
REMEMBERED_COMMANDS: Final = 64
"""Number of most recent commands whose repeats are recognized."""


class Clock(Frozen):
    """A running or paused deadline. Times in UTC, computed once."""

    started_at: AwareDatetime
    due_at: AwareDatetime | None
    """Last moment that is in time; None while paused, unless breached before."""
    warn_at: AwareDatetime | None = None
    warned: bool = False
    breached: bool = False
    paused: bool = False
    remaining: str | None = None
    """While paused, the remaining time, e.g. `9 working days`; with capped pauses, without the pause."""
    resumed_at: AwareDatetime | None = None
    """Time of the last resumption, from which the remaining time counts."""
    paused_for: Annotated[str | None, Field(exclude_if=not_)] = None
    """Working time of its pauses so far, if capped; None without a pause."""
    allotted: Annotated[str | None, Field(exclude_if=not_)] = None
    """Duration from an override of the policy, e.g. `3 working days`; else None."""
    zone: str | None = None
    """Time zone of its days, e.g. `Asia/Makassar`, fixed at its start; None in older snapshots."""

    @property
    def running(self) -> bool:
        """Return whether the clock is neither paused nor breached."""
        return not self.paused and not self.breached

    @property
    def pressing(self) -> bool:
        """Return whether it was missed and its required action is still missing."""
        return self.breached and not self.paused


class ReportReference(Frozen):
    """The complaint's report: ids and lengths, without texts."""

    source: str
    id: str
    revision: int = 1
    """Number of completions by the citizen, from 1."""
    title_length: int
    body_length: int
    dated: bool
    """Whether the report has an event date."""
    content_digests: Annotated[str | None, UNLESS_NONE] = None
    """Keyed digests of the first report, to compare repeats; None in older snapshots."""
    completed_digests: Annotated[str | None, UNLESS_NONE] = None
    """Keyed digests of the completed report; None without a completion."""
    reporter_digest: Annotated[str | None, UNLESS_NONE] = None
    """Keyed digest of complaint id and the reporter's subject; None without a subject."""


class ExtensionRequest(Frozen):
    """A requested extension that the superior has not decided yet."""

    working_days: int
    requested_at: AwareDatetime


class Waiting(Frozen):
    """For whom a complaint waits, and why."""

    who: str
    """Id of an office, or `reporter`."""
    why: str
    """`verification`, `completion`, `disposition`, `no-competent-office`, `return-limit`, `follow-up`, `office-ended`,
    `reply`: an open list."""


class Complaint(Frozen):
    """Snapshot of a complaint."""

    complaint_id: str
    tracking_id: str
    version: Annotated[int, Field(ge=1)]
    """Number of its last fact; the first is 1."""
    status: Status
    class_: ComplaintClass = Field(alias="class")
    category: str | None
    location: Location | None
    channel: str
    report: ReportReference
    anonymous: bool
    secret: bool
    chosen_office: str | None
    """The office that the reporter chose, if the directory has it."""
    follows: Annotated[str | None, Field(exclude_if=not_)] = None
    """Tracking number or id of the earlier complaint that its reporter named."""
    office: str | None = None
    """The holder."""
    round: int = 0
    """Number of dispositions so far."""
    returns: int = 0
    """Number of returns (*bukan wewenang*)."""
    returned_by: tuple[str, ...] = ()
    rung: int = 0
    """Number of offices notified by escalation."""
    escalated_to: tuple[str, ...] = ()
    """The offices notified by escalation, one per rung."""
    earlier_rungs: Unless0 = 0
    """Number of offices notified before the complaint was last restored or reopened, which restarts the ladder."""
    escalation_due: bool = False
    """A breach waits for escalation."""
    exhausted: bool = False
    """The ladder has no further rung: an incident for the operators."""
    policy: str
    """The policy version in force when it was received."""
    calendar: int = 0
    """Number of announced calendar changes in the calendar of its deadlines."""
    received_at: AwareDatetime
    updated_at: AwareDatetime
    clocks: dict[ClockName, Clock] = Field(default_factory=dict)
    breaches: int = 0
    extension: ExtensionRequest | None = None
    extended_days: int = 0
    """Total days of extension granted."""
    extensions: int = 0
    """Number of extensions granted so far."""
    waiting_for: Annotated[Waiting | None, Field(exclude_if=not_)] = None
    """As of the last fact; None if settled, and in older snapshots."""
    restorations: Unless0 = 0
    """Number of times it was restored."""
    reopenings: Unless0 = 0
    """Number of times it was reopened."""
    appealed_to: Annotated[str | None, Field(exclude_if=not_)] = None
    """The office to which the reporter has appealed."""
    progress_notes: Unless0 = 0
    """Number of progress notes of its holders."""
    late_replies: Unless0 = 0
    """Number of replies after a closing."""
    closed_clock: Annotated[Clock | None, Field(exclude_if=not_)] = None
    """The settlement clock, stopped by the closing, and resumed by a reopening; None while open, or if it would restart
    with its full time."""
    follow_up_rejections: Unless0 = 0
    """Number of rejected follow-ups."""
    answered_clock: Annotated[Clock | None, Field(exclude_if=not_)] = None
    """While `followed_up`, the follow-up clock, stopped by the answer, and resumed by its rejection; None if the policy
    has no rejections."""
    outcome: Outcome | None = None
    closed_at: AwareDatetime | None = None
    working_days: int | None = None
    """Working days from receipt to settlement, by the calendar of that time."""
    rating: int | None = None
    story_published: bool | None = None
    """Whether its story is public; None if undecided. Left out by earlier releases only, which published each story."""
    erased: Annotated[tuple[str, ...], Field(exclude_if=not_)] = ()
    """Erased data, `identity` or `texts`: an open list."""
    recent: tuple[str, ...] = ()
    """Digests of the last commands that had an effect."""
