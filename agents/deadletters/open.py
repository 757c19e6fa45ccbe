"""Dead letters that nobody has dealt with yet, counted by their reason."""

from collections import Counter
from dataclasses import dataclass

from agents.deadletters.letters import settled_by
from events.client import Record
from workflow.evidence import Place


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was set aside: which stage did it, and its code."""

    stage: str
    code: str


class OpenLetters:
    """Remembers of each letter where it lies and why, and nothing of what is in it: that may hold who reported."""

    def __init__(self) -> None:
        self._reasons: dict[str, Reason] = {}
        self._known: dict[Reason, Reason] = {}
        self.by_reason: Counter[Reason] = Counter()
        """How many are open; reasons of which there is none are left out."""

    def add(self, record: Record) -> None:
        """Take in a letter, or what became of one."""
        settled = settled_by(record.headers)
        if settled is None:
            found = Reason(_text(record, "stage"), _text(record, "code"))
            reason = self._known.setdefault(found, found)
            self._reasons[str(Place(record.topic, record.partition, record.offset))] = reason
            self.by_reason[reason] += 1
        elif settled in self._reasons:
            reason = self._reasons.pop(settled)
            self.by_reason[reason] -= 1
            if not self.by_reason[reason]:
                del self.by_reason[reason]


def _text(record: Record, name: str) -> str:
    return (record.headers.get(name) or b"unknown").decode(errors="replace")
