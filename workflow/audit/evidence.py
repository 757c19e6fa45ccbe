"""What an audit goes by: where records lie, how far the stages have come with them, and what is wrong with one."""

from dataclasses import dataclass
from typing import Final

from events.topics import TopicName
from workflow.audit.complaint_history import Code


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies."""

    topic: TopicName
    partition: int
    offset: int

    def __str__(self) -> str:
        """Write it as operators do."""
        return f"{self.topic}-{self.partition}@{self.offset}"


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be."""

    code: Code
    place: Place
    complaint: str | None
    message: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.place} {self.code}: {self.message}" + (
            f" (complaint {self.complaint})" if self.complaint else ""
        )


@dataclass(frozen=True, slots=True)
class Handled:
    """How far a stage has come with a topic: offsets from the one given for a partition are still before it."""

    offsets: dict[tuple[TopicName, int], int]

    def includes(self, place: Place) -> bool:
        """Say whether the record at `place` has been dealt with; a topic that is not named is dealt with entirely."""
        until = self.offsets.get((place.topic, place.partition))
        return until is None or place.offset < until


EVERYTHING: Final = Handled({})
"""The stages have come to the end of every topic."""
