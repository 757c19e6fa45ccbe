"""`alur dead`: records that stages could not process; replay or discard them."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, login, policy_now, say, settings_of
from agents.cli.errors import FAILED, MISUSED, Failure, interruptible
from agents.cli.options import By
from agents.cli.tables import grid, new_table
from agents.cli.wording import local, safe, shortened
from agents.config.settings import Settings
from agents.observability.metrics import CODES
from agents.ops.dead_letters.records import DeadLetterRecord, find_dead_letters, parse_position, read_dead_letters
from agents.ops.dead_letters.service import DeadLetterRefused, DeadLetterService
from events.topics import STAGES, TopicName
from events.wording import number_of

_AGE: Final = re.compile(r"(?P<amount>[0-9]{1,6}) ?(?P<unit>s|min|h|d)")
_UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_CHECK: Final = "`alur dead list` shows which letters are still open"
_POSITION: Final = "topic-partition@offset, of the letter or of the record in it"

Positions = Annotated[list[str], typer.Argument(metavar="POSITION...", help=_POSITION)]

app = typer.Typer()


@app.command("list")
def listing(  # noqa: PLR0913 -- one option a filter
    ctx: typer.Context,
    *,
    stage: Annotated[str | None, typer.Option(metavar="STAGE", help="written by this stage")] = None,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="with this code, such as bug or not-json")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="AGE|TIME", help="in the last 90s, 30min, 2h or 7d, or since an RFC 3339 time")
    ] = None,
    topic: Annotated[str | None, typer.Option(metavar="TOPIC", help="originally on this topic")] = None,
    everything: Annotated[bool, typer.Option("--all", help="with replayed and discarded ones")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print only the positions, for other commands")] = False,
) -> None:
    """List the open dead letters, the oldest first.

    alur dead list --stage lifecycle --code bug --since 2h

    alur dead replay $(alur dead list -q --code bug)
    """
    _require_known("stage", stage, (*STAGES, "unknown"))
    _require_known("code", code, (*CODES, "unknown"))
    settings = settings_of(ctx)
    after = _LONG_AGO if since is None else _moment(since, datetime.now(UTC))
    origins = set(TopicName) | {None} if topic is None else {_topic(settings, topic)}
    letters = read_dead_letters(settings)
    chosen = [
        letter
        for letter in letters
        if (everything or letter.open) and stage in (None, letter.stage) and code in (None, letter.code)
        if letter.at >= after and (letter.origin.topic if letter.origin else None) in origins
    ]
    if quiet:
        for letter in chosen:
            say(str(letter.position))
        return
    if chosen:
        console().print(_table(chosen, policy_now(settings).national_zone))
    still = sum(letter.open for letter in letters)
    say(f"{len(chosen)} listed; of {number_of(len(letters), 'dead letter')} in all, open: {still}")


@app.command()
def show(
    ctx: typer.Context,
    position: Annotated[str, typer.Argument(help=_POSITION)],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="print the original bytes, and nothing else")] = False,
) -> None:
    """Show a dead letter: its origin, the reason, the record in it, and its disposition.

    alur dead show complaints.dead-letters-3@17

    alur dead show complaints.intake-0@4211 --raw > report.json
    """
    settings = settings_of(ctx)
    wanted = parse_position(settings, position)
    letters = find_dead_letters(read_dead_letters(settings, keep=[wanted]), wanted)
    if raw:
        if len({letter.value for letter in letters}) > 1:
            raise Failure(f"{wanted} is in {len(letters)} letters that differ: name one of the letters", FAILED)
        sys.stdout.buffer.write(letters[0].value or b"")
        return
    for letter in letters:
        _print(letter, policy_now(settings).national_zone)


@app.command()
def replay(
    ctx: typer.Context,
    positions: Positions,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="even if replayed or discarded before, or from a topic of a stage")
    ] = False,
    by: By = None,
) -> None:
    """Send the records in dead letters back to their topics, as new records of the same bytes and key.

    For reports and commands, once the cause is fixed. A record that fails again becomes a new dead letter, with its
    number of replays.

        alur dead replay complaints.dead-letters-3@17
    """
    settings = settings_of(ctx)
    wanted = [parse_position(settings, position) for position in positions]
    with DeadLetterService(settings, login(by)) as service, interruptible(lambda: _CHECK):
        letters, refused = service.records_at(wanted), 0
        for letter in letters:
            try:
                now_at = service.replay(letter, force=force)
            except DeadLetterRefused as error:
                if len(letters) == 1:
                    raise
                refused += 1
                say(str(error))
                continue
            say(f"replayed {letter.position} ({letter.stage}, {letter.code}) to {now_at}")
    if refused:
        raise Failure(f"{refused} of {len(letters)} letters were not replayed", FAILED)


@app.command()
def discard(
    ctx: typer.Context,
    positions: Positions,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="reason, for the record")],
    by: By = None,
) -> None:
    """Close dead letters without a replay, with the reason on record.

    alur dead discard complaints.dead-letters-3@17 --reason "a test of the channel, agreed with them"
    """
    if not reason.strip():
        raise Failure("--reason: give one", MISUSED)
    settings = settings_of(ctx)
    wanted = [parse_position(settings, position) for position in positions]
    with DeadLetterService(settings, login(by)) as service, interruptible(lambda: _CHECK):
        letters = service.records_at(wanted)
        if closed := [letter for letter in letters if not letter.open]:
            raise DeadLetterRefused(f"{closed[0].position} was {closed[0].disposition}: nothing is left to discard")
        for letter in letters:
            service.discard(letter, reason.strip())
            say(f"discarded {letter.position} ({letter.stage}, {letter.code})")


def _moment(text: str, now: datetime) -> datetime:
    """Read an age or a time; raise Failure if it is neither."""
    match = _AGE.fullmatch(text.strip())
    if match is not None:
        return now - timedelta(**{_UNITS[match["unit"]]: int(match["amount"])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Failure(f"--since: {text!r} is neither an age (90s, 30min, 2h, 7d) nor a time", MISUSED) from None
    if moment.tzinfo is None:
        raise Failure(f"--since: {text!r} has no time zone; write it like 2026-03-16T09:00:00+07:00", MISUSED)
    return moment


def _require_known(option: str, name: str | None, known: Sequence[str]) -> None:
    if name is not None and name not in known:
        raise Failure(f"--{option}: there is no {option} {name!r}; use one of {', '.join(known)}", MISUSED)


def _topic(settings: Settings, name: str) -> TopicName:
    for topic in TopicName:
        if name in (topic, topic.removeprefix("complaints."), settings.topic(topic)):
            return topic
    raise Failure(f"--topic: there is no topic {name!r}; use one of {', '.join(TopicName)}", MISUSED)


def _table(letters: list[DeadLetterRecord], zone: ZoneInfo) -> Table:
    columns = ("letter", "time", "stage", "origin", "code", "replays", "reason")
    table = new_table(*columns, unwrapped=["letter"], right=["replays"])
    for letter in letters:
        reason = letter.reason if letter.open else f"{letter.disposition}; {letter.reason}"
        position, at, replays = str(letter.position), local(letter.at, zone), str(letter.replays or "")
        cells = (position, at, letter.stage, letter.found_at, letter.code, replays, reason)
        table.add_row(*(Text(safe(cell).replace("\n", " "), style="" if letter.open else "dim") for cell in cells))
    return table


def _print(letter: DeadLetterRecord, zone: ZoneInfo) -> None:
    table = grid(2, padding=(0, 1, 0, 1))
    table.columns[0].style = "dim"
    rows = {
        "letter": str(letter.position),
        "status": f"{letter.disposition}, {local(letter.disposition.at, zone)}" if letter.disposition else "open",
        "written": f"{local(letter.at, zone)} by {letter.stage}",
        "origin": letter.found_at,
        "code": letter.code,
        "reason": letter.reason,
        "replays": str(letter.replays),
        "key": _shown(letter.key) + _cut(letter.key_truncated_from),
        "size": f"{letter.size:,} bytes{_cut(letter.truncated_from)}",
        "traceback": letter.traceback or "",
        "value": _shown(letter.value),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(safe(value)))
    console().print(table)


def _shown(value: bytes | None) -> str:
    return "none" if value is None else shortened(value.decode(errors="replace"))


def _cut(length: int | None) -> str:
    return "" if length is None else f", truncated from {length:,}"
