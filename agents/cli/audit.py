"""`alur audit`: read all topics back and check the invariants."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from pydantic_core import to_json
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, login, note, say, settings_of
from agents.cli.errors import FAILED, MISUSED, Failure
from agents.cli.options import AsJson
from agents.cli.tables import new_table
from agents.cli.wording import safe
from agents.config.settings import Settings
from agents.ops.audit import audit, recorded_incidents
from agents.ops.pii_scan import NOT_SEARCHED, SEARCHED
from events.cloudevents import timestamp
from events.installation import Incident
from events.topics import TopicName
from workflow.audit.complaint_history import Code
from workflow.audit.evidence import Retained
from workflow.audit.invariants import Audit

_FACTS: Final = (TopicName.EVENTS,)
HOLDS: Final[dict[str, tuple[set[Code], tuple[TopicName, ...]]]] = {
    "each report is one complaint": (
        {Code.REPORT_LOST, Code.REPORT_DOUBLED, Code.REPORT_UNKNOWN},
        (TopicName.INTAKE,),
    ),
    "versions rise by one, without a gap or a repeat": ({Code.FACT_LOST, Code.FACT_DOUBLED}, _FACTS),
    "each fact is a legal successor, and its snapshot is the fold of all before": (
        {Code.ILLEGAL_FACT, Code.SNAPSHOT_DIFFERS},
        _FACTS,
    ),
    "the state is the fold of the facts": ({Code.STATE_DIFFERS}, _FACTS),
    "no complaint is quarantined": ({Code.QUARANTINED}, _FACTS),
    "each command has its facts, a rejection or a dead letter, once": (
        {Code.COMMAND_LOST, Code.COMMAND_DOUBLED, Code.COMMAND_UNKNOWN},
        (TopicName.COMMANDS,),
    ),
    "time does not run backwards": ({Code.TIME_BACKWARDS}, _FACTS),
    "each deadline is kept, or its breach is recorded": ({Code.DEADLINE_UNNOTICED, Code.DEADLINE_NOT_PASSED}, _FACTS),
    "reversals are within the policy, and leave the time that was left": (
        {Code.BOUND_EXCEEDED, Code.TIME_LOST},
        _FACTS,
    ),
    "each breach is escalated": ({Code.BREACH_UNANSWERED}, _FACTS),
    "each settlement is published, once": (
        {Code.RESOLUTION_LOST, Code.RESOLUTION_DOUBLED, Code.RESOLUTION_UNKNOWN},
        (TopicName.RESOLUTIONS,),
    ),
    "no resolution shows more than is public": ({Code.PRIVATE_PUBLISHED}, (TopicName.RESOLUTIONS,)),
    "each text is there until it is erased, and not after": ({Code.TEXT_LOST, Code.TEXT_KEPT}, (TopicName.TEXTS,)),
    "an announced holiday holds everywhere": ({Code.CALENDAR_DIFFERS}, (TopicName.COMMANDS,)),
    "each record is read before it expires": ({Code.EXPIRED_UNREAD}, ()),
    "each record can be read, and is in its partition": ({Code.MISPLACED, Code.UNREADABLE}, _FACTS),
}
"""By invariant: its violations, and the topics needed to check it."""
_PARTLY: Final = {
    Retained.SOME: "of what is still retained",
    Retained.NOTHING: "not checked: all of it has expired",
    Retained.UNREAD: "not checked (needs complaints.texts and the role text-readers)",
}
_LAST: Final = [
    "reports",
    "complaints",
    "facts",
    "commands",
    "pending",
    "dead",
    "differing",
    "violations",
    "lost",
    "doubled",
]
_FOREIGN_NAMED: Final = 20
_SEARCHED: Final = (*(f"searched: {each}" for each in SEARCHED), *(f"not searched: {each}" for each in NOT_SEARCHED))
_IDENTITIES: Final = {
    "no identity is outside complaints.identities": Code.IDENTITY_EXPOSED,
    "no published story has an identifier that its scan did not find": Code.IDENTIFIER_PUBLISHED,
}


def audit_topics(
    ctx: typer.Context,
    *,
    live: Annotated[bool, typer.Option("--live", help="stages are running: outputs may be ahead of inputs")] = False,
    identities: Annotated[
        bool, typer.Option("--identities", help="search the records for identities of reporters")
    ] = False,
    json: AsJson = False,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option(metavar="INCIDENT", help="acknowledge an incident by its id, without an audit; may be repeated"),
    ] = None,
) -> None:
    """Read all topics back; check that nothing is lost, doubled or contradictory.

    Prints counts, invariants, each violation with the position of the record, and incidents reported by stages, such as
    records that expired unread. Unprocessed records are counted, but no violation. Exits with 1 if there is a violation
    or an unacknowledged incident.

        alur audit

        alur audit --acknowledge topic-replaced/complaints.stories

        alur audit --live --identities
    """
    settings = settings_of(ctx)
    if acknowledge:
        _acknowledge(settings, acknowledge)
        return
    if console().is_terminal:
        note("reading all topics ...")
    result = audit(settings, live=live, identities=identities)
    incidents = recorded_incidents(settings)
    failed = bool(result.violations) or any(each.acknowledged_at is None for each in incidents)
    if json:
        say(_as_json(result, incidents, identities=identities))
    else:
        _print(result, incidents, identities=identities)
    if failed:
        raise typer.Exit(FAILED)


def _print(result: Audit, incidents: list[Incident], *, identities: bool) -> None:
    console().print(_read(result))
    console().print(_holds(result, identities=identities))
    for line in _SEARCHED if identities else ():
        say(line)
    for line in _notes(result):
        say(line)
    for violation in result.violations:
        say(safe(str(violation)))  # not wrapped: programs read it too
    for incident in incidents:
        say(safe(_incident(incident)))
    if not result.whole:
        say("reports or commands are past their retention: their effects could not be checked")
    say(last_line(result))


def _acknowledge(settings: Settings, ids: list[str]) -> None:
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- imports aiokafka, for this option only

    known = {each.id: each for each in recorded_incidents(settings)}
    for name in set(ids) - known.keys():
        raise Failure(f"--acknowledge: there is no incident {name!r}; `alur audit` lists them with their ids", MISUSED)
    noted = [known[name].acknowledged(datetime.now(UTC), login()) for name in ids]
    change_now(settings, lambda _: {each.key: each.to_value() for each in noted})
    for each in noted:
        say(f"acknowledged {each.id}")


def _incident(incident: Incident) -> str:
    noted = "" if incident.acknowledged_at is None else f"; acknowledged by {incident.acknowledged_by}"
    at = "" if incident.at is None else f" {timestamp(incident.at)}"
    return f"incident {incident.id}:{at} {incident.stage}: {incident.reason}{noted}"


def _notes(result: Audit) -> Iterator[str]:
    """Yield a line for each erased complaint and foreign record, which are not violations."""
    for complaint, what in sorted(result.erased.items()):
        yield f"{complaint} erased: {' and '.join(what)}"
    for position in result.foreign[:_FOREIGN_NAMED]:
        yield f"{position} foreign: not written by the engine, and ignored"


def _as_json(result: Audit, incidents: list[Incident], *, identities: bool) -> str:
    whole: dict[str, Any] = {
        "counts": asdict(result.counts),
        "whole": result.whole,
        "lost": result.lost,
        "doubled": result.doubled,
        "violations": [str(each) for each in result.violations],
        "erased": result.erased,
        "foreign": [str(position) for position in result.foreign],
        "incidents": [{"id": each.id, **each.to_value()} for each in incidents],
    }
    if identities:
        whole |= {"searched": SEARCHED, "not_searched": NOT_SEARCHED}
    return to_json(whole, indent=2).decode()


def last_line(result: Audit) -> str:
    """Return the summary line for programs."""
    counts = asdict(result.counts) | {
        "violations": len(result.violations),
        "lost": result.lost,
        "doubled": result.doubled,
    }
    return "audit: " + " ".join(f"{name}={counts[name]}" for name in _LAST)


def _read(result: Audit) -> Table:
    counts = result.counts
    table = new_table("read", "", right=[""])
    for name, number in (
        ("reports", counts.reports),
        ("  deliveries of them", counts.deliveries),
        ("  of these with other content", counts.differing),
        ("complaints", counts.complaints),
        ("facts", counts.facts),
        ("commands", counts.commands),
        ("  forwarded from another partition", counts.strayed),
        ("rejections", counts.rejections),
        ("resolutions", counts.resolutions),
        ("not written by the engine", counts.foreign),
        ("dead letters", counts.dead),
        ("  replayed or discarded", counts.resolved_letters),
        ("not yet processed", counts.pending),
    ):
        table.add_row(name, f"{number:,}")
    return table


def _holds(result: Audit, *, identities: bool) -> Table:
    broken = result.by_code()
    table = new_table("holds", "")
    for what, (codes, topics) in HOLDS.items():
        violations = sum(broken[code] for code in codes)
        read = {result.retained.get(topic, Retained.ALL) for topic in topics}
        note = next((text for each, text in _PARTLY.items() if each in read), "")
        table.add_row(what, _result(violations) if violations or not note else Text(note, style="yellow"))
    for what, code in _IDENTITIES.items():
        table.add_row(what, _result(broken[code]) if identities else Text("not checked (--identities)", "dim"))
    return table


def _result(violations: int) -> Text:
    if not violations:
        return Text("yes", style="green")
    return Text(f"no: {violations:,} violation{'s' if violations > 1 else ''}", style="bold red")
