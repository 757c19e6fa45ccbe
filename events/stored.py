"""What stands in `complaints.state`, read no further than is needed: of a million records when a stage begins."""

from typing import Final

from pydantic import BaseModel, ConfigDict

from events.codec import STATE_MARK, decode_snapshot, encode_complaint, read_ours
from events.snapshot import Clock
from events.vocabulary import ClockName

_CALENDAR_MARK: Final = b'"calendar":'
_LONGEST_COUNT: Final = 12


class _Timetable(BaseModel):
    """As much of a complaint as a timer needs; the rest is passed over."""

    model_config = ConfigDict(strict=True)

    clocks: dict[ClockName, Clock]


def complaint_in(raw: bytes) -> bytes:
    """Cut the snapshot out of a record of `complaints.state`, unread.

    Raises:
        Undecodable: it is none of ours.
    """
    start = raw.find(STATE_MARK)
    if start < 0 or not raw.endswith(b"}}"):
        # written by somebody who spaces JSON in another way, or not a snapshot
        return encode_complaint(decode_snapshot(raw))
    return raw[start + len(STATE_MARK) : -2]


def read_clocks(raw: bytes) -> dict[ClockName, Clock]:
    """Read the deadlines out of a record of `complaints.state` and nothing else: a third of the time.

    Raises:
        Undecodable: it is none of ours.
    """
    return read_ours(_Timetable, complaint_in(raw)).clocks


def reckoned_with(raw: bytes) -> int:
    """Read out of a record of `complaints.state` how many announcements its deadlines have been reckoned with."""
    # a quotation mark within a text is written with a backslash before it: this is no part of one
    start = raw.find(_CALENDAR_MARK) + len(_CALENDAR_MARK)
    digits = raw[start : start + _LONGEST_COUNT].split(b",", 1)[0]
    return int(digits) if start >= len(_CALENDAR_MARK) and digits.isdigit() else 0
