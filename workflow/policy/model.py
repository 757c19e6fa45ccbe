"""The rules with numbers in them, as data: versioned by effective date and pinned to a complaint when it is received.

No number of the procedure stands in the code. A policy document has a name and its versions, each a full set of rules
from the day it takes effect; a complaint keeps the version of the day it was received, and its snapshot names it.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    field_validator,
)

from events.announcements import Announcement
from events.errors import AlurError
from events.vocabulary import ClockName, ComplaintClass, Status
from workflow.deadlines.durations import LONGEST_IN_DAYS, Duration, Unit
from workflow.deadlines.office_hours import OfficeHours
from workflow.deadlines.working_days import Calendar
from workflow.policy.offices import Directory, Slug, Words

SUPERIOR: Final = "superior"
"""Rung of a ladder: the office above the holder."""
NATIONAL: Final = "national"
"""Rung of a ladder: the national administrator."""


class PolicyError(AlurError, ValueError):
    """A policy document cannot be used; `mistakes` has a line for each reason, the message is the first."""

    def __init__(self, *mistakes: str) -> None:
        more = f" ({len(mistakes)} mistakes: `alur policy check` lists all)" if len(mistakes) > 1 else ""
        super().__init__(f"{mistakes[0]}{more}")
        self.mistakes = mistakes


class UnusableOffices(PolicyError):
    """The offices that a policy is applied with cannot be used; the message names the office and the mistake."""


class UnknownPolicy(LookupError):
    """A complaint is pinned to a version that the policy no longer has."""


def _duration(written: object) -> Duration:
    if isinstance(written, Duration):
        return written
    duration = Duration.parse(written) if isinstance(written, str) else None
    if duration is None or not duration.amount:
        raise ValueError(f'{written!r} is not a duration of some length (write "3 working days" or "20 seconds")')
    return duration


def _hours(written: object) -> OfficeHours | None:
    match written:
        case None | OfficeHours():
            return written
        case str():
            return OfficeHours.parse(written)
        case {"usual": str() as usual, "friday": str() as friday, **others} if not others:
            return OfficeHours.parse(usual, friday)
    raise ValueError(f'{written!r} are no office hours (write "08:00-16:00", or one such for usual and for friday)')


def _sourced(rule: str) -> str:
    if rule not in SOURCED:
        raise ValueError(f"there is no such rule to give a source for (there are {', '.join(SOURCED)})")
    return rule


def _every_class(terms: dict[ComplaintClass, Duration]) -> dict[ComplaintClass, Duration]:
    if missing := [each for each in ComplaintClass if each not in terms]:
        raise ValueError(f"no time to settle for {', '.join(missing)}")
    return terms


def _elapsed(written: object) -> Duration:
    duration = _duration(written)
    if duration.unit not in {Unit.DAYS, Unit.SECONDS}:
        raise ValueError(f'{duration}: goes by the clock (write "30 days" or "20 seconds")')
    return duration


def _in_days(written: object) -> Duration:
    duration = _duration(written)
    if duration.unit is Unit.WORKING_SECONDS:
        raise ValueError(f'{duration}: goes by days or seconds (write "10 working days")')
    return duration


Term = Annotated[Duration, PlainValidator(_duration)]
Decision = Literal["verify", "postpone", "dispose", "archive"]
"""What a policy can leave to a machine."""
Requirement = Literal["title", "body", "location", "category", "event_date"]
"""What a report can need before it is verified; ``location`` is a place by name or coordinates, or an office."""
ZoneRule = Literal["holder", "national"]
Hours = Annotated[OfficeHours | None, PlainValidator(_hours)]
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


class Model(BaseModel):
    """Table of a policy document: an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Clocks(Model):
    """How long each clock runs that is the same for every class."""

    verification: Term
    completion: Term
    follow_up: Term
    citizen_reply: Term
    escalation: Term


class Completeness(Model):
    """What a report needs before it can be verified; without it, it is postponed and the citizen asked."""

    min_body: Annotated[StrictInt, Field(ge=0)] = 10
    """Characters of the body, if that is required."""
    requires: tuple[Requirement, ...] = ("title", "body", "location")


