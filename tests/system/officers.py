"""Officers as clients without the engine's code: the time from a command to its visible result."""

import json
import time
import uuid
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition

from agents.config.settings import Settings
from events.topics import TopicName

PANRB: Final = "/offices/panrb"
HOLDER: Final = "/offices/denpasar-pupr"
EVERY_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 600.0


def report(source: str, report_id: str) -> bytes:
    """Return a complete report."""
    event = {
        "specversion": "1.0",
        "type": "lapor.report.submitted.v1",
        "source": source,
        "id": report_id,
        "data": {
            "class": "complaint",
            "title": f"Jalan berlubang nomor {report_id}",
            "body": f"Lubang sedalam satu jengkal di depan rumah nomor {report_id}, sudah dua sepeda motor jatuh.",
            "category": "infrastruktur-jalan",
            "location": {"province": "Bali", "city": "Denpasar", "district": "Denpasar Barat"},
        },
    }
    return json.dumps(event).encode()


class Officers:
    """Sends follow-ups at intervals, to one complaint after the other, and waits for each fact."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.held: list[str] = []
        self.status: dict[bytes, bytes] = {}
        """Where the complaints stand that somebody has sent a command about."""
        self._asked: dict[str, float] = {}
        self._answered: list[float] = []
        self._last = 0.0
        self._number = 0
        self._watched: set[bytes] = set()
        bootstrap = {"bootstrap.servers": settings.broker}
        self._producer = Producer({**bootstrap, "partitioner": "murmur2_random", "linger.ms": 2, "acks": "all"})
        self._consumer = Consumer(
            {
                **bootstrap,
                "group.id": settings.group("officers"),
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 5,
            }
        )
        topics = [settings.topic(name) for name in (TopicName.EVENTS, TopicName.REJECTIONS)]
        numbers = range(settings.partitions)
        self._consumer.assign([TopicPartition(topic, number, 0) for topic in topics for number in numbers])

    @property
    def unanswered(self) -> int:
        """Number of commands without a result."""
        return len(self._asked)

    def send(self, topic: TopicName, key: bytes, value: bytes) -> None:
        """Publish a record; waits while librdkafka's queue is full."""
        while True:
            try:
                self._producer.produce(self.settings.topic(topic), value=value, key=key)
            except BufferError:
                self._producer.poll(0.05)
            else:
                break
        self._producer.poll(0)

    def command(self, name: str, source: str, complaint: str, data: dict[str, Any]) -> None:
        """Publish a command, and record its time."""
        event = {
            "specversion": "1.0",
            "type": f"lapor.command.{name}.v1",
            "source": source,
            "id": uuid.uuid4().hex,
            "subject": complaint,
            "data": data,
        }
        self._watched.add(complaint.encode())
        self._asked[str(event["id"])] = time.monotonic()
        self.send(TopicName.COMMANDS, complaint.encode(), json.dumps(event).encode())

    def act(self, *, commanding: bool = True) -> None:
        """Send due commands and read results; takes a few milliseconds."""
        now = time.monotonic()
        if commanding and now - self._last > EVERY_SECONDS:
            self._last, self._number = now, self._number + 1
            complaint = self.held[self._number % len(self.held)]
            self.command("record-follow-up", HOLDER, complaint, {"text": f"Tindak lanjut ke-{self._number}."})
        for message in self._consumer.consume(500, 0.005):
            if message.error() is None and message.key() in self._watched:
                self._hear(message)

    def _hear(self, message: Any) -> None:
        event = json.loads(message.value())
        headers = dict(message.headers() or ())
        self.status[message.key()] = headers.get("status", b"")
        asked = self._asked.pop(event["causationid"], None)
        if asked is not None:
            self._answered.append(time.monotonic() - asked)

    def work(self, seconds: float) -> None:
        """Work for a time."""
        self._answered.clear()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.act()

    def quantiles(self, *, await_all: bool = False) -> tuple[float, float]:
        """Return p50 and p99 of the seconds to an answer, and reset them.

        Args:
            await_all: wait for those who have not been answered yet.

        Raises:
            SystemExit: they wait in vain.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while await_all and self._asked:
            self.act(commanding=False)
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.unanswered} officers are still not answered")
        ordered = sorted(self._answered)
        self._answered = []
        return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]

    def close(self) -> None:
        """Wait until everything is acknowledged and read."""
        self._producer.flush(60)
        if self._asked:
            self.quantiles(await_all=True)
        self._consumer.close()
