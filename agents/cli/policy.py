"""`alur policy`: look at the rules before complaints fall under them."""

from typing import Annotated

import typer
from rich.table import Table

from agents import policies
from agents.cli.context import console, say, settings_of
from events.vocabulary import ClockName, ComplaintClass
from workflow.policy import PolicySet


def application() -> typer.Typer:
    """Return the commands about policies."""
    app = typer.Typer(help="The policy: durations, offices, ladder, what a machine may decide.")
    app.command("check")(check)
    app.callback()(_group)
    return app


def _group() -> None:
    """Keep `check` a command of its own while it is the only one."""


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
    found = policies.load(policy or settings_of(ctx).policy)
    console().print(_table(found))
    offices = sum(1 for _ in found.versions[-1].directory)
    say(f"policy {found.name}: {len(found.versions)} versions, {offices} offices, no mistakes found")


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
