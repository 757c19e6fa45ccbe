"""`alur privacy`: erase what people wrote or who reported, and set where free text is kept."""

from enum import StrEnum
from typing import Annotated, Final
from uuid import uuid4

import typer

from agents.cli.context import login, note, say, settings_of
from agents.cli.errors import MISUSED, UNDECIDED, Failure, interruptible
from agents.cli.options import WAIT_S, Administrator, By, Complaint, Wait
from agents.cli.send import source_of
from agents.config.settings import Settings
from agents.ops import erasures
from events.client import Gateway, NotAllowed, Order, Outcome, find_complaint, read_dossier
from events.commands import EraseData
from events.installation import TEXTS_APART, TEXTS_IN_FACTS
from events.texts import Erasure
from events.vocabulary import Refusal

app = typer.Typer()

_AGAIN: Final = "erase it again, which does no harm"


class Kept(StrEnum):
    """Where free text is written to."""

    APART = TEXTS_APART
    FACTS = TEXTS_IN_FACTS


@app.command()
def texts(
    ctx: typer.Context,
    where: Annotated[Kept | None, typer.Argument(help="apart: in complaints.texts; facts: as of release 0.1.0")] = None,
) -> None:
    """Show or set where free text is written to from now on; both forms stay readable.

    In facts it can never be erased, and subscribers of release 0.1.0 see it. Apart it can be erased; they see
    `[complaints.texts]` in its place.

        alur privacy texts apart
    """
    settings = settings_of(ctx)
    if where is not None:
        erasures.keep_texts(settings, where)
    if erasures.keeps_texts_apart(settings):
        say("free text is written to complaints.texts, from where it can be erased")
    else:
        say("free text is written into facts, which are kept for ever: it cannot be erased")


@app.command()
def erase(  # noqa: PLR0913 -- the options of a command are its arguments
    ctx: typer.Context,
    complaint: Complaint,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="why, for the record")],
    texts: Annotated[bool, typer.Option("--texts", help="only the texts")] = False,
    identity: Annotated[bool, typer.Option("--identity", help="only the identity")] = False,
    by: By = None,
    sender: Administrator = None,
    wait: Wait = WAIT_S,
) -> None:
    """Erase what people wrote about a complaint and who reported it; without an option, both.

    What happened to the complaint stays. A report that comes again brings nothing back.

        alur privacy erase 1042007 --reason "asked for by the reporter, letter of 3 March"
    """
    if not reason.strip():
        raise Failure("--reason: give one", MISUSED)
    settings = settings_of(ctx)
    if not identity and not texts:
        identity = texts = True
    if texts and not erasures.keeps_texts_apart(settings):
        raise Failure(
            "nothing is erased: free text is written into facts here, which are kept for ever; `alur privacy texts "
            "apart` keeps it apart from now on, and --identity erases the identity alone"
        )
    chosen = find_complaint(settings, complaint)
    erasure = erasures.made_now(texts=texts, identity=identity, by=by or login(), reason=reason.strip())
    with interruptible(lambda: f"it may be erased or not; {_AGAIN}"):
        erasures.announce(settings, chosen, erasure)
        if identity:
            erasures.erase_identity(settings, chosen, erasure)
        # what was on its way to an intake that did not see the erasure is processed by then, and erased too
        waits = [erasures.wait_until_passed(settings, stage, wait) for stage in ("intake", "lifecycle")]
        if identity:
            erasures.erase_identity(settings, chosen, erasure)
        outcome = _send(settings, chosen, erasure, sender, wait)
    _report(settings, chosen, erasure, outcome)
    if late := [each.stage for each in waits if not each.passed]:
        raise Failure(f"not complete: {' and '.join(late)} did not process in time what was there; {_AGAIN}", UNDECIDED)


def _send(settings: Settings, complaint: str, erasure: Erasure, sender: str | None, wait: float) -> Outcome:
    data = {"texts": erasure.texts, "identity": erasure.identity, "reason": erasure.reason}
    source = source_of(settings, EraseData, complaint, sender)
    with Gateway(settings) as gateway:
        return gateway.send(Order(EraseData.NAME, complaint, source, str(uuid4()), data), seconds=wait)


def _report(settings: Settings, complaint: str, erasure: Erasure, outcome: Outcome) -> None:
    refused = outcome.refused
    if refused is not None and refused.rejection.code is not Refusal.UNKNOWN_COMPLAINT:
        raise Failure(str(outcome))
    if refused is None and not outcome.facts:
        raise Failure(f"not complete: {outcome}; {_AGAIN}", UNDECIDED)
    what = " and ".join(name for name in ("texts", "identity") if getattr(erasure, name))
    if refused is not None:
        say(f"there is no complaint {complaint}: a report that still comes brings no {what.replace(' and ', ' or ')}")
    else:
        say(f"erased of {complaint}: {what}")
        _require_none_in_facts(settings, complaint, erasure)
    say(
        "reports, commands, rejections and dead letters hold it until their retention is over, as a replay of them "
        f"does again; complete on {erasures.complete_at(erasure.at):%Y-%m-%d} at the latest"
    )


def _require_none_in_facts(settings: Settings, complaint: str, erasure: Erasure) -> None:
    """Check that no fact holds words that cannot be erased.

    Raises:
        Failure: some do.
    """
    if not erasure.texts:
        return
    try:
        versions = erasures.versions_with_words(read_dossier(settings, complaint).history)
    except NotAllowed as error:
        note(f"whether older facts hold words is not known: {error}")
        return
    if versions:
        raise Failure(
            f"not complete: facts {', '.join(map(str, versions))} of complaints.events still hold their words, written "
            "before texts were kept apart: `alur migrate` moves them"
        )
