"""Policy model: the rules and their numbers, versioned by effective date and pinned to a complaint at receipt.

All numbers of the procedure are in the policy document, which has a name and versions. Each version is a full set of
rules from its effective date on; the snapshot of a complaint names the version in force at its receipt.
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
from workflow.policy.document_errors import suggestion
from workflow.policy.offices import Directory, OfficeId, Slug, Words
from workflow.policy.overrides import LADDER, NATIONAL, SUPERIOR, Ladder, OverridableRule, Override, most_specific
from workflow.policy.terms import Clocks, Elapsed, Extension, Hours, InDays, Model, Term


class PolicyError(AlurError, ValueError):
    """A policy document, or its offices, are unusable; `mistakes` and `of_offices` have one line per reason."""

    def __init__(self, *mistakes: str, of_offices: Sequence[str] = ()) -> None:
        first, *others = *mistakes, *of_offices
        more = f" ({len(others) + 1} mistakes: `alur policy check` lists all)" if others else ""
        super().__init__(f"{first}{more}")
        self.mistakes, self.of_offices = mistakes, tuple(of_offices)


class UnknownPolicy(LookupError):
    """A complaint is pinned to a version that the policy no longer has."""


def _sourced(rule: str) -> str:
    if rule not in SOURCED:
        raise ValueError(f"there is no such rule to give a source for{suggestion(rule, SOURCED, say_all=True)}")
    return rule


Decision = Literal["verify", "postpone", "dispose", "archive"]
"""Decisions that a policy can automate."""
Requirement = Literal["title", "body", "location", "category", "event_date"]
"""Requirements for verification; ``location``: a place by name or coordinates, or an office."""
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
"""Rules that can have a source: durations of clocks, and other inputs of due times."""
_DEFAULT_ZONES: Final[dict[ClockName, ZoneRule]] = {ClockName.FOLLOW_UP: "holder", ClockName.CITIZEN_REPLY: "holder"}


class Completeness(Model):
    """Requirements for verification; a report that lacks one is postponed, and the citizen asked."""

    min_body: Annotated[StrictInt, Field(ge=0)] = 10
    """Minimum characters of a required body."""
    requires: tuple[Requirement, ...] = ("title", "body", "location")


class Duplicates(Model):
    """Rule for duplicate reports; no official source is known."""

    window: Elapsed = Duration(30, Unit.DAYS)
    """Maximum time after the first report."""
    min_text: Annotated[StrictInt, Field(ge=1)] = 30
    """Minimum letters and digits of a text: "jalan rusak" is too common."""
    personal: frozenset[Slug] = frozenset()
    """Categories of personal matters, in which equal texts ("my ID card is not ready") are not duplicates."""

    @property
    def span(self) -> timedelta:
        """The window as a timedelta."""
        return timedelta(**{self.window.unit.value: self.window.amount})


class Reopening(Model):
    """Rule for reopening a closed complaint; without it, never. No official source is known."""

    within: InDays
    """Period after the closing, in the national zone."""
    limit: Annotated[StrictInt, Field(ge=1)] = 1
    """Maximum number of reopenings."""
    settlement: Literal["whole", "remaining"] = "whole"
    """Time of a reopened complaint's settlement clock: the full time, or what was left at the closing."""


class Appeal(Model):
    """Rule for an appeal of the reporter; without it, never. No official source is known."""

    within: InDays
    """Period after the closing, in the national zone. An open complaint: after its time to settle."""


