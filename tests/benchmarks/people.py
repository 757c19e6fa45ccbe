"""Citizens and officers in one client that is independent of the stages: it reads facts and sends what comes next.

It shares the processor with what it measures, so it does little: messages are written once and filled in, of a fact
nothing is read but its key and its headers, and librdkafka does the rest.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition

from agents.config.settings import Settings
from events.ids import complaint_id
from events.topics import TopicName
from tests.benchmarks.loads import CHANNEL, CITIZEN, HOLDER, PANRB

_REPORT: Final = json.dumps(
    {
        "specversion": "1.0",
        "type": "lapor.report.submitted.v1",
        "source": CHANNEL,
        "id": "@number",
        "data": {
            "class": "complaint",
            "title": "Jalan berlubang nomor @number",
            "body": "Lubang sedalam satu jengkal di depan rumah nomor @number, sudah dua sepeda motor jatuh.",
            "category": "infrastruktur-jalan",
            "location": {"province": "Bali", "city": "Denpasar", "district": "Denpasar Barat"},
            "reporter": {"name": "Ni Luh Contoh", "phone": "0800-000-000"},
        },
    }
).encode()


def _command(name: str, source: str, nth: int, data: dict[str, Any]) -> bytes:
    event = {"specversion": "1.0", "type": f"lapor.command.{name}.v1", "source": source}
    return json.dumps({**event, "id": f"@complaint-{name}-{nth}", "subject": "@complaint", "data": data}).encode()


_FOLLOW_UPS: Final = tuple(
    _command("record-follow-up", HOLDER, nth, {"text": "Tim sudah menambal lubang pada 18 Maret."}) for nth in (1, 2)
)
_REPLY: Final = _command("reply-to-follow-up", CITIZEN, 1, {"text": "Masih berlubang."})
_CLOSE: Final = _command("close-complaint", PANRB, 1, {})
_RATE: Final = _command("rate-resolution", CITIZEN, 1, {"rating": 4})
_NEXT: Final = {b"disposed": _FOLLOW_UPS[0], b"replied": _FOLLOW_UPS[1], b"closed": _RATE}

COMMANDS_A_LIFE: Final = 8
"""register, verify, dispose, follow-up, reply, follow-up, close, rate."""
_AT_ONCE: Final = 2_000
_TIMED: Final = (b"disposed", b"closed", b"rated")


@dataclass
class People:
    """Reports that are on their way, and what has become of them. Times by the monotonic clock."""

    settings: Settings
    consumer: Any
    producer: Any
    sent: dict[bytes, float] = field(default_factory=dict)
    seen: dict[bytes, dict[bytes, float]] = field(default_factory=lambda: {fact: {} for fact in _TIMED})
    """When a reader of committed records saw that a complaint had an office, was closed, was rated."""
    replied: set[bytes] = field(default_factory=set)

    @property
    def rated(self) -> int:
        """Count the lives that are over."""
        return len(self.seen[b"rated"])

    def seconds_to(self, fact: bytes, *, after: float = 0.0) -> list[float]:
        """Return how long after its report each complaint had come to `fact`; reports from the time `after` on."""
        return [seen - self.sent[key] for key, seen in self.seen[fact].items() if self.sent[key] >= after]

    def submit(self, number: int) -> None:
        """Send one report."""
        key = complaint_id(CHANNEL, str(number)).encode()
        self.sent[key] = time.monotonic()
        value = _REPORT.replace(b"@number", b"%d" % number)
        self.producer.produce(self.settings.topic(TopicName.INTAKE), value=value, key=key)

    def act(self, seconds: float) -> None:
        """Read the new facts, waiting a limited time for the first, and send the next commands."""
        self.producer.poll(0)
        for message in self.consumer.consume(_AT_ONCE, seconds):
            if not message.error():
                self._answer(message.key(), next(value for name, value in message.headers() if name == "fact"))
        self.producer.poll(0)

    def _answer(self, key: bytes, fact: bytes) -> None:
        if key not in self.sent:
            return
        following = _NEXT.get(fact)
        if fact in self.seen:
            self.seen[fact][key] = time.monotonic()
        elif fact == b"followed-up":
            following = _CLOSE if key in self.replied else _REPLY
            self.replied.add(key)
        if following is not None:
            value = following.replace(b"@complaint", key)
            self.producer.produce(self.settings.topic(TopicName.COMMANDS), value=value, key=key)


@contextmanager
def people(settings: Settings) -> Iterator[People]:
    """Return people who read from now on."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.broker,
            "group.id": settings.group("people"),
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 100,
        }
    )
    topic = settings.topic(TopicName.EVENTS)
    each = [TopicPartition(topic, number) for number in range(settings.partitions)]
    consumer.assign([TopicPartition(topic, at.partition, consumer.get_watermark_offsets(at)[1]) for at in each])
    producer = Producer(
        {"bootstrap.servers": settings.broker, "partitioner": "murmur2_random", "linger.ms": 5, "acks": "all"}
    )
    try:
        yield People(settings, consumer, producer)
    finally:
        producer.flush(10)
        consumer.close()
