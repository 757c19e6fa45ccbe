"""Citizens and officers under faults: reports at a steady rate, and the next command for each fact.

They are ordinary clients: librdkafka, which retries until the broker has it. Half of them use its default
partitioner, so many commands have to be sent on.
"""

import json
import threading
import time
import uuid
from collections import Counter
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from agents.config.settings import Settings

_PATIENCE_MS: Final = 600_000
# broker outages are part of the test: librdkafka need not log each failed connection
_QUIET: Final = {"log_level": 0}

_NEXT: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "disposed": ("record-follow-up", "holder", {"text": "Sudah ditindaklanjuti."}),
    "replied": ("record-follow-up", "holder", {"text": "Sudah ditindaklanjuti lagi."}),
    "closed": ("rate-resolution", "citizen", {"rating": 4}),
}
_AFTER_FOLLOW_UP: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("reply-to-follow-up", "citizen", {"text": "Belum selesai."}),
    ("close-complaint", "administrator", {}),
)


class Load:
    """Publishes reports until stopped, and answers facts until closed."""

    def __init__(self, settings: Settings, rate: float, seed: int) -> None:
        self.settings = settings
        self.rate = rate
        self.acknowledged: Counter[str] = Counter()
        self._seed = seed
        self._reporting = threading.Event()
        self._closing = threading.Event()
        common = {
            "bootstrap.servers": settings.broker,
            "enable.idempotence": True,
            "message.timeout.ms": _PATIENCE_MS,
            **_QUIET,
        }
        self._producers = [
            Producer({**common, "partitioner": "murmur2_random"}),
            Producer({**common, "partitioner": "consistent_random"}),
        ]
        self._threads = [threading.Thread(target=self._report), threading.Thread(target=self._answer)]

    def start(self) -> None:
        """Begin."""
        self._reporting.set()
        for thread in self._threads:
            thread.start()

    def stop_reporting(self) -> None:
        """Stop reporting; open complaints continue."""
        self._reporting.clear()

    def close(self) -> None:
        """Stop all; return when everything sent is acknowledged."""
        self._reporting.clear()
        self._closing.set()
        for thread in self._threads:
            thread.join()
        for producer in self._producers:
            if producer.flush(_PATIENCE_MS / 1000):
                raise RuntimeError("the broker did not acknowledge everything")

    def _send(self, topic: str, event: dict[str, Any], key: str) -> None:
        producer = self._producers[int(uuid.UUID(key).int % 2)]

        def acknowledged(error: Any, _message: Any) -> None:
            if error is None:
                self.acknowledged[topic] += 1

        value = json.dumps(event).encode()
        producer.produce(self.settings.topic(topic), value=value, key=key.encode(), on_delivery=acknowledged)
        producer.poll(0)

    def _report(self) -> None:
        number, began = 0, time.monotonic()
        while self._reporting.is_set():
            if number / self.rate > time.monotonic() - began:
                time.sleep(0.005)
                continue
            number += 1
            # every tenth is delivered twice, every seventh lacks its text
            source, report_id = "/channels/chaos", f"{self._seed}-{number}"
            event = {
                "specversion": "1.0",
                "type": "lapor.report.submitted.v1",
                "source": source,
                "id": report_id,
                "data": {
                    "class": "complaint",
                    "title": f"Laporan {number}",
                    "body": "" if number % 7 == 0 else "Jalan di depan pasar berlubang.",
                    "category": "infrastruktur-jalan",
                    "location": {"province": "Bali", "city": "Denpasar"},
                },
            }
            key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source}#{report_id}"))
            for _ in range(2 if number % 10 == 0 else 1):
                self._send("complaints.intake", event, key)

    def _answer(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings.broker,
                "group.id": f"{self.settings.prefix}people",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                **_QUIET,
            }
        )
        consumer.subscribe([self.settings.topic("complaints.events")])
        while not self._closing.is_set():
            for message in consumer.consume(500, 0.2):
                if message.error() is None:
                    self._step(json.loads(message.value() or b""))
        consumer.close()

    def _step(self, fact: dict[str, Any]) -> None:
        name, complaint = fact["type"].split(".")[2], fact["data"]["complaint"]
        version = complaint["version"]
        step = _NEXT.get(name)
        if name == "followed-up":
            # one reply, then an administrator closes; every fifth is left to the clock
            choice = int(uuid.UUID(complaint["complaint_id"]).int % 5)
            step = None if choice == 0 else _AFTER_FOLLOW_UP[0 if version < 6 and choice < 3 else 1]
        if step is None:
            return
        command, who, data = step
        source = {"holder": f"/offices/{complaint['office']}", "citizen": complaint["report"]["source"]}.get(
            who, "/offices/panrb"
        )
        event = {
            "specversion": "1.0",
            "type": f"lapor.command.{command}.v1",
            "source": source,
            # the same fact calls for the same command, should it be read twice
            "id": f"{complaint['complaint_id']}/{version}/{command}",
            "subject": complaint["complaint_id"],
            "data": data,
        }
        self._send("complaints.commands", event, complaint["complaint_id"])
