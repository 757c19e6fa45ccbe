"""Dead letters that nobody has dealt with yet, counted by their reason."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from agents.ops.dead_letters.records import resolved_letter
from agents.runtime.disk_map import DiskMap
from events.client import Record
from workflow.audit.evidence import Place


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was set aside: which stage did it, and its code."""

    stage: str
    code: str


OTHERS: Final = Reason("others", "others")
"""For letters whose reason is one too many: they are written by somebody who makes reasons up."""
_MOST_REASONS: Final = 1_000
_LONGEST_TEXT: Final = 100


class OpenDeadLetters:
    """Remembers of each letter where it lies and why, and nothing of what is in it: that may hold who reported.

    Where they lie is in a temporary file, and there are only so many reasons: memory does not grow with the letters.
    """

    def __init__(self) -> None:
        self._letters = DiskMap()
        self._numbers: dict[Reason, int] = {}
        self._reasons: list[Reason] = []
        self.by_reason: Counter[Reason] = Counter()
        """How many are open; reasons of which there is none are left out."""

    def add(self, record: Record) -> None:
        """Take in a letter, or what became of one."""
        resolved = resolved_letter(record.headers)
        if resolved is None:
            reason = Reason(_text(record, "stage"), _text(record, "code"))
            if reason not in self._numbers and len(self._numbers) >= _MOST_REASONS:
                reason = OTHERS
            self._letters.put(_name(Place(record.topic, record.partition, record.offset)), self._number(reason))
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


def _name(place: Place) -> bytes:
    return str(place).encode()
