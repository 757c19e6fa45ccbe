"""`alur dead`: what the stages have set aside, and the ways back."""

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, login, say, settings_of
from agents.cli.errors import FAILED, MISUSED, Failure, interruptible
from agents.cli.wording import local, safe, shortened
from agents.config import policy_files
from agents.config.settings import Settings
from agents.ops.dead_letters import (
    DeadLetterRecord,
    DeadLetterRefused,
    DeadLetterService,
    find_dead_letters,
    parse_location,
    read_dead_letters,
)
from events.topics import STAGES, TopicName

_AGO: Final = re.compile(r"(?P<amount>[0-9]{1,6}) ?(?P<unit>s|min|h|d)")
_UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_LONGEST_BY: Final = 100
_LOOK: Final = "`alur dead list` shows which letters are open still"

Places = Annotated[
    list[str], typer.Argument(metavar="PLACE...", help="topic-partition@offset, of the letter or of what is in it")
]
By = Annotated[str | None, typer.Option(metavar="NAME", help="who does it, for the record; your login unless given")]


def application() -> typer.Typer:
    """Return the commands about dead letters."""
    app = typer.Typer(help="Dead letters: what no stage could read or settle, and the ways back.")
    app.command("list")(listing)
    app.command("show")(show)
    app.command("replay")(replay)
    app.command("discard")(discard)
    return app


def listing(  # noqa: PLR0913 -- one option a filter
    ctx: typer.Context,
    *,
    stage: Annotated[str | None, typer.Option(metavar="STAGE", help="set aside by this stage")] = None,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="with this code, such as bug or not-json")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="AGE|TIME", help="in the last 90s, 30min, 2h or 7d, or since an RFC 3339 time")
    ] = None,
    topic: Annotated[str | None, typer.Option(metavar="TOPIC", help="found on this topic")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also those that were replayed or discarded")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print the places only, for other commands")] = False,
) -> None:
    """List the dead letters that nobody has dealt with, the oldest first.

    alur dead list --stage lifecycle --code bug --since 2h

    alur dead replay $(alur dead list -q --code bug)
    """
    if stage is not None and stage not in {*STAGES, "unknown"}:
        raise Failure(f"--stage: there is no stage {stage!r}; there are {', '.join(STAGES)}", MISUSED)
    settings = settings_of(ctx)
    after = _LONG_AGO if since is None else _moment(since, datetime.now(UTC))
    found_on = set(TopicName) | {None} if topic is None else {_topic(settings, topic)}
    letters = read_dead_letters(settings)
    chosen = [
        letter
        for letter in letters
        if (everything or letter.open)
        and stage in (None, letter.stage)
        and code in (None, letter.code)
        and letter.at >= after
        and (letter.origin.topic if letter.origin else None) in found_on
    ]
    if quiet:
        for letter in chosen:
            say(str(letter.place))
        return
    if chosen:
        console().print(_table(chosen, _zone(settings)))
    still = sum(letter.open for letter in letters)
    say(f"{len(chosen)} listed; of {len(letters)} dead letters in all, {still} are open")


def show(
    ctx: typer.Context,
    place: Annotated[str, typer.Argument(help="topic-partition@offset, of the letter or of what is in it")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="print the bytes as they came, and nothing else")] = False,
) -> None:
    """Show a dead letter: where it was found, why it was set aside, what is in it, and what became of it.

    alur dead show complaints.dead-letters-3@17

    alur dead show complaints.intake-0@4211 --raw > report.json
    """
    settings = settings_of(ctx)
    wanted = parse_location(settings, place)
    letters = find_dead_letters(read_dead_letters(settings, keep=[wanted]), wanted)
    if raw:
        if len({letter.value for letter in letters}) > 1:
            raise Failure(f"{wanted} is in {len(letters)} letters that differ: say which one", FAILED)
        sys.stdout.buffer.write(letters[0].value or b"")
        return
    for letter in letters:
        _print(letter, _zone(settings))


