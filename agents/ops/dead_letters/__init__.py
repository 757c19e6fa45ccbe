"""What was set aside, and the ways back: to its topic, or out of sight with a reason."""

from agents.ops.dead_letters.open_letters import OpenLetters, Reason
from agents.ops.dead_letters.records import (
    Fate,
    Letter,
    NoSuchLetter,
    find_letters,
    origin_of,
    parse_place,
    read_letters,
    settled_by,
)
from agents.ops.dead_letters.service import Desk, NotReturned, Returned

__all__ = [
    "Desk",
    "Fate",
    "Letter",
    "NoSuchLetter",
    "NotReturned",
    "OpenLetters",
    "Reason",
    "Returned",
    "find_letters",
    "origin_of",
    "parse_place",
    "read_letters",
    "settled_by",
]
