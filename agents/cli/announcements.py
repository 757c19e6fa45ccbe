"""Announce something in every partition, and watch for what each makes of it."""

import time
from dataclasses import dataclass, field

from pydantic import ValidationError

from agents.config.settings import Settings
from events.announcements import CALENDAR, CALENDAR_KEY
from events.client import Publisher, Reader, Record, extents
from events.codec.messages import decode_calendar
from events.errors import Undecodable
from events.outcomes import RejectionEvent
from events.topics import TopicName


@dataclass
class Answers:
    """What the partitions made of an announcement so far."""

    partitions: int
    in_force: dict[int, str] = field(default_factory=dict)
    """What it says now, by partition."""
    refused: dict[int, str] = field(default_factory=dict)
    """Code and message, by partition."""

    @property
    def complete(self) -> bool:
        """Say whether every partition has decided."""
        return self.partitions == len(self.in_force.keys() | self.refused.keys())

    def take(self, record: Record, identity: tuple[str, str]) -> None:
        """Take in a record of the state or of the rejections, if it speaks of the announcement with this identity."""
        if record.key != CALENDAR_KEY or record.value is None:
            return
        try:
            if record.topic is TopicName.STATE:
                for each in decode_calendar(record.value).announcements:
                    if (each.by, each.command_id) == identity:
                        self.in_force[record.partition] = each.reason
            else:
                no = RejectionEvent.model_validate_json(record.value).data
                if (no.command_source, no.command_id) == identity:
                    self.refused[record.partition] = f"{no.code}: {no.message}"
        except (Undecodable, ValidationError):
            return  # strangers may write anything anywhere; what lifecycle writes can be read


def announce_and_wait(settings: Settings, value: bytes, identity: tuple[str, str], seconds: float) -> Answers:
    """Publish an announcement of this `identity` (source and id) in each partition and wait for what comes of it.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: it could not be sent everywhere, or not be followed.
    """
    answers = Answers(extents(settings, [TopicName.COMMANDS])[TopicName.COMMANDS].partitions)
    with Reader(settings, (TopicName.STATE, TopicName.REJECTIONS)) as reader:
        # looked up before the command is sent, or what comes of it might be passed over
        reader.skip_to_end()
        _publish(settings, value, answers.partitions)
        deadline = time.monotonic() + seconds
        while not answers.complete and (left := deadline - time.monotonic()) > 0:
            for record in reader.poll(left):
                answers.take(record, identity)
    return answers


def _publish(settings: Settings, value: bytes, partitions: int) -> None:
    with Publisher(settings) as publisher:
        for number in range(partitions):
            publisher.publish(TopicName.COMMANDS, CALENDAR, value, partition=number)
        publisher.flush()
