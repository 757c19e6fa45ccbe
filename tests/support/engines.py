"""A whole engine, started as users start it, and clients without its code."""

import json
import os
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType, KafkaAdminClient

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.ops.audit import audit
from agents.ops.progress import lag
from agents.ops.topics import ensure_topics
from agents.runtime import lifeline
from events.topics import STAGES
from tests.support.forked_stage import ForkedStage
from workflow.audit.invariants import Audit

WAIT_SECONDS = 60.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 0.3
SUBJECT = "r-7f3a91c0d2"
"""The reporter of every report, unless a test says another."""
CITIZEN = f"/citizens/{SUBJECT}"


def eventually(
    what: str, probe: Callable[[], Any], seconds: float = WAIT_SECONDS, *, longest_pause: float = LONGEST_PAUSE
) -> Any:
    """Poll `probe` until it returns something true, and return that; fail with `what` after `seconds`.

    The pauses grow with the time waited: probes take processor time from the stages that they wait for.
    """
    begun = time.monotonic()
    while True:
        found = probe()
        if found:
            return found
        waited = time.monotonic() - begun
        if waited > seconds:
            pytest.fail(f"{what}: not within {seconds:.0f} s (last seen: {found!r})")
        time.sleep(min(longest_pause, SHORTEST_PAUSE + waited / 10))


def _limit_of(admin: KafkaAdminClient, topic: str) -> int:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource], config_filter=ConfigFilterType.ALL)["topic"]
    return int(configs[topic]["max.message.bytes"]["value"])


def ports_in_a_row(count: int) -> int:
    """Return the first of `count` consecutive free ports, below the range of outgoing connections."""
    while True:
        first = random.randrange(20_000, 30_000)  # noqa: S311 -- no secret
        with ExitStack() as probes, suppress(OSError):
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


