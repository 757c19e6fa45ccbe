"""Durations and office hours in a policy document, and the checks between them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictInt

from workflow.deadlines.durations import LONGEST_IN_DAYS, Duration, Unit
from workflow.deadlines.office_hours import OfficeHours


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
    raise ValueError(f'{written!r} are not office hours (write "08:00-16:00", or one such for usual and for friday)')


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
Elapsed = Annotated[Duration, PlainValidator(_elapsed)]
InDays = Annotated[Duration, PlainValidator(_in_days)]
Hours = Annotated[OfficeHours | None, PlainValidator(_hours)]


class Model(BaseModel):
    """Base of the tables of a policy document: an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Clocks(Model):
    """Durations of the clocks that are the same for every class."""

    verification: Term
    completion: Term
    follow_up: Term
    citizen_reply: Term
    escalation: Term


class Extension(Model):
    """Limits of an extension of the follow-up time, which an office requests from its superior."""

    day: Term
    """Duration of one day of an extension: a working day, or a few seconds in a demonstration."""
    max_days: Annotated[StrictInt, Field(ge=1, le=365)]
    max_times: Annotated[StrictInt, Field(ge=0)]


def uncountable(hours: OfficeHours | None, terms: Mapping[str, Duration]) -> Iterator[str]:
    """Yield why working hours cannot be counted with these office hours; missing hours are reported once."""
    for name, duration in terms.items():
        if duration.unit is not Unit.WORKING_SECONDS:
            continue
        if hours is None:
            yield f'missing, and {name} counts working hours (write hours = "08:00-16:00")'
            return
        if duration.amount > LONGEST_IN_DAYS * hours.shortest_day.total_seconds():
            yield f"too few for {name}: {duration} would take more than a century"


def unextendable(follow_up: Duration | None, day: Duration | None) -> Iterator[str]:
    """Yield the mistake if an extension in days cannot be added to the follow-up time."""
    units = {duration.unit for duration in (follow_up, day) if duration is not None}
    if Unit.WORKING_SECONDS in units and len(units) > 1:
        yield "clocks.follow_up and extension.day, which extends it, both count working hours or neither"


def uncapped(hours: OfficeHours | None, cap: Duration | None, settlement: Iterable[Duration]) -> Iterator[str]:
    """Yield the mistake if pauses cannot be counted in the unit of the cap."""
    if cap is None:
        return
    units = {duration.unit for duration in settlement}
    if cap.unit is Unit.WORKING_SECONDS and not units & {Unit.DAYS, Unit.SECONDS}:
        if hours is None:
            yield from uncountable(hours, {"settlement_pause_cap": cap})
    elif cap.unit is not Unit.SECONDS or units - {Unit.SECONDS}:
        yield f"settlement_pause_cap: {cap}: write working hours, or seconds where settlement is in seconds"
