"""Dead letters: read, count, replay, discard."""

from agents.ops.dead_letters.open_letters import OpenDeadLetters, Reason
from agents.ops.dead_letters.records import (
    DeadLetterDisposition,
    DeadLetterNotFound,
    DeadLetterRecord,
    find_dead_letters,
    origin_of,
    parse_location,
    read_dead_letters,
    resolved_letter,
)
from agents.ops.dead_letters.service import DeadLetterRefused, DeadLetterService, ReplayedRecord

__all__ = [
    "DeadLetterDisposition",
    "DeadLetterNotFound",
    "DeadLetterRecord",
    "DeadLetterRefused",
    "DeadLetterService",
    "OpenDeadLetters",
    "Reason",
    "ReplayedRecord",
    "find_dead_letters",
    "origin_of",
    "parse_location",
    "read_dead_letters",
    "resolved_letter",
]