@dataclass
class Engine:
    """The stages of one environment as processes, and an outside view of its topics."""

    settings: Settings
    log: Path
    processes: dict[str, ForkedStage | subprocess.Popen[bytes]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    """What the stages that are started next find in their environment besides the settings."""

    def start(self, *stages: str) -> None:
        """Start `stages` (default: all), one process each."""
        for stage in stages or tuple(STAGES):
            self._start(stage, "-m", "faust", "-A", f"agents.{stage}", "worker", "-l", "error", "--without-web")

    def start_script(self, stage: str, script: Path, *arguments: str) -> None:
        """Start a stage by a program of the test."""
        self._start(stage, str(script), *arguments)

    def start_command(self, line: str, env: Mapping[str, str]) -> None:
        """Start a command line as in a terminal of its own, in this environment."""
        with self.log.open("ab") as log:
            typed = ["bash", "-c", f"exec {line}"]
            self.processes[line] = subprocess.Popen(typed, env=env, stdout=log, stderr=log)

    def _start(self, stage: str, *command: str) -> None:
        own = {**self.settings.to_environment(), **lifeline.environment(), "ALUR_LOG": "json"}
        environment = {**os.environ, **own, **self.environment}
        if command[:2] == ("-m", "faust"):
            self.processes[stage] = ForkedStage(command[2:], environment, self.log)
            return
        with self.log.open("ab") as log:
            self.processes[stage] = subprocess.Popen(
                [sys.executable, *command],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def kill(self, stage: str) -> None:
        """kill -9."""
        process = self.processes.pop(stage)
        process.kill()
        process.wait()

    def kill_all(self) -> None:
        """kill -9 of all stages that are left."""
        for stage in list(self.processes):
            self.kill(stage)

    def stop(self, *stages: str) -> dict[str, int]:
        """SIGTERM; return the exit statuses."""
        ending = {stage: self.processes.pop(stage) for stage in stages or tuple(self.processes)}
        for process in ending.values():
            process.terminate()
        return {stage: process.wait(30) for stage, process in ending.items()}

    def alive(self) -> set[str]:
        """The stages whose process runs."""
        return {stage for stage, process in self.processes.items() if process.poll() is None}

    def limit(self, topic: str, size: int) -> None:
        """Let the broker take batches of at most `size` bytes in a topic."""
        admin = KafkaAdminClient(bootstrap_servers=self.settings.broker)
        name = self.settings.topic(topic)
        resource = ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": str(size)})
        admin.alter_configs([resource])
        try:
            # the controller answers before the broker has applied it
            eventually("the limit", lambda: _limit_of(admin, name) == size)
        finally:
            admin.close()

    def send(self, topic: str, value: bytes | None, key: bytes | None = None, **options: Any) -> None:
        """Publish with librdkafka, by Kafka's partitioner."""
        self.send_all(topic, [(key, value)], **options)

    def send_all(
        self,
        topic: str,
        records: list[tuple[bytes | None, bytes | None]],
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = -1,
        **options: Any,
    ) -> None:
        """Publish records in order, all with the same headers, and wait for their acknowledgement."""
        config = {
            "bootstrap.servers": self.settings.broker,
            "partitioner": "murmur2_random",
            "message.max.bytes": 8_000_000,
            **options,
        }
        producer = Producer(config)
        failures: list[Any] = []

        def acknowledged(error: Any, _message: Any) -> None:
            if error is not None:
                failures.append(error)

        for key, value in records:
            producer.produce(
                self.settings.topic(topic),
                value=value,
                key=key,
                partition=partition,
                headers=list(headers),
                on_delivery=acknowledged,
            )
        assert producer.flush(30) == 0
        assert not failures

    def send_reports(self, reports: Iterable[dict[str, Any]]) -> None:
        """Publish reports in order and wait for their acknowledgement."""
        self.send_all("complaints.intake", [(each["id"].encode(), json.dumps(each).encode()) for each in reports])

    def report(self, report_id: str, source: str = "/channels/sms", **data: Any) -> str:
        """Publish a report; return the id of its complaint."""
        event = report_event(report_id, source, **data)
        self.send("complaints.intake", json.dumps(event).encode(), report_id.encode())
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source}#{report_id}"))

    def command(self, name: str, complaint: str, source: str, data: Mapping[str, Any] | None = None) -> str:
        """Publish a command; return its id."""
        event = command_event(name, complaint, source, data or {})
        self.send("complaints.commands", json.dumps(event).encode(), complaint.encode())
        return str(event["id"])

    def read(self, topic: str) -> list[Any]:
        """Read all that is committed in a topic, as raw messages."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings.broker,
                "group.id": f"{self.settings.prefix}test-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,  # so long it takes to learn that a partition ends
            }
        )
        name = self.settings.topic(topic)
        consumer.assign([TopicPartition(name, number, 0) for number in range(self.settings.partitions)])
        found: list[Any] = []
        ended: set[int | None] = set()
        deadline = time.monotonic() + WAIT_SECONDS
        while len(ended) < self.settings.partitions and time.monotonic() < deadline:
            message = consumer.poll(0.2)  # `consume` would wait for as many as it is asked for
            if message is None:
                continue
            if message.error():
                ended.add(message.partition())
            else:
                found.append(message)
        consumer.close()
        assert len(ended) == self.settings.partitions, f"{name} could not be read to its end"
        return found

    def events(self, topic: str = "complaints.events", complaint: str | None = None) -> list[dict[str, Any]]:
        """Read the CloudEvents of a topic, about one complaint or all, those of a complaint in order."""
        found = [event for message in self.read(topic) if (event := _object(message.value())) is not None]
        return [event for event in found if complaint is None or event.get("subject") == complaint]

    def facts(self, complaint: str) -> list[str]:
        """The names of the facts of a complaint, in order."""
        return [event["type"].split(".")[2] for event in self.events(complaint=complaint)]

    def snapshot(self, complaint: str) -> dict[str, Any] | None:
        """The snapshot of a complaint's last fact."""
        found = self.events(complaint=complaint)
        return found[-1]["data"]["complaint"] if found else None

    def await_status(self, complaint: str, *statuses: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """Wait until a complaint has one of `statuses`; return its snapshot."""

        def probe() -> dict[str, Any] | None:
            snapshot = self.snapshot(complaint)
            return snapshot if snapshot and snapshot["status"] in statuses else None

        found: dict[str, Any] = eventually(f"{complaint} becomes {' or '.join(statuses)}", probe, seconds)
        return found

    def await_answer(
        self, command_id: str, topics: Sequence[str] = ("complaints.rejections", "complaints.events")
    ) -> dict[str, Any]:
        """Wait for the fact or the rejection that answers a command; each of `topics` is read from its beginning."""

        def probe() -> dict[str, Any] | None:
            answers = [event for topic in topics for event in self.events(topic)]
            return next((event for event in answers if event.get("causationid") == command_id), None)

        found: dict[str, Any] = eventually(f"an answer to {command_id}", probe)
        return found

    def await_settled(self, *others: "Engine") -> Audit:
        """Wait until no more commands are pending, also from `others` on the same topics; return the final contents."""
        settling = {"lifecycle", "resolution"}
        self.await_quiet()
        for each in (self, *others):
            if ending := each.alive() - settling:
                each.stop(*ending)
        self.await_quiet(settling)
        found = audit(self.settings)
        assert found.violations == []
        assert found.counts.pending == 0
        return found

    def await_quiet(self, stages: Collection[str] = tuple(STAGES), seconds: float = WAIT_SECONDS) -> None:
        """Wait until none of `stages` lags, three times in a row: each has read the outputs of the others."""
        seen = 0

        def probe() -> bool:
            nonlocal seen
            behind = lag(self.settings)
            seen = 0 if any(sum(behind[stage].values()) for stage in stages) else seen + 1
            return seen > 2

        eventually("no stage is behind", probe, seconds)


def _object(value: bytes | None) -> dict[str, Any] | None:
    """The CloudEvent in a record, or None for a record that is none."""
    try:
        event = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def report_event(report_id: str, source: str = "/channels/sms", **data: Any) -> dict[str, Any]:
    """A complete report of the contract; `data` replaces fields."""
    return {
        "specversion": "1.0",
        "type": "lapor.report.submitted.v1",
        "source": source,
        "id": report_id,
        "time": "2026-03-16T02:11:00Z",
        "data": {
            "class": "complaint",
            "title": "Jalan berlubang di depan Pasar Badung",
            "body": "Lubang sedalam satu jengkal, sudah dua sepeda motor jatuh.",
            "category": "infrastruktur-jalan",
            "event_date": "2026-03-14",
            "location": {"province": "Bali", "city": "Denpasar", "district": "Denpasar Barat"},
            "office": None,
            "reporter": {"name": "Ni Luh Contoh", "phone": "0800-000-000", "email": None, "subject": SUBJECT},
            "anonymous": True,
            "secret": False,
            "attachments": [],
            **data,
        },
    }


def command_event(name: str, complaint: str, source: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A command of the contract."""
    return {
        "specversion": "1.0",
        "type": f"lapor.command.{name}.v1",
        "source": source,
        "id": uuid.uuid4().hex,
        "subject": complaint,
        "data": dict(data),
    }


def new_engine(broker: str, log: Path, policy: str) -> Engine:
    """Return an engine with topics of its own, not started."""
    prefix, key_file = f"t{uuid.uuid4().hex[:12]}.", log.parent / "keys"
    Keys.generate(key_file)
    settings = Settings(broker=broker, prefix=prefix, policy=policy, partitions=4, key_file=str(key_file))
    ensure_topics(settings)
    return Engine(settings, log)


@pytest.fixture
def stopped_engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine under the demo policy, not started."""
    engine = new_engine(broker, tmp_path / "stages.log", "demo")
    yield engine
    engine.kill_all()


@pytest.fixture(scope="module")
def engine(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that the tests of a module share: all stages, under the policy in days."""
    engine = new_engine(broker, tmp_path_factory.mktemp("engine") / "stages.log", "lapor")
    engine.start()
    engine.await_quiet()
    yield engine
    assert engine.alive() == set(STAGES), f"a stage has stopped: see {engine.log}"
    for stage, status in engine.stop().items():
        assert status == 0, f"{stage} ended with {status}: see {engine.log}"
