"""After a migration, what is named after a position in an inward log goes on above the former logs."""

import json
from dataclasses import dataclass

from agents.config.policy_files import load
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition
from agents.stages.intake import Intake
from agents.stages.lifecycle import Lifecycle
from events.codec.decode import decode_command
from events.commands import RegisterComplaint
from events.ids import complaint_id, identity_key, tracking_id
from events.topics import TopicName
from tests.support.engines import command_event, report_event
from tests.support.worlds import CITIZEN, MONDAY

FIRST = {str(TopicName.INTAKE): 5_000, str(TopicName.COMMANDS): 70_000}
PARTITION = Partition(0, 1, load("lapor"), first_positions=FIRST)
NAME = complaint_id("/channels/sms", "1")


@dataclass(frozen=True)
class Record:
    """As much of a consumer's record as the stages look at."""

    value: bytes
    key: bytes | None = None
    partition: int = 0
    offset: int = 3
    timestamp: int = int(MONDAY.timestamp() * 1000)
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = "x"


def test_tracking_numbers_go_on() -> None:
    found: dict[TopicName, OutgoingRecord] = {
        each.topic: each for each in Intake(PARTITION).handle(Record(json.dumps(report_event("1")).encode()))
    }
    registration = decode_command(found[TopicName.COMMANDS].value).data
    assert isinstance(registration, RegisterComplaint)
    assert registration.tracking_id == tracking_id(0, 5_003) == "6003000"
    assert found[TopicName.IDENTITIES].key == identity_key(NAME, "6003000").encode()


def test_the_ids_of_rejections_go_on() -> None:
    lifecycle = Lifecycle(PARTITION)
    lifecycle.ready()
    command = command_event("withdraw-complaint", NAME, CITIZEN, {})
    (rejection,) = lifecycle.handle(Record(json.dumps(command).encode()))
    assert json.loads(rejection.value or b"")["id"] == f"{NAME}/rejected/0/70003"
