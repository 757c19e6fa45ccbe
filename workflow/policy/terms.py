"""Durations and office hours as a policy document writes them, and what they need of each other."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictInt

from events.vocabulary import ComplaintClass
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
    raise ValueError(f'{written!r} are no office hours (write "08:00-16:00", or one such for usual and for friday)')


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
    """Table of a policy document: an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Clocks(Model):
    """How long each clock runs that is the same for every class."""

    verification: Term
    completion: Term
    follow_up: Term
    citizen_reply: Term
    escalation: Term


class Extension(Model):
    """How far an office may ask its superior to extend its time to follow up."""

    day: Term
    """What one day of an extension is: a working day, or a few seconds in a demonstration."""
    max_days: Annotated[StrictInt, Field(ge=1, le=365)]
    max_times: Annotated[StrictInt, Field(ge=0)]


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
