"""Open dead letters, counted by their reason."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from agents.ops.dead_letters.records import resolved_letter
from agents.runtime.disk_map import DiskMap
from events.client import Record


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason of a dead letter: the stage and its code."""

    stage: str
    code: str


OTHERS: Final = Reason("others", "others")
"""For letters beyond `_MOST_REASONS`: only a foreign producer makes up so many reasons."""
_MOST_REASONS: Final = 1_000
_LONGEST_TEXT: Final = 100


class OpenDeadLetters:
    """Position and reason of each open letter, without its content, which may identify the reporter.

    Positions are in a temporary file and reasons are limited, so memory does not grow with the letters.
    """

    def __init__(self) -> None:
        self._letters = DiskMap()
        self._numbers: dict[Reason, int] = {}
        self._reasons: list[Reason] = []
        self.by_reason: Counter[Reason] = Counter()
        """Number of open letters; reasons without any are left out."""

    def add(self, record: Record) -> None:
        """Apply a letter or a disposition."""
        resolved = resolved_letter(record.headers)
        if resolved is None:
            reason = Reason(_text(record, "stage"), _text(record, "code"))
            if reason not in self._numbers and len(self._numbers) >= _MOST_REASONS:
                reason = OTHERS
            self._letters.put(str(record.position).encode(), self._number(reason))
            self.by_reason[reason] += 1
        elif (number := self._letters.get(resolved.encode())) is not None:
            self._letters.put(resolved.encode(), None)
            reason = self._reasons[int(number)]
            self.by_reason[reason] -= 1
            if not self.by_reason[reason]:
                del self.by_reason[reason]

    def _number(self, reason: Reason) -> bytes:
        number = self._numbers.setdefault(reason, len(self._reasons))
        if number == len(self._reasons):
            self._reasons.append(reason)
        return b"%d" % number


def _text(record: Record, name: str) -> str:
    return (record.headers.get(name) or b"unknown")[:_LONGEST_TEXT].decode(errors="replace")
