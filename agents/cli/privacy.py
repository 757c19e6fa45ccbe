"""`alur privacy`: erase what people wrote or who reported, and set where free text is kept."""

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import uuid4

import typer

from agents.cli.context import console, login, note, say, settings_of
from agents.cli.errors import MISUSED, UNDECIDED, Failure, interruptible
from agents.cli.options import WAIT_S, Administrator, By, Complaint, Wait
from agents.cli.send import source_of
from agents.cli.wording import rate_of
from agents.config.settings import Settings
from agents.ops import erasures, identities, retention
from agents.ops.retention import DueComplaint, Expiry, RetentionStopped
from events.client import CommandClient, CommandRequest, CommandResult, NotAllowed, find_complaint, read_history
from events.client.reader import installation_values
from events.commands import EraseData
from events.installation import TEXTS_APART, TEXTS_IN_FACTS
from events.texts import Erasure, holds_words
from events.vocabulary import Refusal
from events.wording import number_of

app = typer.Typer()

_AGAIN: Final = "erase it again, which does no harm"
_RESUME: Final = "run it again for the rest"
_STAGE_S: Final = 60.0
_EVERY_S: Final = 2.0


class Kept(StrEnum):
    """Storage of free text: in facts, or apart."""

    APART = TEXTS_APART
    FACTS = TEXTS_IN_FACTS


