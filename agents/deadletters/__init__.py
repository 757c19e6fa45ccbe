"""What was set aside, and the ways back: to its topic, or out of sight with a reason."""

from agents.deadletters.desk import Desk, NotReturned, Returned
from agents.deadletters.letters import (
    Fate,
    Letter,
    NoSuchLetter,
    find_letters,
    origin_of,
    parse_place,
    read_letters,
    settled_by,
)
from agents.deadletters.open import OpenLetters, Reason

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
