"""`alur policy`: look at the rules before complaints fall under them, and make them those of an installation."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, uuid5

import typer
from rich.table import Table

from agents.cli.announcements import Answers, announce_and_wait
from agents.cli.calendar import encoded
from agents.cli.context import console, note, say, settings_of
from agents.cli.errors import UNDECIDED, Failure, interruptible
from agents.config import policy_files
from agents.config.settings import Settings
from agents.runtime.policy_digests import DayChange, changed_days, changes, described, rolled_out
from events.announcements import CALENDAR
from events.client import announcements_for, require_topics
from events.client.reader import installation_values
from events.topics import TopicName
from events.vocabulary import ClockName, ComplaintClass
from workflow.policy.announcements import impossible
from workflow.policy.model import Policy, PolicySet


def application() -> typer.Typer:
    """Return the commands about policies."""
    app = typer.Typer(help="The policy: durations, offices, ladder, what a machine may decide.")
    app.command("check")(check)
    app.command("rollout")(rollout_policy)
    return app


def check(
    ctx: typer.Context,
    policy: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="a policy that comes with alur, or a TOML file")
    ] = None,
) -> None:
    """Read a policy as the stages would, and print what its versions say; exits with 1 at the first mistake.

    alur policy check lapor

    alur policy check ./our-policy.toml
    """
    found = policy_files.load(policy or settings_of(ctx).policy)
    console().print(_table(found))
    if found.versions[-1].citizens == "open":
        note('citizens is "open": any citizen may answer, rate or withdraw any complaint; "reporter" is the safe value')
    offices = sum(1 for _ in found.versions[-1].directory)
    say(f"policy {found.name}: {len(found.versions)} versions, {offices} offices, no mistakes found")


def rollout_policy(
    ctx: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what it changes, and change nothing")] = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="how long to wait for lifecycle")] = 10.0,
) -> None:
    """Make the policy of ALUR_POLICY the installation's, where it changes what complaints are under.

    What it adds needs no rollout. Holidays that are others in this release or file are announced in each partition like
    a late one, so that deadlines follow; `lifecycle` has to run for that. Stages that run by another policy then stop:
    start them with this one. Exits with 3 if the days are not in force in time.

        alur policy rollout --dry-run

        ALUR_POLICY=our-policy.toml alur policy rollout
    """
    settings = settings_of(ctx)
    require_topics(settings, (TopicName.INSTALLATION, TopicName.COMMANDS, TopicName.STATE, TopicName.REJECTIONS))
    found = policy_files.load(settings.policy)
    today = datetime.now(UTC).date()
    ours, values = described(found, today), installation_values(settings)
    days = changed_days(values, ours)
    for line in [*changes(values, ours), *map(str, days)]:
        say(line)
    if dry_run:
        say("nothing was changed (--dry-run)")
        return
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- takes aiokafka along, for this command only

    with interruptible(lambda: "some days may be announced; roll it out again, which does no harm"):
        _announce(settings, found.at(datetime.now(UTC)), days, today, wait)
        change_now(settings, lambda latest: rolled_out(latest, ours))
    say(f"policy {found.name} is the installation's: start the stages with it")


def _announce(settings: Settings, policy: Policy, days: list[DayChange], today: date, wait: float) -> None:
    """Announce the days that can still move a deadline and have not been announced so."""
    announced = {each.day: each.day_off for each in announcements_for(settings, CALENDAR)}
    for change in days:
        off = change.name is not None
        if policy.calendar.is_weekend(change.day) or announced.get(change.day) is off:
            continue
        if impossible(change.day, today, day_off=off):
            say(f"{change.day} is not announced: it has passed, and deadlines stay as they were computed")
            continue
        answers = _announce_day(settings, policy, change, wait)
        if not answers.complete or answers.refused:
            why = next(iter(answers.refused.values()), "does lifecycle run?")
            raise Failure(
                f"{change} is in force in {len(answers.in_force)} of {answers.partitions} partitions: {why} "
                "Nothing else was changed; rolling it out again costs nothing",
                UNDECIDED,
            )
        say(f"announced: {change}")


def _announce_day(settings: Settings, policy: Policy, change: DayChange, wait: float) -> Answers:
    source = f"/offices/{policy.national}"
    data = {
        "day": str(change.day),
        "day_off": change.name is not None,
        "name": change.name or "working day",
        "decree": f"alur policy rollout, calendar {policy.calendar.version}",
    }
    command_id = str(uuid5(NAMESPACE_URL, f"{source}#{data}"))
    return announce_and_wait(settings, encoded(data, source, command_id), (source, command_id), wait)


def _table(found: PolicySet) -> Table:
    table = Table("", *(policy.version for policy in found.versions), box=None, pad_edge=False)
    for clock in ClockName:
        if clock is not ClockName.SETTLEMENT:
            durations = (str(each.duration_of(clock, ComplaintClass.COMPLAINT)) for each in found.versions)
            table.add_row(clock, *durations)
    for complaint_class in ComplaintClass:
        durations = (str(each.duration_of(ClockName.SETTLEMENT, complaint_class)) for each in found.versions)
        table.add_row(f"settlement of {complaint_class}", *durations)
    table.add_row("decided by machine", *(", ".join(sorted(each.machine)) or "nothing" for each in found.versions))
    table.add_row("needed for verification", *(", ".join(each.completeness.requires) for each in found.versions))
    table.add_row("ladder", *(" > ".join(each.ladder) for each in found.versions))
    table.add_row("return limit", *(str(each.return_limit) for each in found.versions))
    return table