class Duplicates(Model):
    """When a report is the same again. No rule is known to us: all are defaults to be set."""

    window: Annotated[Duration, PlainValidator(_elapsed)] = Duration(30, Unit.DAYS)
    """How long after the first one, by the clock."""
    min_text: Annotated[StrictInt, Field(ge=1)] = 30
    """Letters and digits that a text needs for it: "jalan rusak" is too common."""
    personal: frozenset[Slug] = frozenset()
    """Categories of personal matters: equal words ("my ID card is not ready") prove nothing there."""

    @property
    def span(self) -> timedelta:
        """The window as a length of time."""
        return timedelta(**{self.window.unit.value: self.window.amount})


class Reopening(Model):
    """When a closed complaint can be reopened. No rule is known to us: without this table, never."""

    within: Annotated[Duration, PlainValidator(_in_days)]
    """How long after it was closed, in the national zone."""
    limit: Annotated[StrictInt, Field(ge=1)] = 1
    """How often."""


class Appeal(Model):
    """When a reporter can appeal. No rule is known to us: without this table, never."""

    within: Annotated[Duration, PlainValidator(_in_days)]
    """How long after it was closed, in the national zone. While it is open: once its time to settle has passed."""


class Extension(Model):
    """How far an office may ask its superior to extend its time to follow up."""

    day: Term
    """What one day of an extension is: a working day, or a few seconds in a demonstration."""
    max_days: Annotated[StrictInt, Field(ge=1, le=365)]
    max_times: Annotated[StrictInt, Field(ge=0)]


class Rules(Model):
    """One version as it is written."""

    effective_from: date
    """The first day (in the national zone) on which reports that are received fall under it."""
    clocks: Clocks
    settlement: Annotated[dict[ComplaintClass, Term], AfterValidator(_every_class)]
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
    ladder: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """The rungs of escalation, lowest first: `superior`, `national` or the id of an office."""
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
    hours: Annotated[Hours, Field(validate_default=True)] = None
    """When offices work, of wall clocks in the zone that counts. Nothing but working hours depends on it."""
    sources: dict[Annotated[str, AfterValidator(_sourced)], Words] = Field(default_factory=dict)
    """Where a rule comes from, in words for people; a rule that is not named is a default of ours."""
    national: Slug = "panrb"
    """The national administrator."""
    arbiter: Slug = "panrb"
    """Who settles a dispute over competence."""

    @field_validator("hours")
    @classmethod
    def _needed(cls, hours: OfficeHours | None, info: ValidationInfo) -> OfficeHours | None:
        """Look at the hours beside the durations, as far as those can be read."""
        if {"clocks", "settlement", "extension"} <= info.data.keys():
            check_hours(hours, info.data["clocks"], info.data["settlement"], info.data["extension"])
            if hours is None and info.data.get("warn_in") == "working days":
                raise ValueError('missing, and warn_in is "working days" (write hours = "08:00-16:00")')
            check_cap(hours, info.data.get("settlement_pause_cap"), info.data["settlement"])
        return hours

    @property
    def named_offices(self) -> dict[str, str]:
        """Return the offices that the rules name, by their key."""
        rungs = {f"ladder[{at}]": rung for at, rung in enumerate(self.ladder) if rung not in {SUPERIOR, NATIONAL}}
        return {"national": self.national, "arbiter": self.arbiter, **rungs}


def check_hours(
    hours: OfficeHours | None, clocks: Clocks, settlement: Mapping[ComplaintClass, Duration], extension: Extension
) -> None:
    """Raise ValueError if working hours cannot be counted with these office hours, or be extended by that day."""
    written = {name: getattr(clocks, name) for name in Clocks.model_fields}
    written |= {f"settlement.{name}": duration for name, duration in settlement.items()}
    written["extension.day"] = extension.day
    for name, duration in written.items():
        if duration.unit is not Unit.WORKING_SECONDS:
            continue
        if hours is None:
            raise ValueError(f'missing, and {name} counts working hours (write hours = "08:00-16:00")')
        if duration.amount > LONGEST_IN_DAYS * hours.shortest_day.total_seconds():
            raise ValueError(f"too few for {name}: {duration} would take more than a century")
    units = {clocks.follow_up.unit, extension.day.unit}
    if Unit.WORKING_SECONDS in units and len(units) > 1:
        raise ValueError("clocks.follow_up and extension.day, which extends it, both count working hours or neither")


