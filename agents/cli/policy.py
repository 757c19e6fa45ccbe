"""`alur policy`: check a policy, and make it the installation's."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.table import Table

from agents.cli.announcements import Announced, announce_and_wait
from agents.cli.context import console, note, say, settings_of
from agents.cli.errors import UNDECIDED, Failure, interruptible
from agents.cli.options import WAIT_S, Wait
from agents.cli.tables import new_table
from agents.config import policy_files
from agents.config.settings import Settings
from agents.runtime.policy_digests import DayChange, changed_days, changes, described, rolled_out
from events.announcements import CALENDAR
from events.client import announcements_for, require_topics
from events.client.reader import installation_values
from events.topics import TopicName
from events.vocabulary import ClockName, ComplaintClass
from events.wording import number_of
from workflow.machine.announcements import impossible
from workflow.policy.consistency import contradictions
from workflow.policy.model import Policy, PolicyError, PolicySet
from workflow.policy.overrides import LADDER

app = typer.Typer()


@app.command()
def check(
    ctx: typer.Context,
    policy: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="a packaged policy, or a TOML file")
    ] = None,
) -> None:
    """Read a policy as the stages do and print its versions; exits with 1 on a mistake.

    alur policy check lapor

    alur policy check ./our-policy.toml
    """
    try:
        policies = policy_files.load(policy or settings_of(ctx).policy)
    except PolicyError as error:
        for each in error.mistakes[:-1]:
            note(each)
        raise Failure(error.mistakes[-1]) from None
    console().print(_table(policies))
    if policies.versions[-1].citizens == "open":
        note('citizens is "open": any citizen may answer, rate or withdraw any complaint; "reporter" is the safe value')
    mistakes = list(contradictions(policies))
    for each in mistakes:
        say(each)
    if mistakes:
        raise Failure(
            f"policy {policies.name}: {len(mistakes)} mistakes; stages start with it, but some of it has no effect"
        )
    offices = number_of(sum(1 for _ in policies.versions[-1].directory), "office")
    say(f"policy {policies.name}: {number_of(len(policies.versions), 'version')}, {offices}, no mistakes found")


@app.command("rollout")
def rollout_policy(
    ctx: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the changes, and change nothing")] = False,
    wait: Wait = WAIT_S,
) -> None:
    """Make the policy of ALUR_POLICY the installation's, if it changes existing versions or offices.

    Additions need no rollout. Changed holidays are announced in each partition, so that open deadlines are
    recalculated; `lifecycle` has to run for that. Stages with another policy then stop: start them with this one. Exits
    with 3 if the days are not in force in time.

        alur policy rollout --dry-run

        ALUR_POLICY=our-policy.toml alur policy rollout
    """
    settings = settings_of(ctx)
    require_topics(settings, (TopicName.INSTALLATION, TopicName.COMMANDS, TopicName.STATE, TopicName.REJECTIONS))
    policies = policy_files.load(settings.policy)
    today = datetime.now(UTC).date()
    ours, values = described(policies, today), installation_values(settings)
    days = changed_days(values, ours)
    for line in [*changes(values, ours), *map(str, days)]:
        say(line)
    if dry_run:
        say("nothing was changed (--dry-run)")
        return
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- imports aiokafka, for this command only

    with interruptible(lambda: "some days may be announced; roll it out again, which does no harm"):
        _announce(settings, policies.at(datetime.now(UTC)), days, today, wait)
        change_now(settings, lambda latest: rolled_out(latest, ours))
    say(f"policy {policies.name} is the installation's: start the stages with it")


def _announce(settings: Settings, policy: Policy, days: list[DayChange], today: date, wait: float) -> None:
    """Announce the days that can still move a deadline and are not announced yet."""
    announced = {each.day: each.day_off for each in announcements_for(settings, CALENDAR)}
    for change in days:
        off = change.name is not None
        if policy.calendar.is_weekend(change.day) or announced.get(change.day) is off:
            continue
        if impossible(change.day, today, day_off=off):
            say(f"{change.day} is not announced: it has passed, and deadlines stay as they were computed")
            continue
        data = {
            "day": str(change.day),
            "day_off": off,
            "name": change.name or "working day",
            "decree": f"alur policy rollout, calendar {policy.calendar.version}",
        }
        answers = announce_and_wait(settings, Announced(f"/offices/{policy.national}", data), wait)
        if not answers.complete or answers.refused:
            why = next(iter(answers.refused.values()), "does lifecycle run?")
            raise Failure(
                f"{change} is in force in {len(answers.in_force)} of {answers.partitions} partitions: {why} "
                "Nothing else was changed; rolling it out again costs nothing",
                UNDECIDED,
            )
        say(f"announced: {change}")


def _table(policies: PolicySet) -> Table:
    table = new_table("", *(policy.version for policy in policies.versions))
    lengths: dict[str, tuple[ClockName, ComplaintClass]] = {}
    lengths |= {str(clock): (clock, ComplaintClass.COMPLAINT) for clock in ClockName if clock != ClockName.SETTLEMENT}
    lengths |= {f"settlement of {each}": (ClockName.SETTLEMENT, each) for each in ComplaintClass}
    for name, of in lengths.items():
        table.add_row(name, *(str(each.duration_of(*of)) for each in policies.versions))
    table.add_row("decided by machine", *(", ".join(sorted(each.machine)) or "nothing" for each in policies.versions))
    table.add_row("needed for verification", *(", ".join(each.completeness.requires) for each in policies.versions))
    table.add_row("ladder", *(" > ".join(each.ladder) for each in policies.versions))
    for each in dict.fromkeys(str(override) for version in policies.versions for override in version.overrides):
        table.add_row(f"for {each}", *(_overridden(version, each) for version in policies.versions))
    table.add_row("return limit", *(str(each.return_limit) for each in policies.versions))
    return table


def _overridden(version: Policy, conditions: str) -> str:
    overrides = (each for each in version.overrides if str(each) == conditions)
    rules = [{**each.clocks, **({LADDER: " > ".join(each.ladder)} if each.ladder else {})} for each in overrides]
    return ", ".join(f"{name} {value}" for each in rules for name, value in each.items())
