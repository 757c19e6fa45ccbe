"""Every crash point of the runtime: exit there, restart, and each effect exists exactly once.

The stage that is killed at one point is started again with the next point to die at, and given new work each time. So
each death is mended by a life that ends in another one, until the last, which drains everything and is audited.
"""

import json
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer
from kafka.admin import KafkaAdminClient, MemberToRemove

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.ops.audit import audit
from agents.ops.topics import ensure_topics
from agents.runtime.failpoints import POINTS, VARIABLE
from events.client.partitions import partition_of
from events.codec.decode import decode_report
from events.codec.encode import encode_command
from events.ids import stage_command_id
from tests.support.engines import Engine, command_event, eventually, report_event
from workflow.stages.intake import registration

PARTITIONS = 2
DEATH_SECONDS = 40.0
INTAKE, COMMANDS, EVENTS = "complaints.intake", "complaints.commands", "complaints.events"
ONLY_IN_TRANSACTIONS = {"after-offsets"}
ONLY_REFUSED = frozenset({"after-refusal"})
"""Where the broker takes less than it should: tried in test_limits.py."""
FIRST = "after-start"
"""Reached once in the life of an installation, so it comes first: before it only the transaction of that commit."""
ONCE = {"after-poll", FIRST}
"""A second time may not come there, since one poll finds it all. Elsewhere the second partition's turn is awaited."""


@dataclass
class Scene:
    """A stage in an environment of its own, and what it has been given so far."""

    engine: Engine
    stage: str
    complaints: list[str] = field(default_factory=list)
    broken: int = 0

    def put(self, topic: str, partition: int, value: bytes, key: bytes = b"k") -> None:
        producer = Producer({"bootstrap.servers": self.engine.settings.broker})
        producer.produce(self.engine.settings.topic(topic), value=value, key=key, partition=partition)
        assert producer.flush(30) == 0

    def break_each(self, topic: str) -> None:
        for partition in range(PARTITIONS):
            self.put(topic, partition, b"halo, jalan rusak")
            self.broken += 1

    def report(self, number: int) -> str:
        """Publish a report once only; return its complaint."""
        event = report_event(f"{self.stage}-{len(self.complaints)}", reporter=None)
        value = json.dumps(event).encode()
        self.put(INTAKE, number % PARTITIONS, value)
        complaint = decode_report(value).complaint_id
        self.complaints.append(complaint)
        return complaint

    def command(self, name: str, complaint: str, source: str, *, astray: int = 0) -> None:
        """Publish a command, to the partition of its complaint or `astray`."""
        event = command_event(name, complaint, source, {})
        home = (partition_of(complaint, PARTITIONS) + astray) % PARTITIONS
        self.put(COMMANDS, home, json.dumps(event).encode(), complaint.encode())

    def die(self, point: str, nth: int, action: str = "kill") -> None:
        """Start the stage and wait until it dies of the failpoint."""
        self.engine.environment = {VARIABLE: f"{self.stage}:{point}:{nth}:{action}"}
        self.engine.start(self.stage)
        process = self.engine.processes[self.stage]
        try:
            status = process.wait(DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.stage} never got to {point} for the {nth}. time: see {self.engine.log}")
        finally:
            self.engine.kill(self.stage)
            self.engine.environment = {}
        assert status == (-signal.SIGKILL if action == "kill" else 75), (
            f"{self.stage} at {point}: see {self.engine.log}"
        )
        self._bury()

    def _bury(self) -> None:
        """Tell the group that its member is dead, or each new one waits for the end of its session."""
        group = self.engine.settings.group(self.stage)
        admin = KafkaAdminClient(bootstrap_servers=self.engine.settings.broker)
        try:
            members = admin.describe_groups([group])[group]["members"]
            if members:
                admin.remove_group_members(group, [MemberToRemove(member_id=each["member_id"]) for each in members])
        finally:
            admin.close()


def _intake(scene: Scene) -> None:
    scene.break_each(INTAKE)
    for number in range(PARTITIONS):
        scene.report(number)


def _lifecycle(scene: Scene) -> None:
    scene.break_each(COMMANDS)
    for number in range(PARTITIONS):
        complaint = scene.report(number)
        raw = json.dumps(report_event(f"{scene.stage}-{len(scene.complaints) - 1}", reporter=None)).encode()
        register = encode_command(
            registration(decode_report(raw), partition=0, offset=len(scene.complaints)),
            source="/stages/intake",
            command_id=stage_command_id(complaint, "register"),
            subject=complaint,
            time=datetime.now(UTC),
        )
        scene.put(COMMANDS, partition_of(complaint, PARTITIONS), register, complaint.encode())
        # one that is carried out and one that is refused, each by the straight way and by the other
        scene.command("withdraw-complaint", complaint, "/channels/sms", astray=number)
        scene.command("verify-complaint", complaint, "/offices/badung", astray=1 - number)


