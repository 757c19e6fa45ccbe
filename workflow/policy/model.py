"""Policy model: the rules and their numbers, versioned by effective date and pinned to a complaint at receipt.

No number of the procedure is in the code. A policy document has a name and its versions, each a full set of rules
from the day it takes effect; a complaint keeps the version of the day it was received, and its snapshot names it.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt

from events.announcements import Announcement
from events.errors import AlurError
from events.snapshot import Complaint
from events.vocabulary import ClockName, ComplaintClass, Status
from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.working_days import Calendar
from workflow.policy.document_errors import meant
from workflow.policy.offices import Directory, OfficeId, Slug, Words
from workflow.policy.overrides import LADDER, NATIONAL, SUPERIOR, Ladder, Override, Rule, most_specific
from workflow.policy.terms import Clocks, Elapsed, Extension, Hours, InDays, Model, Term


class PolicyError(AlurError, ValueError):
    """A policy document, or its offices, cannot be used; the message is the first mistake.

    `mistakes` and `of_offices` have a line for each reason.
    """

    def __init__(self, *mistakes: str, of_offices: Sequence[str] = ()) -> None:
        first, *others = *mistakes, *of_offices
        more = f" ({len(others) + 1} mistakes: `alur policy check` lists all)" if others else ""
        super().__init__(f"{first}{more}")
        self.mistakes, self.of_offices = mistakes, tuple(of_offices)


class UnknownPolicy(LookupError):
    """A complaint is pinned to a version that the policy does not have any more."""


def _sourced(rule: str) -> str:
    if rule not in SOURCED:
        raise ValueError(f"there is no such rule to give a source for{meant(rule, SOURCED, say_all=True)}")
    return rule


Decision = Literal["verify", "postpone", "dispose", "archive"]
"""What a policy can leave to a machine."""
Requirement = Literal["title", "body", "location", "category", "event_date"]
"""What a report can need before it is verified; ``location`` is a place by name or coordinates, or an office."""
ZoneRule = Literal["holder", "national"]
SOURCED: Final = (
    *ClockName,
    "zones",
    "collective_leave",
    "settlement_pauses_in",
    "settlement_pause_cap",
    "extension",
    "hours",
)
"""What a source can be given for: the length of each clock, and what else a due time depends on."""
_DEFAULT_ZONES: Final[dict[ClockName, ZoneRule]] = {ClockName.FOLLOW_UP: "holder", ClockName.CITIZEN_REPLY: "holder"}


class Completeness(Model):
    """What a report needs before it can be verified; without it, it is postponed and the citizen asked."""

    min_body: Annotated[StrictInt, Field(ge=0)] = 10
    """Characters of the body, if that is required."""
    requires: tuple[Requirement, ...] = ("title", "body", "location")


class Duplicates(Model):
    """Rule for duplicate reports. We know of no official rule: all values are defaults to be set."""

    window: Elapsed = Duration(30, Unit.DAYS)
    """How long after the first one, by the clock."""
    min_text: Annotated[StrictInt, Field(ge=1)] = 30
    """Letters and digits that a text needs for it: "jalan rusak" is too common."""
    personal: frozenset[Slug] = frozenset()
    """Categories of personal matters: equal words ("my ID card is not ready") prove nothing there."""

    @property
    def span(self) -> timedelta:
        """The window as a timedelta."""
        return timedelta(**{self.window.unit.value: self.window.amount})


class Reopening(Model):
    """Rule for reopening a closed complaint. We know of no official rule: without this table, never."""

    within: InDays
    """How long after it was closed, in the national zone."""
    limit: Annotated[StrictInt, Field(ge=1)] = 1
    """How often."""
    settlement: Literal["whole", "remaining"] = "whole"
    """What the settlement clock of a reopened complaint has: its whole time, or what was left at the closing."""


class Appeal(Model):
    """Rule for an appeal of the reporter. We know of no official rule: without this table, never."""

    within: InDays
    """How long after it was closed, in the national zone. While it is open: once its time to settle has passed."""


class Rules(Model):
    """Rules of one version, as written in the document."""

    effective_from: date
    """The first day (in the national zone) on which reports that are received fall under it."""
    clocks: Clocks
    settlement: dict[ComplaintClass, Term]
    """Time to settle, by class."""
    settlement_pauses_in: frozenset[Status] = frozenset({Status.POSTPONED, Status.FOLLOWED_UP})
    """Statuses in which the settlement clock stands still."""
    settlement_pause_cap: Term | None = None
    """Working time that all its pauses may take together, as it really passed.

    Without a cap a pause has no end and is counted in days, of which the last is not counted."""
    warn: dict[ClockName, Annotated[StrictFloat, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    """Share of its time after which a clock warns; a clock that is not named does not."""
    warn_in: Literal["elapsed time", "working days"] = "elapsed time"
    """What the share is of; of working days, a warning comes within office hours."""
    zones: dict[ClockName, ZoneRule] = Field(default_factory=dict)
    """In whose zone a clock's days end. By default the holder's for `follow_up` and `citizen_reply`."""
    national_zone: ZoneInfo = ZoneInfo("Asia/Jakarta")
    collective_leave: StrictBool = True
    """Whether *cuti bersama* are days off."""
    completeness: Completeness = Completeness()
    duplicates: Duplicates = Duplicates()
    machine: frozenset[Decision]
    """What the stages may decide by themselves; the rest waits for a person, under its clock."""
    ladder: Ladder
    """The rungs of escalation."""
    return_limit: Annotated[StrictInt, Field(ge=1)]
    """How often offices may return a complaint before only the arbiter can dispose it."""
    arbiter_final: StrictBool = False
    """After that many returns, the office to which the arbiter disposes it cannot return it."""
    completion_limit: Annotated[StrictInt, Field(ge=1)] = 5
    """How often a citizen may complete a report. No rule is known to us: a default to be set."""
    reopen: Reopening | None = None
    """Whether the reporter or an administrator may reopen a closed complaint."""
    appeal: Appeal | None = None
    """Whether the reporter may appeal to the top rung of the ladder."""
    progress_limit: Annotated[StrictInt, Field(ge=0)] = 0
    """How often a holder may record progress. No rule is known to us: by default, never."""
    follow_up_rejection_limit: Annotated[StrictInt, Field(ge=0)] = 0
    """How often follow-ups may be rejected. No rule is known to us: by default, never."""
    late_reply_limit: Annotated[StrictInt, Field(ge=0)] = 3
    """How many replies after a closing are kept. No rule is known to us: a default to be set."""
    citizens: Literal["reporter", "open"] = "reporter"
    """Who speaks for a reporter: the subject named in the report and the channel that reported it, or any citizen.
    A version that took effect before `CITIZENS_SINCE` and says nothing is `open`, as all were then."""
    extension: Extension
    hours: Hours = None
    """When offices work, of wall clocks in the zone that counts. Nothing but working hours depends on it."""
    overrides: tuple[Override, ...] = ()
    """Other times and ladders for some complaints; the most specific one counts (`workflow.policy.overrides`)."""
    sources: dict[Annotated[str, AfterValidator(_sourced)], Words] = Field(default_factory=dict)
    """Where a rule comes from, in words for people; a rule that is not named is a default of ours."""
    national: Annotated[OfficeId, Field(validate_default=True)] = "panrb"
    """The national administrator."""
    arbiter: Annotated[OfficeId, Field(validate_default=True)] = "panrb"
    """Who settles a dispute over competence."""

    @property
    def named_offices(self) -> dict[str, str]:
        """Return the offices that the rules refer to, by their key."""
        others = {f"overrides[{at}].ladder": each.ladder for at, each in enumerate(self.overrides) if each.ladder}
        rungs = {
            f"{key}[{at}]": rung
            for key, ladder in {"ladder": self.ladder, **others}.items()
            for at, rung in enumerate(ladder)
            if rung not in {SUPERIOR, NATIONAL}
        }
        return {"national": self.national, "arbiter": self.arbiter, **rungs}


class Policy(Rules):
    """One version of a policy, with its offices and calendar."""

    name: Slug
    version: str
    """Name and effective date, such as ``lapor/2025-01-01``: what a snapshot pins."""
    calendar: Calendar
    directory: Directory
    announcements: tuple[Announcement, ...] = ()
    """Changes of the calendar that were announced while the engine ran; the calendar has them."""
    announced: int = 0
    """How many changes were announced in all, also those that are no longer kept one by one."""
    earlier: Annotated["Policy | None", Field(repr=False, exclude=True)] = None
    """The same without the last announcement; None if there is none, or it is no longer kept by itself."""

    def as_of(self, announced: int) -> "Policy":
        """Return the version after this number of announcements, at least after those that were compacted."""
        policy = self
        while policy.announced > announced and policy.earlier is not None:
            policy = policy.earlier
        return policy

    def since(self, announced: int) -> "list[Policy]":
        """Return the version after each announcement beyond this number, in order; each has an `earlier` one."""
        found, policy = [], self
        while policy.announced > announced and policy.earlier is not None:
            found.append(policy)
            policy = policy.earlier
        return found[::-1]

    def duration_of(self, clock: ClockName, complaint_class: ComplaintClass) -> Duration:
        """Return the duration of a clock without overrides; only `settlement` depends on the class."""
        if clock is ClockName.SETTLEMENT:
            return self.settlement[complaint_class]
        duration: Duration = getattr(self.clocks, clock)
        return duration

    def override_of(
        self, rule: Rule, category: str | None, complaint_class: ComplaintClass, office: str | None
    ) -> Override | None:
        """Return the override that applies to a rule while ``office`` holds the complaint; None without any."""
        if not self.overrides:
            return None
        level = self.directory.get(office).level if office is not None and office in self.directory else None
        return most_specific(self.overrides, rule, category, complaint_class, level)

    def zone_for(self, clock: ClockName, office: str | None) -> ZoneInfo:
        """Return the zone of a clock's days while ``office`` holds the complaint; raise UnknownOffice."""
        if office is None or self.zone_rule(clock) == "national":
            return self.national_zone
        return self.directory.get(office).zone

    def zone_rule(self, clock: ClockName) -> ZoneRule:
        """Return whose time zone applies to a clock."""
        return self.zones.get(clock) or _DEFAULT_ZONES.get(clock, "national")

    def ladder_for(self, complaint: Complaint, day: date) -> tuple[str, ...]:
        """Return the offices to escalate a complaint to on ``day``, lowest rung first, in its present state.

        Rungs without effect are left out: an office that has ended, the holder itself, or an office already on the
        ladder. Raises UnknownOffice.
        """
        office = complaint.office
        override = self.override_of(LADDER, complaint.category, complaint.class_, office)
        standing_for: dict[str, Callable[[], str | None]] = {
            SUPERIOR: lambda: self.directory.superior_on(office, day) if office else None,
            NATIONAL: lambda: self.national,
        }
        ladder = self.ladder if override is None or override.ladder is None else override.ladder
        resolved = (standing_for[rung]() if rung in standing_for else rung for rung in ladder)
        known = (each for each in resolved if each is not None and self.directory.known(each, day))
        return tuple(dict.fromkeys(each for each in known if each != office))

    def day_of(self, moment: datetime) -> date:
        """Return the date of an instant in the national zone."""
        return moment.astimezone(self.national_zone).date()