class Rules(Model):
    """Rules of one version, as written in the document."""

    effective_from: date
    """First day of receipt, in the national zone, of reports under this version."""
    clocks: Clocks
    settlement: dict[ComplaintClass, Term]
    """Time to settle, by class."""
    settlement_pauses_in: frozenset[Status] = frozenset({Status.POSTPONED, Status.FOLLOWED_UP})
    """Statuses in which the settlement clock pauses."""
    settlement_pause_cap: Term | None = None
    """Maximum working time of all its pauses together.

    Without a cap, pauses are unlimited and count in days, without their last one."""
    warn: dict[ClockName, Annotated[StrictFloat, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    """Share of its time after which a clock warns; others do not warn."""
    warn_in: Literal["elapsed time", "working days"] = "elapsed time"
    """Basis of the share; with working days, warnings are within office hours."""
    zones: dict[ClockName, ZoneRule] = Field(default_factory=dict)
    """Zone of a clock's days; by default the holder's for `follow_up` and `citizen_reply`, else the national one."""
    national_zone: ZoneInfo = ZoneInfo("Asia/Jakarta")
    collective_leave: StrictBool = True
    """Whether *cuti bersama* are days off."""
    completeness: Completeness = Completeness()
    duplicates: Duplicates = Duplicates()
    machine: frozenset[Decision]
    """Automated decisions; the rest waits for a person, with a deadline."""
    ladder: Ladder
    """The rungs of escalation."""
    return_limit: Annotated[StrictInt, Field(ge=1)]
    """Number of returns after which only the arbiter can dispose a complaint."""
    arbiter_final: StrictBool = False
    """Whether the office to which the arbiter disposes it cannot return it."""
    completion_limit: Annotated[StrictInt, Field(ge=1)] = 5
    """Maximum completions of a report by the citizen. No official source is known."""
    reopen: Reopening | None = None
    """Whether the reporter or an administrator may reopen a closed complaint."""
    appeal: Appeal | None = None
    """Whether the reporter may appeal to the top rung of the ladder."""
    progress_limit: Annotated[StrictInt, Field(ge=0)] = 0
    """Maximum progress notes of holders. No official source is known."""
    follow_up_rejection_limit: Annotated[StrictInt, Field(ge=0)] = 0
    """Maximum rejections of follow-ups. No official source is known."""
    late_reply_limit: Annotated[StrictInt, Field(ge=0)] = 3
    """Maximum replies after a closing. No official source is known."""
    citizens: Literal["reporter", "open"] = "reporter"
    """Senders of a citizen's commands: the reporter and the channel of the report, or any citizen (`open`: the default
    before `CITIZENS_SINCE`)."""
    extension: Extension
    hours: Hours = None
    """Office hours, for durations in working hours."""
    overrides: tuple[Override, ...] = ()
    """Other durations and ladders for some complaints (`workflow.policy.overrides`)."""
    sources: dict[Annotated[str, AfterValidator(_sourced)], Words] = Field(default_factory=dict)
    """Sources of rules, for people; a rule without one is an unconfirmed default."""
    national: Annotated[OfficeId, Field(validate_default=True)] = "panrb"
    """The national administrator."""
    arbiter: Annotated[OfficeId, Field(validate_default=True)] = "panrb"
    """Decides disputes over competence."""

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
    """Name and effective date, such as ``lapor/2025-01-01``, as in snapshots."""
    calendar: Calendar
    directory: Directory
    announcements: tuple[Announcement, ...] = ()
    """Announced changes that the calendar includes."""
    announced: int = 0
    """Number of announced changes, including compacted ones."""
    earlier: Annotated["Policy | None", Field(repr=False, exclude=True)] = None
    """The same version without the last announcement; None without one, or if it is compacted."""

    def as_of(self, announced: int) -> "Policy":
        """Return the version after this number of announcements, at least after the compacted ones."""
        policy = self
        while policy.announced > announced and policy.earlier is not None:
            policy = policy.earlier
        return policy

    def since(self, announced: int) -> "list[Policy]":
        """Return the version after each announcement beyond this number, in order; each has an `earlier` one."""
        versions, policy = [], self
        while policy.announced > announced and policy.earlier is not None:
            versions.append(policy)
            policy = policy.earlier
        return versions[::-1]

    def duration_of(self, clock: ClockName, complaint_class: ComplaintClass) -> Duration:
        """Return the duration of a clock without overrides; only `settlement` depends on the class."""
        if clock is ClockName.SETTLEMENT:
            return self.settlement[complaint_class]
        duration: Duration = getattr(self.clocks, clock)
        return duration

    def override_of(
        self, rule: OverridableRule, category: str | None, complaint_class: ComplaintClass, office: str | None
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
        """Return the rule for the time zone of a clock."""
        return self.zones.get(clock) or _DEFAULT_ZONES.get(clock, "national")

    def ladder_for(self, complaint: Complaint, day: date) -> tuple[str, ...]:
        """Return the offices to escalate a complaint to on ``day``, lowest rung first, in its present state.

        Without ended offices, the holder itself, and duplicates. Raises UnknownOffice.
        """
        office = complaint.office
        override = self.override_of(LADDER, complaint.category, complaint.class_, office)
        standing_for: dict[str, Callable[[], str | None]] = {
            SUPERIOR: lambda: self.directory.superior_on(office, day) if office else None,
            NATIONAL: lambda: self.national,
        }
        ladder = self.ladder if override is None or override.ladder is None else override.ladder
        resolved = (standing_for[rung]() if rung in standing_for else rung for rung in ladder)
        existing = (each for each in resolved if each is not None and self.directory.exists_on(each, day))
        return tuple(dict.fromkeys(each for each in existing if each != office))

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

        Before the first version, the first. Raises ValueError for a naive instant.
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
            versions = ", ".join(self._by_version)
            raise UnknownPolicy(f'policy "{self.name}" has no version "{version}" (it has {versions})') from None

    def governing(self, version: str, when: datetime) -> Policy:
        """Return the version a complaint is pinned to, or, if that is gone, the one in force at ``when``.

        Only settled complaints may lack their version, since the engine refuses to start without that of an open one.
        """
        return self._by_version.get(version) or self.at(when)