def _resolution(scene: Scene) -> None:
    """Facts are for lifecycle to write: all of them at once, before the first death."""
    if scene.complaints:
        return
    for number in range(24):
        scene.report(number)
    scene.engine.start("intake", "lifecycle")
    for complaint in scene.complaints:
        scene.engine.await_status(complaint, "registered")
        scene.command("withdraw-complaint", complaint, "/channels/sms")
    eventually("facts", lambda: len(scene.engine.read(EVENTS)) == 2 * len(scene.complaints))
    scene.engine.stop("intake", "lifecycle")


@dataclass(frozen=True)
class Play:
    """The input of a stage before each crash, and the crash point."""

    feed: Callable[[Scene], None]
    left_out: frozenset[str] = frozenset()
    always_first: bool = False
    """All the work is there from the start: what is committed at one point may be missing at the next."""

    def deaths(self) -> Iterator[tuple[str, int]]:
        yield from ((point, 1) for point in ONLY_IN_TRANSACTIONS - self.left_out)
        for point in sorted(POINTS, key=lambda point: point != FIRST):  # the rest in their order
            if point not in self.left_out:
                yield point, 1 if self.always_first or point in ONCE else 2


PLAYS = {
    "intake": Play(_intake, left_out=ONLY_REFUSED | ONLY_IN_TRANSACTIONS),
    "lifecycle": Play(_lifecycle, left_out=ONLY_REFUSED),
    "resolution": Play(
        _resolution,
        left_out=ONLY_REFUSED | {"before-dead-letter", "after-dead-letter"},
        always_first=True,
    ),
}
REST = {"intake", "lifecycle", "resolution"}


def _play(scene: Scene) -> Scene:
    play = PLAYS[scene.stage]
    try:
        for point, nth in play.deaths():
            play.feed(scene)
            scene.die(point, nth)
        play.feed(scene)
        if not play.always_first:
            scene.die("after-produce", 2, "raise")
        scene.engine.start(*REST)
        scene.engine.await_quiet(REST)
    finally:
        scene.engine.kill_all()
    return scene


@pytest.fixture(scope="module")
def played(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Scene]]]:
    """All plays, run in parallel, since most of their time a stage is starting."""
    directory: Path = tmp_path_factory.mktemp("crash-points")
    with ThreadPoolExecutor(len(PLAYS)) as pool:
        scenes = {}
        Keys.generate(key_file := directory / "keys")
        for stage in PLAYS:
            prefix = f"t{uuid.uuid4().hex[:12]}."
            settings = Settings(broker, prefix, policy="lapor", partitions=PARTITIONS, key_file=str(key_file))
            ensure_topics(settings)
            scenes[stage] = pool.submit(_play, Scene(Engine(settings, directory / f"{stage}.log"), stage))
        yield scenes


@pytest.mark.parametrize("stage", PLAYS)
def test_each_effect_happens_once(played: dict[str, Future[Scene]], stage: str) -> None:
    scene = played[stage].result()
    engine = scene.engine
    found = audit(engine.settings)
    assert found.violations == []
    assert found.counts.pending == 0
    assert found.counts.complaints == len(scene.complaints)
    registered = Counter(e["subject"] for e in engine.events() if e["type"] == "lapor.complaint.registered.v1")
    assert registered == Counter(scene.complaints)
    letters = Counter(_origin(message) for message in engine.read("complaints.dead-letters"))
    assert len(letters) == scene.broken
    if stage != "intake":  # which works without transactions: a letter may be there twice, and names the same place
        assert set(letters.values()) <= {1}


def test_uncommitted_rejections_are_written_once(played: dict[str, Future[Scene]]) -> None:
    """Rejections leave no state to recognize a repeat by: only the transaction makes them unique."""
    scene = played["lifecycle"].result()
    refused = Counter(e["causationid"] for e in scene.engine.events("complaints.rejections"))
    assert len(refused) == len(scene.complaints)
    assert set(refused.values()) == {1}
    withdrawn = Counter(e["subject"] for e in scene.engine.events() if e["type"] == "lapor.complaint.withdrawn.v1")
    assert withdrawn == Counter(scene.complaints)


def test_each_point_was_tried() -> None:
    assert {point for play in PLAYS.values() for point, _ in play.deaths()} == set(POINTS) - ONLY_REFUSED


def _origin(message: object) -> tuple[bytes, bytes, bytes]:
    headers = dict(message.headers())  # type: ignore[attr-defined]  # confluent-kafka ships no types
    return headers["topic"], headers["partition"], headers["offset"]
