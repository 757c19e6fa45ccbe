"""`alur story`: publish the story of a complaint on purpose, and withdraw it."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import typer

from agents.cli.context import note, say, settings_of
from agents.cli.errors import FAILED, MISUSED, Failure
from agents.cli.options import WAIT_S, Administrator, Complaint, Wait
from agents.cli.send import send_and_report, source_of
from agents.cli.show import history_of
from agents.cli.wording import in_words_of_findings, safe
from agents.config.settings import Settings
from agents.ops.identities import IdentityNotFound, StoredIdentity, look_up
from events.client import CommandRequest, ComplaintHistory, NotAllowed, find_complaint
from events.commands import Command, PublishStory, UnpublishStory
from events.facts import FollowUpRecorded
from events.reports import Reporter
from events.snapshot import Complaint as Snapshot
from events.texts import ERASED, PLACEHOLDER
from events.topics import TopicName
from workflow.audit.identifiers import counted, identifiers_in

app = typer.Typer()


@app.command()
def publish(  # noqa: PLR0913 -- the options of a command are its arguments
    ctx: typer.Context,
    complaint: Complaint,
    *,
    title: Annotated[str | None, typer.Option(help="title; default: the reporter's")] = None,
    answer: Annotated[str | None, typer.Option(help="answer; default: the office's last follow-up")] = None,
    despite_findings: Annotated[
        bool, typer.Option("--despite-findings", help="publish in spite of identifiers, which is recorded")
    ] = False,
    sender: Administrator = None,
    wait: Wait = WAIT_S,
) -> None:
    """Publish the story of a closed complaint: its title and the answer.

    Both texts are first scanned for phone numbers, e-mail addresses, NIK, number plates, and, with the right to read
    complaints.identities, the reporter's name and contacts. If anything is found, it is shown and nothing is published.

        alur story publish 1042007

        alur story publish 1042007 --title "Jalan berlubang di Denpasar Barat" --answer "Lubang sudah ditambal."
    """
    settings = settings_of(ctx)
    history = history_of(settings, complaint)
    last = history.history[-1].complaint
    title, answer = words_to_publish(history, title, answer)
    reporter = _reporter(settings, last)
    texts = {"title": title, "answer": answer or ""}
    identifiers = [(name, each) for name, text in texts.items() for each in identifiers_in(text, reporter)]
    for name, each in identifiers:
        say(f"{name}: {each.kind} {safe(each.text)}")
    findings = counted(each for _, each in identifiers)
    if findings and not despite_findings:
        raise Failure(
            f"nothing is published: {in_words_of_findings(findings)} found; reword with --title and --answer, or "
            "publish with --despite-findings",
            FAILED,
        )
    data = {"title": title, "answer": answer, "findings": [each.model_dump() for each in findings]}
    request = _request(settings, PublishStory, last.complaint_id, sender, data)
    send_and_report(settings, replace(request, expected_version=last.version), wait)


@app.command()
def unpublish(
    ctx: typer.Context,
    complaint: Complaint,
    *,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="why")] = None,
    sender: Administrator = None,
    wait: Wait = WAIT_S,
) -> None:
    """Withdraw a published story. The outcome stays public.

    Subscribers keep what they have read. Kafka drops the old record within seven days.

        alur story unpublish 1042007 --reason "names a neighbour"
    """
    settings = settings_of(ctx)
    named = find_complaint(settings, complaint)
    send_and_report(settings, _request(settings, UnpublishStory, named, sender, {"reason": reason}), wait)


def words_to_publish(history: ComplaintHistory, title: str | None, answer: str | None) -> tuple[str, str | None]:
    """Return title and answer from the options, else the complaint's; raise Failure if missing or unreadable."""
    answers = [each.fact.text for each in history.history if isinstance(each.fact, FollowUpRecorded)]
    title = title or history.texts[0]
    answer = answer or (answers[-1] if answers else None)
    if not title.strip():
        raise Failure("--title: the report has none; give one", MISUSED)
    for name, text in (("title", title), ("answer", answer)):
        if text in {PLACEHOLDER, ERASED}:
            why = "is erased" if text == ERASED else f"is in {TopicName.TEXTS}, and cannot be read"
            raise Failure(f"--{name}: that of the complaint {why}; give one", MISUSED)
    return title, answer


def _request(
    settings: Settings, command: type[Command], complaint: str, sender: str | None, data: dict[str, Any]
) -> CommandRequest:
    values = {name: value for name, value in data.items() if value is not None}
    return CommandRequest(
        command.NAME, complaint, source_of(settings, command, complaint, sender), str(uuid4()), values
    )


def _reporter(settings: Settings, complaint: Snapshot) -> Reporter | None:
    try:
        stored = look_up(settings, complaint.complaint_id, tracking=complaint.tracking_id)
    except IdentityNotFound:
        return None
    except NotAllowed as error:
        note(f"the scan does not cover the reporter's own name and contacts: {error}")
        return None
    return stored.reporter if isinstance(stored, StoredIdentity) else None
