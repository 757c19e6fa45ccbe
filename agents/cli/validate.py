"""`alur validate`: what is wrong with a message before it is sent, and what would come of it. Needs no broker."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated

import typer
from pydantic_core import from_json

from agents import policies
from agents.cli.context import say, settings_of
from agents.cli.errors import Failure
from agents.cli.given import NOTHING, name_of, opened
from agents.cli.wording import safe
from agents.mistakes import Verdict, judge
from agents.prospects import prospects
from workflow.policy import Policy


@dataclass(frozen=True, slots=True)
class Item:
    """A message in a file, and where it stands there."""

    place: str
    raw: bytes


def validate(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="a message in JSON, or one a line; - is stdin")],
) -> None:
    """Say what is wrong with messages of the contract, field by field, and what would come of those that are in order.

    Takes messages of every type: reports, commands, facts, snapshots, rejections, resolutions. Of a report it tells the
    complaint id, and what the policy would miss: a report that lacks it is registered all the same, and postponed.
    Exits with 1 if a message has a mistake, or there is none. Needs no broker.

        alur validate report.json

        generate | alur validate -

        alur --policy ./our-policy.toml validate reports.jsonl
    """
    now = datetime.now(UTC)
    policy = policies.load(settings_of(ctx).policy).at(now)
    count = wrong = 0
    with opened(file) as stream:
        for item in messages_in(name_of(file), stream):
            verdict = judge(item.raw)
            count += 1
            wrong += bool(verdict.mistakes)
            for line in _told(item, verdict, now, policy):
                say(safe(line))
    if not count:
        raise Failure(f"{name_of(file)}: {NOTHING}")
    if wrong:
        raise Failure(f"{name_of(file)}: {wrong} of {count} {_messages(count)} not in order")


def _told(item: Item, verdict: Verdict, now: datetime, policy: Policy) -> Iterator[str]:
    if verdict.message is None:
        count = len(verdict.mistakes)
        yield f"{item.place}: {verdict.name}: {count} {'mistake' if count == 1 else 'mistakes'}"
        yield from (f"  {mistake}" for mistake in verdict.mistakes)
        return
    yield f"{item.place}: {verdict.name}: in order"
    yield from (f"  {line}" for line in prospects(verdict.message, now, policy))


def _messages(count: int) -> str:
    return "message" if count == 1 else "messages"


def messages_in(name: str, stream: Iterable[bytes]) -> Iterator[Item]:
    """Give the messages of a file: one a line if its first line is one by itself, else the file is one message."""
    lines = _with_numbers(stream)
    first = next(lines, None)
    if first is None:
        return
    if _is_json(first[1]):
        yield from (Item(f"{name}:{number}", line) for number, line in chain([first], lines))
        return
    rest = list(chain([first], lines))
    whole = b"".join(line for _, line in rest)
    if not _is_json(whole) and any(_is_object(line) for _, line in rest[1:]):
        # messages by the line, and the first of them is broken
        yield from (Item(f"{name}:{number}", line) for number, line in rest)
    else:
        yield Item(name, whole)


def _with_numbers(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stream, start=1):
        kept = line.removeprefix(BOM_UTF8) if number == 1 else line
        if kept.strip():
            yield number, kept


def _is_json(raw: bytes) -> bool:
    try:
        from_json(raw)
    except ValueError:
        return False
    return True


def _is_object(raw: bytes) -> bool:
    return raw.lstrip().startswith(b"{") and _is_json(raw)
