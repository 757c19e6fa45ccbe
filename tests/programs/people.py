"""Citizens and officers in one client that knows nothing of the stages: it sees facts and sends what comes next."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition
from loads import CHANNEL, CITIZEN, HOLDER, PANRB

from agents.settings import Settings
from events.ids import complaint_id
from events.topics import TopicName

_REPORT: Final = json.dumps(
    {
        "specversion": "1.0",
        "type": "lapor.report.submitted.v1",
        "source": CHANNEL,
        "id": "%(number)s",
        "data": {
            "class": "complaint",
            "title": "Jalan berlubang nomor %(number)s",
            "body": "Lubang sedalam satu jengkal di depan rumah nomor %(number)s, sudah dua sepeda motor jatuh.",
            "category": "infrastruktur-jalan",
            "location": {"province": "Bali", "city": "Denpasar", "district": "Denpasar Barat"},
            "reporter": {"name": "Ni Luh Contoh", "phone": "0800-000-000"},
        },
    }
)


def _command(name: str, source: str, data: dict[str, Any]) -> str:
    event = {"specversion": "1.0", "type": f"lapor.command.{name}.v1", "source": source}
    return json.dumps({**event, "id": f"%(fact)s-%(complaint)s-{name}", "subject": "%(complaint)s", "data": data})


_FOLLOW_UP: Final = _command("record-follow-up", HOLDER, {"text": "Tim sudah menambal lubang pada 18 Maret."})
_REPLY: Final = _command("reply-to-follow-up", CITIZEN, {"text": "Masih berlubang."})
_CLOSE: Final = _command("close-complaint", PANRB, {})
_RATE: Final = _command("rate-resolution", CITIZEN, {"rating": 4})
_NEXT: Final = {b"disposed": _FOLLOW_UP, b"replied": _FOLLOW_UP, b"closed": _RATE}

COMMANDS_A_LIFE: Final = 8
"""register, verify, dispose, follow-up, reply, follow-up, close, rate."""


@dataclass
class People:
    """Reports that are on their way, and what has become of them."""

    settings: Settings
    consumer: Any
    producer: Any
    sent: dict[bytes, float] = field(default_factory=dict)
    disposed: dict[bytes, float] = field(default_factory=dict)
    """Seconds from a report to the fact that an office has it, as a reader of committed records sees it."""
    replied: set[bytes] = field(default_factory=set)
    rated: int = 0

    def submit(self, number: int) -> None:
        """Send one report."""
        key = complaint_id(CHANNEL, str(number)).encode()
        self.sent[key] = time.monotonic()
        value = _REPORT.replace("%(number)s", str(number))
        self.producer.produce(self.settings.topic(TopicName.INTAKE), value=value.encode(), key=key)

    def act(self, seconds: float) -> None:
        """Look at what has happened, for at most so long when nothing does, and send what comes next."""
        self.producer.poll(0)
        for message in self.consumer.consume(2_000, seconds):
            if not message.error():
                self._answer(message.key(), dict(message.headers())["fact"])
        self.producer.poll(0)

    def _answer(self, key: bytes, fact: bytes) -> None:
        if key not in self.sent:
            return
        following = _NEXT.get(fact)
        if fact == b"disposed":
            self.disposed[key] = time.monotonic() - self.sent[key]
        elif fact == b"rated":
            self.rated += 1
        elif fact == b"followed-up":
            following = _CLOSE if key in self.replied else _REPLY
            self.replied.add(key)
        if following is not None:
            value = following.replace("%(complaint)s", key.decode()).replace("%(fact)s", fact.decode())
            self.producer.produce(self.settings.topic(TopicName.COMMANDS), value=value.encode(), key=key)


@contextmanager
def people(settings: Settings) -> Iterator[People]:
    """Give people who read from now on."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.broker,
            "group.id": settings.group("people"),
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 5,
        }
    )
    topic = settings.topic(TopicName.EVENTS)
    each = [TopicPartition(topic, number) for number in range(settings.partitions)]
    consumer.assign([TopicPartition(topic, at.partition, consumer.get_watermark_offsets(at)[1]) for at in each])
    producer = Producer(
        {"bootstrap.servers": settings.broker, "partitioner": "murmur2_random", "linger.ms": 2, "acks": "all"}
    )
    try:
        yield People(settings, consumer, producer)
    finally:
        producer.flush(10)
        consumer.close()