class PolicySet:
    """All versions of a policy, sorted by the day they take effect."""

    def __init__(self, name: str, versions: tuple[Policy, ...]) -> None:
        self.name = name
        self.versions = tuple(sorted(versions, key=lambda policy: policy.effective_from))
        self._by_version = {policy.version: policy for policy in self.versions}

    def at(self, when: date) -> Policy:
        """Return the version in force on a day, or at an instant (its day in the national zone).

        Before the first version took effect it is the first. Raises ValueError for a naive instant.
        """
        if isinstance(when, datetime) and when.tzinfo is None:
            raise ValueError(f"{when} has no time zone")
        for policy in reversed(self.versions):
            day = when.astimezone(policy.national_zone).date() if isinstance(when, datetime) else when
            if policy.effective_from <= day:
                return policy
        return self.versions[0]

    def pinned(self, version: str) -> Policy:
        """Return the version a complaint is pinned to; raises UnknownPolicy."""
        try:
            return self._by_version[version]
        except KeyError:
            known = ", ".join(self._by_version)
            raise UnknownPolicy(f'policy "{self.name}" has no version "{version}" (it has {known})') from None

    def governing(self, version: str, when: datetime) -> Policy:
        """Return the version a complaint is pinned to, or, if that is gone, the one in force at ``when``.

        The version of an open complaint is never gone (the engine refuses to start); a settled one, whose citizen rates
        it, uses the present rules.
        """
        return self._by_version.get(version) or self.at(when)
