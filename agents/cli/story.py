"""`alur story`: publish what became of a complaint, on purpose, and take it back."""

from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from agents.cli.context import note, say, settings_of
from agents.cli.errors import FAILED, MISUSED, Failure
from agents.cli.send import send_and_tell, source_of
from agents.cli.show import dossier_of
from agents.cli.sources import source as source_given
from agents.cli.wording import in_words_of_findings, safe
from agents.config.settings import Settings
from agents.ops.identities import IdentityNotFound, StoredIdentity, look_up
from events.client import NotAllowed, Order, find_complaint
from events.commands import Command, PublishStory, UnpublishStory
from events.facts import ComplaintRegistered, FollowUpRecorded, Recorded, ReportCompleted
from events.reports import Reporter
from workflow.audit.identifiers import counted, identifiers_in

Complaint = Annotated[str, typer.Argument(help="its complaint id, or its tracking id (digits)")]
_WAIT_S: Final = 10.0

By = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="SOURCE", callback=source_given, help="who sends it; the national administrator unless given"
    ),
]
Wait = Annotated[float, typer.Option(metavar="SECONDS", min=0, help="how long to wait for what comes of it")]


def application() -> typer.Typer:
    """Return the commands about stories."""
    app = typer.Typer(help="What became of a complaint, for the public: by itself only the outcome is published.")
    app.command("publish")(publish)
    app.command("unpublish")(unpublish)
    return app


def publish(  # noqa: PLR0913 -- the options of a command are its arguments
    ctx: typer.Context,
    complaint: Complaint,
    *,
    title: Annotated[str | None, typer.Option(help="the title; the reporter's unless given")] = None,
    answer: Annotated[str | None, typer.Option(help="the answer; the office's last follow-up unless given")] = None,
    despite_findings: Annotated[
        bool, typer.Option("--despite-findings", help="publish although identifiers were found; that is recorded")
    ] = False,
    sender: By = None,
    wait: Wait = _WAIT_S,
) -> None:
    """Publish the story of a closed complaint: its title and what was done.

    Both texts are scanned first for phone numbers, e-mail addresses, NIK, number plates, and the reporter's own name
    and contacts where you may read complaints.identities. What is found is shown, and nothing is published.

        alur story publish 1042007

        alur story publish 1042007 --title "Jalan berlubang di Denpasar Barat" --answer "Lubang sudah ditambal."
    """
    settings = settings_of(ctx)
    history = dossier_of(settings, complaint).history
    last = history[-1].complaint
    title = title or _title(history)
    answer = answer or _answer(history)
    if not title.strip():
        raise Failure("--title: the report has none; give one", MISUSED)
    reporter = _reporter(settings, last.complaint_id)
    texts = {"title": title, "answer": answer or ""}
    found = [(name, each) for name, text in texts.items() for each in identifiers_in(text, reporter)]
    for name, each in found:
        say(f"{name}: {each.kind} {safe(each.text)}")
    findings = counted(each for _, each in found)
    if findings and not despite_findings:
        raise Failure(
            f"nothing is published: {in_words_of_findings(findings)} found; reword with --title and --answer, or "
            "publish with --despite-findings",
            FAILED,
        )
    data = {"title": title, "answer": answer, "findings": [each.model_dump() for each in findings]}
    order = _order(settings, PublishStory, last.complaint_id, sender, data)
    send_and_tell(settings, replace(order, expected_version=last.version), wait)


def unpublish(
    ctx: typer.Context,
    complaint: Complaint,
    *,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="why")] = None,
    sender: By = None,
    wait: Wait = _WAIT_S,
) -> None:
    """Take a published story back. The outcome stays public.

    What a subscriber has read by then is not taken back. Kafka drops the old record within seven days.

        alur story unpublish 1042007 --reason "names a neighbour"
    """
    settings = settings_of(ctx)
    named = find_complaint(settings, complaint)
    send_and_tell(settings, _order(settings, UnpublishStory, named, sender, {"reason": reason}), wait)


def _order(
    settings: Settings, command: type[Command], complaint: str, sender: str | None, data: dict[str, Any]
) -> Order:
    given = {name: value for name, value in data.items() if value is not None}
    return Order(command.NAME, complaint, source_of(settings, command, sender), str(uuid4()), given)


def _title(history: list[Recorded]) -> str:
    title = ""
    for recorded in history:
        if isinstance(recorded.fact, ComplaintRegistered):
            title = recorded.fact.report.title
        elif isinstance(recorded.fact, ReportCompleted):
            title = recorded.fact.title or title
    return title


def _answer(history: list[Recorded]) -> str | None:
    answers = [recorded.fact.text for recorded in history if isinstance(recorded.fact, FollowUpRecorded)]
    return answers[-1] if answers else None


def _reporter(settings: Settings, complaint: str) -> Reporter | None:
    try:
        found = look_up(settings, complaint)
    except IdentityNotFound:
        return None
    except NotAllowed as error:
        note(f"the reporter's own name and contacts are not looked for: {error}")
        return None
    return found.reporter if isinstance(found, StoredIdentity) else None