def replay(
    ctx: typer.Context,
    places: Places,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="also what was dealt with before, or lay where only a stage writes")
    ] = False,
    by: By = None,
) -> None:
    """Send what is in dead letters back to where it was found, as a new record of the same bytes and key.

    For reports and commands, once what was wrong has been mended. If it fails again, it becomes a new letter, which
    counts how often it was replayed.

        alur dead replay complaints.dead-letters-3@17
    """
    settings = settings_of(ctx)
    wanted = [parse_location(settings, place) for place in places]
    with DeadLetterService(settings, _by(by)) as service, interruptible(lambda: _LOOK):
        letters, refused = service.records_at(wanted), 0
        for letter in letters:
            try:
                returned = service.replay(letter, force=force)
            except DeadLetterRefused as error:
                if len(letters) == 1:
                    raise
                refused += 1
                say(str(error))
                continue
            say(f"{letter.place} ({letter.stage}, {letter.code}) lies at {returned.to} again")
    if refused:
        raise Failure(f"{refused} of {len(letters)} letters were not replayed", FAILED)


def discard(
    ctx: typer.Context,
    places: Places,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="why nothing more will be done about it")],
    by: By = None,
) -> None:
    """Leave a record that nothing more will be done about dead letters; they are not listed as open any more.

    alur dead discard complaints.dead-letters-3@17 --reason "a test of the channel, agreed with them"
    """
    if not reason.strip():
        raise Failure("--reason: say why", MISUSED)
    settings = settings_of(ctx)
    wanted = [parse_location(settings, place) for place in places]
    with DeadLetterService(settings, _by(by)) as service, interruptible(lambda: _LOOK):
        letters = service.records_at(wanted)
        if settled := [letter for letter in letters if not letter.open]:
            raise DeadLetterRefused(f"{settled[0].place} was {settled[0].disposition}: nothing is left to discard")
        for letter in letters:
            service.discard(letter, reason.strip())
            say(f"{letter.place} ({letter.stage}, {letter.code}) is discarded")


def _by(given: str | None) -> str:
    return (given or login())[:_LONGEST_BY]


def _zone(settings: Settings) -> ZoneInfo:
    return policy_files.load(settings.policy).at(datetime.now(UTC)).national_zone


def _moment(text: str, now: datetime) -> datetime:
    """Read an age or a time.

    Raises:
        Failure: it is neither.
    """
    match = _AGO.fullmatch(text.strip())
    if match is not None:
        return now - timedelta(**{_UNITS[match["unit"]]: int(match["amount"])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Failure(f"--since: {text!r} is neither an age (90s, 30min, 2h, 7d) nor a time", MISUSED) from None
    if moment.tzinfo is None:
        raise Failure(f"--since: {text!r} has no time zone; write it like 2026-03-16T09:00:00+07:00", MISUSED)
    return moment


def _topic(settings: Settings, name: str) -> TopicName:
    for topic in TopicName:
        if name in (topic, topic.removeprefix("complaints."), settings.topic(topic)):
            return topic
    raise Failure(f"--topic: there is no topic {name!r}; there are {', '.join(TopicName)}", MISUSED)


def _table(letters: list[DeadLetterRecord], zone: ZoneInfo) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("letter", "set aside", "stage", "found at", "code"):
        table.add_column(column, no_wrap=True)
    table.add_column("replays", justify="right")
    table.add_column("reason", no_wrap=True, overflow="ellipsis")
    for letter in letters:
        reason = letter.reason if letter.open else f"{letter.disposition}; {letter.reason}"
        cells = (
            str(letter.place),
            local(letter.at, zone),
            letter.stage,
            str(letter.origin or "unknown"),
            letter.code,
            str(letter.replays or ""),
            reason,
        )
        table.add_row(*(Text(safe(cell).replace("\n", " "), style="" if letter.open else "dim") for cell in cells))
    return table


def _print(letter: DeadLetterRecord, zone: ZoneInfo) -> None:
    grid = Table(box=None, show_header=False, pad_edge=False)
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    disposition = f"{letter.disposition}, {local(letter.disposition.at, zone)}" if letter.disposition else "open"
    key = "none" if letter.key is None else shortened(letter.key.decode(errors="replace"))
    for name, value in (
        ("letter", str(letter.place)),
        ("is", disposition),
        ("set aside", f"{local(letter.at, zone)} by {letter.stage}"),
        ("found at", str(letter.origin or "unknown")),
        ("code", letter.code),
        ("reason", letter.reason),
        ("replays", str(letter.replays)),
        ("key", key + _cut(letter.key_truncated_from)),
        ("size", f"{letter.size:,} bytes{_cut(letter.truncated_from)}"),
        ("traceback", letter.traceback or ""),
        ("value", "none" if letter.value is None else shortened(letter.value.decode(errors="replace"))),
    ):
        if value:
            grid.add_row(name, Text(safe(value)))
    console().print(grid)


def _cut(length: int | None) -> str:
    return "" if length is None else f", cut off from {length:,}"
