"""What comes of one entry of a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from events.codec import decode_report
from events.errors import Undecodable


class UnreadableFile(Exception):
    """The file as a whole is nothing that holds reports; the message is one line."""


class Unusable(Exception):
    """An entry cannot be a report of the contract; the message says why."""


class Settled(Exception):
    """An entry tells of a report that others have settled: there is nothing left to do about it."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that is one by the contract."""

    line: int
    complaint: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that is none, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An entry that is settled elsewhere."""

    line: int


Item = Report | Skipped | PassedOver


def item_of(line: int, make: Callable[[], Mapping[str, Any]]) -> Item:
    """Return what comes of an entry that `make` makes a report of, or cannot."""
    try:
        return judged(line, to_json(make()))
    except Unusable as error:
        return Skipped(line, str(error))
    except Settled:
        return PassedOver(line)


def judged(line: int, value: bytes) -> Report | Skipped:
    """Return what is to be published as it is, or why it is no report of the contract."""
    try:
        return Report(line, decode_report(value).complaint_id, value)
    except Undecodable as error:
        return Skipped(line, error.reason.replace("data.", "").removeprefix("data: "))
