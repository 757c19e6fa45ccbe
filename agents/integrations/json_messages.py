"""Messages in JSON: one per line, one over several lines, several of those, or a list of them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Final

from pydantic_core import from_json, to_json

from agents.integrations import encodings
from agents.integrations.entries import UnreadableFile

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a file, with its position."""

    line: int
    """The line on which it begins; its number in a list."""
    raw: bytes
    within: str = "line"
    """What `line` counts: a `line`, an `entry` of a list, or `whole` for a single message in its file."""


def messages_in(stream: Iterable[bytes]) -> Iterator[Message]:
    """Yield the messages of a file, unparsable ones unchanged; raise UnreadableFile for one that is too large."""
    numbered = _numbered_lines(stream)
    first = next(numbered, None)
    if first is None:
        return
    value = _parsed(first[1])
    messages: Iterator[Message]
    if value is not None and not isinstance(value, list):
        messages = (Message(number, raw.strip()) for number, raw in chain([first], numbered))
    else:
        messages = _in_one(_limited(chain([first], numbered)))
    yield from map(_with_all_values, messages)


def _numbered_lines(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stream, start=1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if text.strip():
            yield number, text


def _limited(numbered: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    size = 0
    for number, line in numbered:
        size += len(line)
        if size > encodings.LONGEST:
            raise UnreadableFile(
                f"is one document of over {encodings.LONGEST:,} bytes: write one entry a line, or several files"
            )
        yield number, line


def _in_one(numbered: Iterator[tuple[int, bytes]]) -> Iterator[Message]:
    held: list[tuple[int, bytes]] = []
    for number, line in _limited(numbered):
        held.append((number, line))
        if line.startswith(b"{") and len(held) > 1 and not held[0][1].lstrip().startswith(b"[") and _is_object(line):
            # one message per line, the first one invalid
            yield from (Message(at, raw.strip()) for at, raw in chain(held, numbered))
            return
    text = b"".join(line for _, line in held)
    value = _parsed(text)
    if isinstance(value, list):
        value = json.loads(text, object_pairs_hook=_pairs)
        yield from (Message(number, to_json(each), "entry") for number, each in enumerate(value, start=1))
    elif value is None and (several := _several(held)) is not None:
        yield from several
    else:
        yield Message(held[0][0], text, "whole")


def _several(numbered: list[tuple[int, bytes]]) -> list[Message] | None:
    """Return consecutive documents over several lines each; None for any other content."""
    messages, begun, pending = [], 0, b""
    for number, line in numbered:
        begun = begun if pending else number
        pending += line
        # such a document ends at the beginning of a line
        if line[:1] in {b"}", b"]"} or _is_object(line):
            if _parsed(pending) is None:
                return None
            messages.append(Message(begun, pending.strip()))
            pending = b""
    return None if pending or not messages else messages


def _parsed(raw: bytes) -> object:
    try:
        return from_json(raw)
    except ValueError:
        return None


def _with_all_values(message: Message) -> Message:
    """Return both values of a duplicate name in an object, of which a parser would silently choose one."""
    if message.within == "entry":
        return message  # done with its list
    repeated: list[str] = []
    try:
        value = json.loads(message.raw, object_pairs_hook=partial(_pairs, repeated=repeated))
    except (ValueError, RecursionError):
        return message
    return replace(message, raw=to_json(value)) if repeated else message


def _pairs(pairs: list[tuple[str, Any]], repeated: list[str] | None = None) -> dict[str, Any]:
    members: dict[str, Any] = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        for name in {each for each in names if names.count(each) > 1}:
            members[name] = [value for other, value in pairs if other == name]
            if repeated is not None:
                repeated.append(name)
    return members


def _is_object(raw: bytes) -> bool:
    return raw.lstrip().startswith(b"{") and _parsed(raw) is not None


def head_of(lines: Iterator[bytes]) -> list[bytes]:
    """Return the lines of a file up to the first non-empty one."""
    head = [next(lines, b"")]
    while head[-1] and not head[-1].strip():
        head.append(next(lines, b""))
    return head


def is_json(head: bytes) -> bool:
    """Return whether a text begins like JSON."""
    return head.removeprefix(_BOM).lstrip()[:1] in {b"{", b"["}


def without(raw: bytes, member: str) -> bytes:
    """Return a JSON object without one of its members; any other value unchanged."""
    if f'"{member}"'.encode() not in raw:
        return raw
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return to_json({name: each for name, each in value.items() if name != member}) if isinstance(value, dict) else raw