@app.command()
def texts(
    ctx: typer.Context,
    where: Annotated[Kept | None, typer.Argument(help="apart: in complaints.texts; facts: as of release 0.1.0")] = None,
) -> None:
    """Show or set where free text is written to from now on; both forms stay readable.

    Apart, as in a new installation, it can be erased, and subscribers of release 0.1.0 see the name of that
    topic in brackets. In facts they see it, but it can never be erased.

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
    reason: Annotated[str, typer.Option(metavar="TEXT", help="reason, for the record")],
    texts: Annotated[bool, typer.Option("--texts", help="only the texts")] = False,
    identity: Annotated[bool, typer.Option("--identity", help="only the identity")] = False,
    by: By = None,
    sender: Administrator = None,
    wait: Wait = WAIT_S,
) -> None:
    """Erase what people wrote about a complaint and who reported it; without an option, both.

    The history of the complaint stays. A redelivered report does not bring erased data back.

        alur privacy erase 1042007 --reason "asked for by the reporter, letter of 3 March"
    """
    if not reason.strip():
        raise Failure("--reason: give one", MISUSED)
    settings = settings_of(ctx)
    if not identity and not texts:
        identity = texts = True
    if texts:
        _require_texts_apart(settings, ", and --identity erases the identity alone")
    chosen = find_complaint(settings, complaint)
    erasure = erasures.made_now(texts=texts, identity=identity, by=by or login(), reason=reason.strip())
    with interruptible(lambda: f"it may or may not be erased; {_AGAIN}"):
        erasures.announce(settings, chosen, erasure)
        if identity:
            identities.erase(settings, chosen, reason=erasure.reason, by=erasure.by)
        # again, for batches that intake had fetched before the erasure
        late = [stage for stage in ("intake", "lifecycle") if not erasures.has_passed(settings, stage, wait)]
        if identity:
            identities.erase(settings, chosen, reason=erasure.reason, by=erasure.by)
        outcome = _send(settings, chosen, erasure, sender, wait)
    _report(settings, chosen, erasure, outcome)
    if late:
        raise Failure(f"not complete: {' and '.join(late)} did not process its backlog in time; {_AGAIN}", UNDECIDED)


@app.command("retention")
def set_retention(
    ctx: typer.Context,
    days: Annotated[
        int | None,
        typer.Argument(
            min=0, max=36_500, metavar="[DAYS]", help="days from the end of a complaint to its erasure; 0: never"
        ),
    ] = None,
) -> None:
    """Show or set how long texts and identities are kept after a complaint has ended.

    `alur privacy expire` erases what is older. The default is to keep all until it is erased by hand: set the retention
    that your law and your archive require.

        alur privacy retention 1825
    """
    settings = settings_of(ctx)
    if days is not None:
        retention.set_erase_after(settings, days)
    kept = retention.erase_after(installation_values(settings))
    if kept is None:
        say("texts and identities are kept until they are erased: no retention is set")
    else:
        say(f"texts and identities are kept for {number_of(kept.days, 'day')} after a complaint has ended")


@app.command()
def expire(
    ctx: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="count what is due, and erase nothing")] = False,
    by: By = None,
    sender: Administrator = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="maximum for 500 complaints")] = _STAGE_S,
) -> None:
    """Erase texts and identities of all complaints that ended longer ago than the retention.

    Run it once a day. It can be interrupted and run again.

        alur privacy expire --dry-run
    """
    settings = settings_of(ctx)
    kept = retention.erase_after(installation_values(settings))
    if kept is None:
        raise Failure("nothing is erased: no retention is set; `alur privacy retention DAYS` sets it")
    _require_texts_apart(settings)
    before = datetime.now(UTC) - kept
    if dry_run:
        _count(settings, before)
        return
    reason = f"retention of {number_of(kept.days, 'day')}"
    erasure = erasures.made_now(texts=True, identity=True, by=login(by), reason=reason)
    run = Expiry(settings, erasure, source_of(settings, EraseData, "", sender), wait)
    done = _Expired(before)
    with interruptible(lambda: f"{done}; {_RESUME}"):
        left = _erase_due(settings, run, done)
    if left:
        raise Failure(
            f"{done}; not complete: facts of {len(left):,} more, such as {min(left)}, hold their words, written before "
            "texts were kept apart: `alur migrate` moves them"
        )
    gone = f"; complete on {erasures.complete_at(erasure.at):%Y-%m-%d} at the latest" if done.count else ""
    say(f"{done}{gone}")


def _erase_due(settings: Settings, run: Expiry, done: "_Expired") -> list[str]:
    """Erase due texts and identities, partition by partition; return complaints whose facts contain words."""
    left: list[str] = []
    try:
        for number, due in retention.due_by_partition(settings, done.before):
            held = retention.with_words_in_facts(settings, number, due) if due else set()
            left += held
            reached = [each for each in due if each.complaint_id not in held]
            for more in run.erase(number, reached) if reached else ():
                done.report(more)
    except RetentionStopped as error:
        raise Failure(f"{error}; {done}; {_RESUME}", UNDECIDED) from None
    return left


def _require_texts_apart(settings: Settings, other_way: str = "") -> None:
    if not erasures.keeps_texts_apart(settings):
        raise Failure(
            "nothing is erased: free text is written into facts here, which are kept for ever; `alur privacy texts "
            f"apart` keeps it apart from now on{other_way}"
        )


def _count(settings: Settings, before: datetime) -> None:
    count, oldest = 0, list[DueComplaint]()
    for _, due in retention.due_by_partition(settings, before):
        count += len(due)
        oldest = sorted((*oldest, *due[:1]), key=lambda each: each.ended)[:1]
    first = "".join(f"; the oldest, {each.tracking_id}, ended on {each.ended:%Y-%m-%d}" for each in oldest)
    say(f"due: {number_of(count, 'complaint')} that ended before {before:%Y-%m-%d}{first}; nothing was erased")


class _Expired:
    """Number of complaints that a run has erased so far; shown every two seconds on a terminal."""

    def __init__(self, before: datetime) -> None:
        self.before = before
        self.count = 0
        self._began = self._shown = time.monotonic()
        self._on_terminal = console(stderr=True).is_terminal

    def __str__(self) -> str:
        rate = f" {rate_of(self.count, time.monotonic() - self._began)}" if self.count else ""
        return f"erased {number_of(self.count, 'complaint')} that ended before {self.before:%Y-%m-%d}{rate}"

    def report(self, more: int) -> None:
        self.count += more
        if self._on_terminal and time.monotonic() - self._shown >= _EVERY_S:
            self._shown = time.monotonic()
            note(str(self))


def _send(settings: Settings, complaint: str, erasure: Erasure, sender: str | None, wait: float) -> CommandResult:
    data = {"texts": erasure.texts, "identity": erasure.identity, "reason": erasure.reason}
    source = source_of(settings, EraseData, complaint, sender)
    with CommandClient(settings) as client:
        return client.send(CommandRequest(EraseData.NAME, complaint, source, str(uuid4()), data), seconds=wait)


def _report(settings: Settings, complaint: str, erasure: Erasure, outcome: CommandResult) -> None:
    refused = outcome.refused
    if refused is not None and refused.rejection.code is not Refusal.UNKNOWN_COMPLAINT:
        raise Failure(str(outcome))
    if refused is None and not outcome.facts:
        raise Failure(f"not complete: {outcome}; {_AGAIN}", UNDECIDED)
    what = " and ".join(name for name in ("texts", "identity") if getattr(erasure, name))
    if refused is not None:
        say(f"there is no complaint {complaint}: a report that still arrives is stored without {what}")
    else:
        say(f"erased of {complaint}: {what}")
        _require_none_in_facts(settings, complaint, erasure)
    say(
        "reports, commands, rejections and dead letters hold it until their retention is over, and so does each "
        f"replay of them; complete on {erasures.complete_at(erasure.at):%Y-%m-%d} at the latest"
    )


def _require_none_in_facts(settings: Settings, complaint: str, erasure: Erasure) -> None:
    """Raise a Failure if a fact contains words, which cannot be erased."""
    if not erasure.texts:
        return
    try:
        history = read_history(settings, complaint).history
    except NotAllowed as error:
        note(f"whether older facts hold words is unknown: {error}")
        return
    if versions := [each.complaint.version for each in history if holds_words(each.fact)]:
        raise Failure(
            f"not complete: facts {', '.join(map(str, versions))} of complaints.events still hold their words, written "
            "before texts were kept apart: `alur migrate` moves them"
        )
