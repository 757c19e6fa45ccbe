"""Announcements of days off: publish one in every partition, and follow the decision of each."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError
from pydantic_core import to_json

from agents.cli.errors import MISUSED, Failure
from agents.cli.fields import in_options
from agents.config.settings import Settings
from events.announcements import CALENDAR, CALENDAR_KEY, AnnouncementEvent
from events.client import Publisher, Reader, Record, extents
from events.codec.decode import decode_announcement, decode_calendar
from events.codec.encode import cloud_event
from events.errors import InvalidCommand, Undecodable
from events.outcomes import RejectionEvent
from events.topics import TopicName


@dataclass
class Answers:
    """The decisions of the partitions so far."""

    partitions: int
    in_force: dict[int, str] = field(default_factory=dict)
    """Announcements in force, by partition."""
    refused: dict[int, str] = field(default_factory=dict)
    """Code and message of the rejection, by partition."""

    @property
    def complete(self) -> bool:
        """Whether every partition has decided."""
        return self.partitions == len(self.in_force.keys() | self.refused.keys())

    def add(self, record: Record, identity: tuple[str, str]) -> None:
        """Add a record of the state or the rejections, if it is about the announcement with this identity."""
        if record.key != CALENDAR_KEY or record.value is None:
            return
        try:
            if record.topic is TopicName.STATE:
                for each in decode_calendar(record.value).announcements:
                    if (each.by, each.command_id) == identity:
                        self.in_force[record.partition] = each.reason
            else:
                rejection = RejectionEvent.model_validate_json(record.value).data
                if (rejection.command_source, rejection.command_id) == identity:
                    self.refused[record.partition] = f"{rejection.code}: {rejection.message}"
        except (Undecodable, ValidationError):
            return  # a foreign record


@dataclass(frozen=True)
class Announced:
    """An announcement to be published; its id is by default computed from its data."""

    source: str
    data: dict[str, Any]
    chosen_id: str | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """Source and id of the message."""
        return self.source, self.chosen_id or str(uuid5(NAMESPACE_URL, f"{self.source}#{self.data}"))

    def encode(self) -> bytes:
        """Return the encoded message; raise Failure if the data are not those of an announcement."""
        value = to_json(
            cloud_event(AnnouncementEvent.TYPE, *self.identity, datetime.now(UTC), CALENDAR, data=self.data)
        )
        try:
            decode_announcement(value)
        except (InvalidCommand, Undecodable) as error:
            raise Failure(in_options(error.reason).replace("--day:", "the day:"), MISUSED) from None
        return value


def announce_and_wait(settings: Settings, announced: Announced, seconds: float) -> Answers:
    """Publish an announcement in each partition and wait for the decisions; raise Failure if it is not valid."""
    value = announced.encode()
    answers = Answers(extents(settings, [TopicName.COMMANDS])[TopicName.COMMANDS].partitions)
    with Reader(settings, (TopicName.STATE, TopicName.REJECTIONS)) as reader:
        # positioned before the command is sent, to see every answer
        reader.skip_to_end()
        with Publisher(settings) as publisher:
            for number in range(answers.partitions):
                publisher.publish(TopicName.COMMANDS, CALENDAR, value, partition=number)
            publisher.flush()
        deadline = time.monotonic() + seconds
        while not answers.complete and (left := deadline - time.monotonic()) > 0:
            for record in reader.poll(left):
                answers.add(record, announced.identity)
    return answers