def check_cap(hours: OfficeHours | None, cap: Duration | None, settlement: Mapping[ComplaintClass, Duration]) -> None:
    """Raise ValueError if pauses cannot be counted in the unit of the cap."""
    if cap is None:
        return
    units = {duration.unit for duration in settlement.values()}
    if cap.unit is Unit.WORKING_SECONDS and Unit.DAYS not in units and Unit.SECONDS not in units:
        if hours is None:
            raise ValueError('missing, and settlement_pause_cap counts working hours (write hours = "08:00-16:00")')
    elif cap.unit is not Unit.SECONDS or units != {Unit.SECONDS}:
        raise ValueError(f"settlement_pause_cap: {cap}: write working hours, or seconds where settlement is in seconds")


class Policy(Rules):
    """One version of a policy, with the offices and the calendar it is applied with."""

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
        """Return the version as it was after so many announcements, or after the first that are still kept."""
        policy = self
        while policy.announced > announced and policy.earlier is not None:
            policy = policy.earlier
        return policy

    def since(self, announced: int) -> "list[Policy]":
        """Return the version after each announcement beyond so many, in order; each has an `earlier` one."""
        found, policy = [], self
        while policy.announced > announced and policy.earlier is not None:
            found.append(policy)
            policy = policy.earlier
        return found[::-1]

    def duration_of(self, clock: ClockName, complaint_class: ComplaintClass) -> Duration:
        """Tell how long a clock runs; only `settlement` depends on the class."""
        if clock is ClockName.SETTLEMENT:
            return self.settlement[complaint_class]
        duration: Duration = getattr(self.clocks, clock.value)
        return duration

    def zone_for(self, clock: ClockName, office: str | None) -> ZoneInfo:
        """Tell in which zone a clock's days end while ``office`` holds the complaint; the national one without.

        Raises UnknownOffice.
        """
        if office is None or self.zone_rule(clock) == "national":
            return self.national_zone
        return self.directory.get(office).zone

    def zone_rule(self, clock: ClockName) -> ZoneRule:
        """Tell whose zone counts for a clock."""
        return self.zones.get(clock) or _DEFAULT_ZONES.get(clock, "national")

    def ladder_for(self, office: str | None, day: date) -> tuple[str, ...]:
        """Name the offices to escalate to on ``day``, lowest rung first, while ``office`` holds the complaint.

        Rungs that lead nowhere, to an office that has ended, to the holder itself, or to an office already on the
        ladder are left out. Raises UnknownOffice.
        """
        standing_for: dict[str, Callable[[], str | None]] = {
            SUPERIOR: lambda: self.directory.superior_on(office, day) if office else None,
            NATIONAL: lambda: self.national,
        }
        resolved = (standing_for[rung]() if rung in standing_for else rung for rung in self.ladder)
        known = (each for each in resolved if each is not None and self.directory.known(each, day))
        return tuple(dict.fromkeys(each for each in known if each != office))

    def day_of(self, moment: datetime) -> date:
        """Return the day of a moment in the national zone."""
        return moment.astimezone(self.national_zone).date()


class PolicySet:
    """All versions of a policy, sorted by the day they take effect."""

    def __init__(self, name: str, versions: tuple[Policy, ...]) -> None:
        self.name = name
        self.versions = tuple(sorted(versions, key=lambda policy: policy.effective_from))
        self._by_version = {policy.version: policy for policy in self.versions}

    def at(self, when: date) -> Policy:
        """Give the version in force on a day, or at an instant (its day in the national zone).

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
        """Give the version a complaint is pinned to; raises UnknownPolicy."""
        try:
            return self._by_version[version]
        except KeyError:
            known = ", ".join(self._by_version)
            raise UnknownPolicy(f'policy "{self.name}" has no version "{version}" (it has {known})') from None

    def governing(self, version: str, when: datetime) -> Policy:
        """Give the version a complaint is pinned to, or, if that is gone, the one in force at ``when``.

        The version of an open complaint is never gone (the engine refuses to start); a settled one, whose citizen rates
        it, is served by the rules of the day.
        """
        return self._by_version.get(version) or self.at(when)
