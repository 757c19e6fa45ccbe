"""`alur calendar`: working days of a year, and holidays that are decreed late."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Final

import typer
from pydantic_core import to_json
from rich.table import Table

from agents.cli.announcements import Announced, Answers, announce_and_wait
from agents.cli.context import console, note, say, settings_of
from agents.cli.errors import FAILED, MISUSED, UNDECIDED, Failure, interruptible
from agents.cli.options import WAIT_S, Administrator, AsJson, CommandId, Wait
from agents.cli.tables import new_table
from agents.config import policy_files
from agents.ops.complaint_policy import installation_days
from events.announcements import CALENDAR, Announcement, Announcements
from events.client import calendar_for, require_topics
from events.client.errors import KafkaFailure
from events.cloudevents import timestamp
from events.topics import TopicName
from workflow.policy.announcements import with_announcements
from workflow.policy.model import Policy
from workflow.reports.calendar_report import DayOff, Kind, Year, year_of

_FIRST_YEAR: Final = 1946
_LAST_YEAR: Final = 2100
_TOPICS: Final = (TopicName.COMMANDS, TopicName.STATE, TopicName.REJECTIONS)

app = typer.Typer()


@app.command()
def show(
    ctx: typer.Context,
    year: Annotated[int | None, typer.Argument(min=_FIRST_YEAR, max=_LAST_YEAR, help="default: this year")] = None,
    *,
    json: AsJson = False,
) -> None:
    """Show a year: working days in each month, days off by name, and announced changes.

    Announcements are read from Kafka; if no broker answers, the calendar is shown without them, with a remark.

        alur calendar show

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
        note(f"without announced changes: {error}")
    now = datetime.now(UTC)
    policy = policies.at(now)
    chosen = year or policy.day_of(now).year
    days = year_of(chosen, with_announcements(policy, announced or Announcements.of()))
    if json:
        say(_as_json(days, known=announced is not None))
        return
    console().print(_table(days))
    for announcement in days.announced:
        say(f"announced {timestamp(announcement.announced_at)} by {announcement.by}: {announcement.reason}")
    say(f"{chosen}: {days.working_days} working days by policy {days.policy}, calendar {days.calendar}")


def _table(days: Year) -> Table:
    table = new_table("", "working days", "days off", right=["working days"])
    for month in days.months:
        table.add_row(f"{month.first:%B}", str(month.working_days), "\n".join(map(_day_off, month.days_off)))
    return table


def _day_off(each: DayOff) -> str:
    remarks = [str(each.kind)] if each.kind is not Kind.HOLIDAY else []
    remarks += [f"a {each.day:%A}"] if each.weekend else []
    return f"{each.day.day:2} {each.name}" + (f" ({', '.join(remarks)})" if remarks else "")


def _as_json(days: Year, *, known: bool) -> str:
    months = [
        {"month": month.first.month, "working_days": month.working_days, "days_off": month.days_off}
        for month in days.months
    ]
    whole = {
        "year": days.months[0].first.year,
        "policy": days.policy,
        "calendar": days.calendar,
        "working_days": days.working_days,
        "months": months,
        "announced": days.announced if known else None,
    }
    return to_json(whole, indent=2).decode()


@app.command()
def announce(  # noqa: PLR0913 -- an option each
    ctx: typer.Context,
    day: Annotated[str, typer.Argument(metavar="YYYY-MM-DD", help="the day")],
    *,
    name: Annotated[str, typer.Option(help="name of the day")],
    decree: Annotated[str, typer.Option(help="the decree that announces it")],
    working_day: Annotated[bool, typer.Option("--working-day", help="a working day instead of a holiday")] = False,
    sender: Administrator = None,
    command_id: CommandId = None,
    wait: Wait = WAIT_S,
) -> None:
    """Announce a holiday that was decreed late (or revoke one: --working-day), and recalculate deadlines.

    The announcement is published in every partition of the commands and counts from there on. The same announcement
    again is recognized as a repeat: send it again if it did not reach all partitions. Exits with 0 if it is in force,
    1 if it was refused, 3 if it is not decided in time.

        alur calendar announce 2026-05-15 --name "Cuti bersama" --decree "SKB 3 Menteri, perubahan kedua"
    """
    settings = settings_of(ctx)
    require_topics(settings, _TOPICS)
    policy = installation_days(settings, policy_files.load(settings.policy)).at(datetime.now(UTC))
    data = {"day": day, "day_off": not working_day, "name": name, "decree": decree}
    announced = Announced(sender or f"/offices/{policy.national}", data, command_id)
    announced.encode()
    before = calendar_for(settings, CALENDAR)
    repeated = _earlier(before.announcements, announced.identity)
    effect = _effect(with_announcements(policy, before), date.fromisoformat(day), day_off=not working_day)
    with interruptible(lambda: "some partitions may have it and some not; announce it again, which does no harm"):
        answers = announce_and_wait(settings, announced, 0 if repeated else wait)
    if repeated is not None:
        say(f"known since {timestamp(repeated.announced_at)}: {repeated.reason}; sent again to every partition")
    else:
        _report(answers, effect, wait)


def _earlier(before: Sequence[Announcement], identity: tuple[str, str]) -> Announcement | None:
    """Return the announcement that this one repeats, if any; raise Failure if a later one contradicts it."""
    same = next((each for each in before if (each.by, each.command_id) == identity), None)
    if same is not None and (last := [each for each in before if each.day == same.day][-1]) is not same:
        raise Failure(f"that was announced before, and overturned since ({last.reason}): give it another --id", MISUSED)
    return same


def _effect(policy: Policy, day: date, *, day_off: bool) -> str:
    reason = policy.calendar.reason_off(day)
    if day_off and reason is not None:
        return f"it was off before ({reason}), so no deadline moves"
    if not day_off and (reason is None or policy.calendar.is_weekend(day)):
        return f"it was {'a working day' if reason is None else f'a {day:%A}'} before, so no deadline moves"
    return "the deadlines that it moves follow"


def _report(answers: Answers, effect: str, waited: float) -> None:
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
