"""`alur calendar`: the year as deadlines are reckoned with it, and holidays that are decreed late."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import NAMESPACE_URL, uuid5

import typer
from pydantic_core import to_json
from rich.table import Table

from agents.cli.announcements import Answers, announce_and_wait
from agents.cli.context import console, note, say, settings_of
from agents.cli.errors import FAILED, MISUSED, UNDECIDED, Failure, interruptible
from agents.cli.send import in_options
from agents.cli.show import installation_days
from agents.cli.sources import source as source_given
from agents.config import policy_files
from events.announcements import CALENDAR, Announcement, AnnouncementEvent, Announcements
from events.client import calendar_for, require_topics
from events.client.errors import KafkaFailure
from events.cloudevents import timestamp
from events.codec.messages import decode_announcement
from events.errors import InvalidCommand, Undecodable
from events.topics import TopicName
from workflow.policy.announcements import with_announcements
from workflow.policy.model import Policy
from workflow.reports.calendar_report import DayOff, Kind, Year, year_of

_FIRST_YEAR: Final = 1946
_LAST_YEAR: Final = 2100
_TOPICS: Final = (TopicName.COMMANDS, TopicName.STATE, TopicName.REJECTIONS)


def application() -> typer.Typer:
    """Return the commands about the calendar."""
    app = typer.Typer(help="The calendar: working days, and holidays that are announced while complaints are open.")
    app.command("show")(show)
    app.command("announce")(announce)
    return app


def show(
    ctx: typer.Context,
    year: Annotated[int, typer.Argument(min=_FIRST_YEAR, max=_LAST_YEAR, help="the year to lay out")],
    *,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object instead")] = False,
) -> None:
    """Show a year: working days in each month, days off by name, and what was announced about them.

    What was announced is read from Kafka; where no broker answers, the calendar is shown without it, and that is said.

        alur calendar show 2026

        alur calendar show 2026 --json
    """
    settings = settings_of(ctx)
    policies = policy_files.load(settings.policy)
    try:
        require_topics(settings, (TopicName.STATE,))
        announced: Announcements | None = calendar_for(settings, CALENDAR)
        policies = installation_days(settings, policies)
    except KafkaFailure as error:
        announced = None
        note(f"without what may have been announced: {error}")
    found = year_of(year, with_announcements(policies.at(datetime.now(UTC)), announced or Announcements.of()))
    if json:
        say(_as_json(found, known=announced is not None))
        return
    console().print(_table(found))
    for announcement in found.announced:
        say(f"announced {timestamp(announcement.announced_at)} by {announcement.by}: {announcement.reason}")
    say(f"{year}: {found.working_days} working days by policy {found.policy}, calendar {found.calendar}")


def _table(found: Year) -> Table:
    table = Table("", box=None, pad_edge=False)
    table.add_column("working days", justify="right")
    table.add_column("days off", overflow="fold")
    for month in found.months:
        table.add_row(f"{month.first:%B}", str(month.working_days), "\n".join(map(_day_off, month.days_off)))
    return table


def _day_off(each: DayOff) -> str:
    remarks = [str(each.kind)] if each.kind is not Kind.HOLIDAY else []
    remarks += [f"a {each.day:%A}"] if each.weekend else []
    return f"{each.day.day:2} {each.name}" + (f" ({', '.join(remarks)})" if remarks else "")


def _as_json(found: Year, *, known: bool) -> str:
    whole: dict[str, Any] = {
        "year": found.months[0].first.year,
        "policy": found.policy,
        "calendar": found.calendar,
        "working_days": found.working_days,
        "months": [
            {"month": month.first.month, "working_days": month.working_days, "days_off": month.days_off}
            for month in found.months
        ],
        "announced": found.announced if known else None,
    }
    return to_json(whole, indent=2).decode()


def announce(  # noqa: PLR0913 -- an option each
    ctx: typer.Context,
    day: Annotated[str, typer.Argument(metavar="YYYY-MM-DD", help="the day")],
    *,
    name: Annotated[str, typer.Option(help="what the day is called")],
    decree: Annotated[str, typer.Option(help="the decree that says so")],
    working_day: Annotated[
        bool, typer.Option("--working-day", help="a working day, though it was to be a holiday")
    ] = False,
    sender: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="SOURCE", callback=source_given, help="who announces it; the national administrator"
        ),
    ] = None,
    command_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="repeats with this id are one announcement")
    ] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="how long to wait for what comes of it")] = 10.0,
) -> None:
    """Announce a day off that was decreed late (or, with --working-day, take a holiday back), and re-date deadlines.

    It is published in every partition of the commands and counts from there on. Announcing the same again is known as
    a repeat: do that if it did not reach all of them. Exits with 0 if it is in force, 1 if it was refused, 3 if it is
    not decided in time.

        alur calendar announce 2026-05-15 --name "Cuti bersama" --decree "SKB 3 Menteri, perubahan kedua"
    """
    settings = settings_of(ctx)
    require_topics(settings, _TOPICS)
    policy = installation_days(settings, policy_files.load(settings.policy)).at(datetime.now(UTC))
    source = sender or f"/offices/{policy.national}"
    data = {"day": day, "day_off": not working_day, "name": name, "decree": decree}
    named = command_id or str(uuid5(NAMESPACE_URL, f"{source}#{data}"))
    value = encoded(data, source, named)
    before = calendar_for(settings, CALENDAR)
    known = _known(before.announcements, source, named)
    effect = _effect(with_announcements(policy, before), date.fromisoformat(day), day_off=not working_day)
    with interruptible(lambda: "some partitions may have it and some not; announce it again, which does no harm"):
        answers = announce_and_wait(settings, value, (source, named), 0 if known else wait)
    if known is not None:
        say(f"known since {timestamp(known.announced_at)}: {known.reason}; sent again to every partition")
    else:
        _tell(answers, effect, wait)


def encoded(data: dict[str, Any], source: str, command_id: str) -> bytes:
    """Return an announcement as it is published.

    Raises:
        Failure: it cannot be one.
    """
    value = to_json(
        {
            "specversion": "1.0",
            "type": AnnouncementEvent.TYPE,
            "source": source,
            "id": command_id,
            "subject": CALENDAR,
            "time": timestamp(datetime.now(UTC)),
            "datacontenttype": "application/json",
            "data": data,
        }
    )
    try:
        decode_announcement(value)
    except (InvalidCommand, Undecodable) as error:
        raise Failure(in_options(error.reason).replace("--day:", "the day:"), MISUSED) from None
    return value


def _known(before: Sequence[Announcement], source: str, command_id: str) -> Announcement | None:
    """Return the announcement that this one repeats, if it does.

    Raises:
        Failure: something else has been announced of the day since.
    """
    known = next((each for each in before if (each.by, each.command_id) == (source, command_id)), None)
    if known is not None and (last := [each for each in before if each.day == known.day][-1]) is not known:
        raise Failure(f"that was announced before, and overturned since ({last.reason}): give it another --id", MISUSED)
    return known


def _effect(policy: Policy, day: date, *, day_off: bool) -> str:
    reason = policy.calendar.reason_off(day)
    if day_off and reason is not None:
        return f"it was off before ({reason}), so no deadline moves"
    if not day_off and (reason is None or policy.calendar.is_weekend(day)):
        return f"it was {'a working day' if reason is None else f'a {day:%A}'} before, so no deadline moves"
    return "the deadlines that it moves follow"


def _tell(answers: Answers, effect: str, waited: float) -> None:
    count = answers.partitions
    if len(answers.in_force) == count:
        [reason] = set(answers.in_force.values())
        say(f"{reason}: in force in all {count} partitions; {effect}")
    elif len(answers.refused) == count:
        raise Failure(f"refused, {next(iter(answers.refused.values()))}", FAILED)
    elif not waited:
        say(f"in the log of all {count} partitions")
    else:
        refused = "".join(f"; refused in partition {each}, {why}" for each, why in sorted(answers.refused.items()))
        raise Failure(
            f"in force in {len(answers.in_force)} of {count} partitions after {waited:g} s: does lifecycle run? "
            f"Announcing it again as it is costs nothing{refused}",
            UNDECIDED,
        )
