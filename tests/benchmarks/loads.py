"""Load for stages: snapshots by the million, and commands for whole lives."""

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from confluent_kafka import Producer
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from agents.config.policy_files import load
from agents.config.settings import Settings
from agents.kafka.group_progress import mark
from agents.local_broker.keys import with_local_keys
from agents.ops.progress import retry_while_starting
from events import commands as c
from events.client.administration import admin_client
from events.cloudevents import timestamp
from events.codec.encode import encode_complaint, encode_snapshot
from events.ids import complaint_id
from events.provenance import state_headers
from events.reports import Location, ReportContent
from events.snapshot import Complaint
from events.topics import STAGES, TopicName
from events.vocabulary import ClockName, ComplaintClass
from workflow.machine.decide import decide
from workflow.machine.handlers import Rejected

CHANNEL: Final = "/channels/bench"
HOLDER: Final = "/offices/denpasar-pupr"
CITIZEN: Final = CHANNEL
"""The channel speaks for those who reported there."""
PANRB: Final = "/offices/panrb"

REPORT: Final = ReportContent(
    class_=ComplaintClass.COMPLAINT,
    title="Jalan berlubang di depan Pasar Badung",
    body="Lubang sedalam satu jengkal, sudah dua sepeda motor jatuh.",
    category="infrastruktur-jalan",
    location=Location(province="Bali", city="Denpasar", district="Denpasar Barat"),
)

LIFE: Final[tuple[tuple[c.Command, str], ...]] = (
    (c.VerifyComplaint(), PANRB),
    (c.DisposeComplaint(office="denpasar-pupr"), PANRB),
    (c.RecordFollowUp(text="Tim sudah menambal lubang pada 18 Maret."), HOLDER),
    (c.ReplyToFollowUp(text="Masih berlubang."), CITIZEN),
    (c.RecordFollowUp(text="Sudah ditambal lagi."), HOLDER),
    (c.CloseComplaint(), PANRB),
    (c.RateResolution(rating=4), CITIZEN),
)
"""What follows on the registration of a complaint: eight commands in all."""

Record = tuple[bytes, bytes]
"""Key and value."""


def command(order: c.Command, sender: str, complaint: str, message_id: str) -> c.CommandEvent[Any]:
    """Return a command in the form that lifecycle decodes."""
    kind = c.command_type(order.NAME)
    return c.CommandEvent[Any](
        specversion="1.0", type=kind, source=sender, id=message_id, subject=UUID(complaint), data=order
    )


def register(number: int) -> tuple[str, c.CommandEvent[Any]]:
    """Return the id of complaint `number`, and the command that registers it."""
    complaint = complaint_id(CHANNEL, str(number))
    order = c.RegisterComplaint(
        tracking_id=str(1_000_000 + number), source=CHANNEL, report_id=str(number), report=REPORT
    )
    return complaint, command(order, "/stages/intake", complaint, f"register-{number}")


def lives(count: int, at_once: int = 1_000) -> Iterator[Record]:
    """Yield the commands of a number of lives, `at_once` of them concurrent."""
    for start in range(0, count, at_once):
        complaints = [register(number) for number in range(start, min(start + at_once, count))]
        for complaint, event in complaints:
            yield complaint.encode(), _written(event)
        for step, (order, sender) in enumerate(LIFE):
            for complaint, _ in complaints:
                yield complaint.encode(), _written(command(order, sender, complaint, f"{step}-{complaint}"))


def _written(event: c.CommandEvent[Any]) -> bytes:
    return event.model_dump_json(exclude_none=True, by_alias=True).encode()


def disposed(at: datetime) -> Complaint:
    """Return a complaint held by an office since `at`, with two running clocks."""
    policy = load("lapor").versions[-1]
    complaint_name, event = register(0)
    complaint: Complaint | None = None
    for each in (event, *(command(order, by, complaint_name, f"{order.NAME}") for order, by in LIFE[:2])):
        facts = decide(each, complaint, at, policy)
        assert not isinstance(facts, Rejected), facts
        complaint = facts[-1].complaint
    assert complaint is not None
    return complaint


def snapshots(
    numbers: Iterable[int], at: datetime, follow_up_due: Callable[[int], datetime], settlement_due: datetime
) -> Iterator[Record]:
    """Yield the snapshots of complaints held by an office, named by their number, without warnings."""
    sample = disposed(at)
    marks = {name: datetime(1999, 1, 1, 0, 0, 0, number * 1000, UTC) for number, name in enumerate(ClockName, start=1)}
    clocks = {
        name: clock.model_copy(update={"due_at": marks[name], "warn_at": None}) for name, clock in sample.clocks.items()
    }
    sample = sample.model_copy(update={"clocks": clocks})
    template = encode_snapshot(sample, encode_complaint(sample)).replace(b"%", b"%%")
    template = template.replace(sample.complaint_id.encode(), b"%(id)s")
    for name in (ClockName.FOLLOW_UP, ClockName.SETTLEMENT):
        written = json.dumps(clocks[name].model_dump(mode="json")["due_at"]).encode()
        template = template.replace(written, b'"%%(%s)s"' % name.encode())
    settlement = timestamp(settlement_due).encode()
    for number in numbers:
        key = str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)).encode()
        due = timestamp(follow_up_due(number)).encode()
        yield key, template % {b"id": key, b"follow_up": due, b"settlement": settlement}


def publish(settings: Settings, topic: TopicName, records: Iterable[Record]) -> int:
    """Write records by Kafka's partitioner; return their number."""
    config = {
        "bootstrap.servers": settings.broker,
        "partitioner": "murmur2_random",
        "linger.ms": 20,
        "batch.num.messages": 2_000,
        "queue.buffering.max.kbytes": 200_000,
        "enable.idempotence": True,
    }
    headers: list[tuple[str, str | bytes | None]] = list(state_headers(0)) if topic is TopicName.STATE else []
    producer, count = Producer(config), 0
    for key, value in records:
        while True:
            try:
                producer.produce(settings.topic(topic), value=value, key=key, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
        if count % 1_000 == 0:
            producer.poll(0)
    if producer.flush(60):
        raise SystemExit(f"{topic} could not be written")
    return count


def begin_at_the_start(settings: Settings, stage: str) -> None:
    """Commit the start of a stage's topic: it refuses to start on a state without an offset."""
    topic = settings.topic(STAGES[stage])
    begun = {TopicPartition(topic, number): OffsetAndMetadata(0, mark(0), -1) for number in range(settings.partitions)}
    with admin_client(settings) as client:
        retry_while_starting(lambda: client.alter_group_offsets(settings.group(stage), begun))


def fresh_settings(broker: str, policy: str = "lapor", partitions: int = 4) -> Settings:
    """Return settings with topics of their own."""
    prefix = f"bench{uuid.uuid4().hex[:8]}."
    settings = Settings(broker=broker, prefix=prefix, policy=policy, partitions=partitions)
    return with_local_keys(settings, os.environ)


def in_days(count: float) -> datetime:
    """Return the moment so many days from now."""
    return datetime.now(UTC) + timedelta(days=count)
