"""On a broker with authentication: each stage works with its own rights, and no role has more."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from kafka import KafkaAdminClient
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.dashboard.complaint_history import read_history
from agents.dashboard.figures import DisplayContext
from agents.dashboard.projector import Projector
from agents.ops.acl import apply, rights
from agents.runtime.process import EXIT_REFUSED
from events.access import ROLES
from events.client import ComplaintFeed, ResolutionFeed, require_topics
from events.client.errors import NotAllowed
from events.client.security import Secret, Security
from events.ids import complaint_id
from events.topics import ALL_TOPICS, STAGES, TopicName
from tests.support.engines import Engine, eventually, report_event
from tests.support.secured import SecuredBroker, password, secured_broker

SOURCE = "/channels/sms"
OFFICE = "/offices/denpasar-pupr"
OVER_TLS = "resolution"
BY_COMMAND_LINE = "escalation"


@dataclass
class SecuredEngine(Engine):
    """An engine whose stages each have a principal of their own; the test itself goes in by the plain door."""

    broker: SecuredBroker | None = None
    users: dict[str, str] = field(default_factory=dict)
    """The users of stages that have not the one of their name."""
    said: list[str] = field(default_factory=list)

    def of(self, user: str, **changes: Any) -> Settings:
        """The settings of one user."""
        assert self.broker is not None
        tls = user == f"alur-{OVER_TLS}"
        door = self.broker.sasl_tls if tls else self.broker.sasl
        return replace(self.settings, broker=door, security=self.broker.security(user, tls=tls), **changes)

    def _start(self, stage: str, *command: str) -> None:
        own, plain = self.of(self.users.get(stage, f"alur-{stage}")), self.settings
        self.settings = own
        # `alur run STAGE` looks at the topics of that stage first, and needs no right on any other
        by_hand = ("-c", "from agents.cli import main; main()", "run", stage)
        super()._start(stage, *(by_hand if stage == BY_COMMAND_LINE else command))
        self.settings = plain

    def alur(self, settings: Settings, *arguments: str, text: str | None = None) -> Result:
        """The command line under these settings."""
        runner = CliRunner(env={**settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
        result = runner.invoke(application(), list(arguments), input=text)
        self.said.append(result.output)
        return result

    def does(self, role: str, *arguments: str, text: str | None = None) -> str:
        """Output of the command line for a permitted principal."""
        result = self.alur(self.of(f"alur-{role}"), *arguments, text=text)
        assert result.exit_code == 0, result.output
        return result.stdout

    def fails(self, settings: Settings, *arguments: str, text: str | None = None) -> str:
        """The one line that the command line prints for a principal without rights."""
        result = self.alur(settings, *arguments, text=text)
        assert result.exit_code == 1, result.output
        assert len(result.stderr.splitlines()) == 1, result.stderr
        return result.stderr


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredEngine]:
    """Topics and rights are there, as `alur topics acl --apply` and `alur topics create` make them."""
    directory = tmp_path_factory.mktemp("secured")
    policy = directory / "quick.toml"
    demo = resources.files("workflow").joinpath("policy", "demo.toml").read_text(encoding="utf-8")
    policy.write_text(demo.replace('follow_up = "8 seconds"', 'follow_up = "2 seconds"'), encoding="utf-8")
    with secured_broker(directory, ["admin", "nobody", "latecomer", *(f"alur-{role}" for role in ROLES)]) as broker:
        prefix, keys = f"t{uuid.uuid4().hex[:12]}.", str(directory / "keys")
        Keys.generate(keys)
        settings = Settings(broker.plain, prefix, policy=str(policy), partitions=2, key_file=keys)
        engine = SecuredEngine(settings, directory / "stages.log", broker=broker)
        given = engine.alur(engine.of("admin"), "topics", "acl", "--apply")
        assert f"rights to {len(ROLES)} principals" in given.stdout, given.output
        eventually("rights hold", lambda: engine.alur(engine.of("alur-installers"), "topics", "create").exit_code == 0)
        yield engine
        assert not any(engine.stop().values()), f"a stage did not stop in good order: see {engine.log}"


@pytest.fixture
def working(secured: SecuredEngine) -> SecuredEngine:
    """All stages have begun, in this test or in one before."""
    if missing := set(STAGES) - secured.alive():
        secured.start(*missing)
        eventually("all are ready", lambda: secured.log.read_text().count("stage_ready") >= len(STAGES))
    return secured


def test_a_complaint_goes_through_all_stages_each_with_its_own_rights(working: SecuredEngine) -> None:
    secured = working
    report = uuid.uuid4().hex
    complaint = complaint_id(SOURCE, report)
    event = report_event(report, SOURCE)
    assert "submitted 1" in secured.does("channels", "submit", "-", text=json.dumps(event))

    # the office lets the deadline pass: sla notices, escalation brings it before the next rung
    eventually("it is escalated", lambda: "escalated" in secured.facts(complaint))
    act = ("--complaint", complaint, "--as")
    secured.does("gateways", "send", "record-follow-up", *act, OFFICE, "--text", "Sudah ditambal.")
    secured.does("gateways", "send", "close-complaint", *act, "/offices/panrb")
    secured.await_quiet()

    [public] = secured.events("complaints.resolutions", complaint)
    assert public["data"]["outcome"] == "resolved"
    assert secured.alive() == set(STAGES)
    assert not secured.read("complaints.dead-letters")
    assert complaint in secured.does("auditors", "show", complaint)
    assert "behind" in secured.does("operators", "watch", "--once")
    assert "lag: groups=7 behind=0 findings=0" in secured.does("operators", "lag")
    assert "0 dead letters" in secured.does("operators", "dead", "list")
    assert secured.does("auditors", "audit")
    _the_kit_does_with_its_rights(secured, complaint)
    _the_board_shows_what_it_may_see(secured, complaint)
    _identity_is_shown_and_erased(secured, complaint)
    _nothing_shows_a_password(secured)


def _the_kit_does_with_its_rights(secured: SecuredEngine, complaint: str) -> None:
    with ComplaintFeed(secured.of("alur-gateways"), {}) as complaints:
        standing = {each.complaint_id: each.status for batch in complaints.to_end() for each in batch.present}
    assert standing == {complaint: "closed"}
    with ResolutionFeed(secured.of("alur-subscribers"), {}) as resolutions:
        resolved = [each.complaint_id for batch in resolutions.to_end() for each in batch.resolutions]
    assert resolved == [complaint]
    assert "Ditutup oleh Admin" in secured.does("gateways", "export", "--format", "lapor")
    gateways = secured.of("alur-gateways")
    assert "complaints.identities" in secured.fails(gateways, "export", "--format", "lapor", "--identities")


def _the_board_shows_what_it_may_see(secured: SecuredEngine, complaint: str) -> None:
    key = UUID(complaint).bytes
    whole, feed = _board(secured, "operations-board", lambda figures: not figures["reading"] and figures["lag"])
    assert [row["stage"] for row in whole["lag"]] == list(STAGES)
    assert whole["letters"]["total"] == 0
    known = feed.read_model.get(key)
    assert known is not None
    found = read_history(secured.of("alur-operations-board"), *known)
    assert [recorded.fact.NAME for recorded in found.records.history] == secured.facts(complaint)

    less, feed = _board(secured, "boards", lambda figures: not figures["reading"] and figures["lag"] is None)
    assert (less["complaints"], less["statuses"]["closed"]) == (1, 1)
    assert (less["lag"], less["letters"]) == (None, None)
    with pytest.raises(NotAllowed):
        read_history(secured.of("alur-boards"), *known)


def test_a_board_that_is_given_its_rights_late_shows_the_lag_from_then_on(secured: SecuredEngine) -> None:
    def given(role: str) -> int:
        return apply(rights(ROLES[role], secured.settings, "User:latecomer"), secured.settings)

    said: list[dict[str, Any]] = []
    failures: list[Exception] = []
    assert given("boards")
    settings, around = secured.of("latecomer"), DisplayContext(ZoneInfo("Asia/Jakarta"))
    eventually("rights hold", lambda: _sees(settings, TopicName.STATE))
    feed = Projector(settings, around, lambda raw: said.append(json.loads(raw)), failures.append, ask_again_s=0.5)
    feed.start()
    try:
        eventually("it says that it may not see the lag", lambda: said and said[-1]["lag"] is None)
        assert given("operations-board")
        eventually("it shows the lag", lambda: said[-1]["lag"])
    finally:
        feed.stop()
    assert [row["stage"] for row in said[-1]["lag"]] == list(STAGES)
    assert failures == []


def test_a_stage_changes_its_user_and_password_without_a_pause(working: SecuredEngine) -> None:
    """Rotation of a password: with a second user of the same rights, since a user has one password."""
    secured, stage = working, "verification"
    others = replace(secured, processes={}, users={"verification": "latecomer"})
    assert apply(rights(ROLES[stage], secured.settings, "User:latecomer"), secured.settings)
    ready = secured.log.read_text().count("stage_ready")
    others.start(stage)
    eventually("it works beside the old one", lambda: secured.log.read_text().count("stage_ready") > ready)
    assert secured.stop(stage) == {stage: 0}
    secured.processes |= others.processes

    report = uuid.uuid4().hex
    assert "submitted 1" in secured.does("channels", "submit", "-", text=json.dumps(report_event(report, SOURCE)))
    secured.await_status(complaint_id(SOURCE, report), "disposed")


def _sees(settings: Settings, topic: TopicName) -> bool:
    try:
        require_topics(settings, [topic])
    except NotAllowed:
        return False
    return True


def _board(
    secured: SecuredEngine, role: str, enough: Callable[[dict[str, Any]], object]
) -> tuple[dict[str, Any], Projector]:
    """What a board with the rights of `role` shows, once that is `enough`."""
    said: list[dict[str, Any]] = []
    failures: list[Exception] = []
    around = DisplayContext(ZoneInfo("Asia/Jakarta"))
    feed = Projector(secured.of(f"alur-{role}"), around, lambda raw: said.append(json.loads(raw)), failures.append)
    feed.start()
    eventually("the board has read", lambda: said and enough(said[-1]))
    feed.stop()
    assert failures == []
    assert said[-1]["trouble"] is None
    return said[-1], feed


def _identity_is_shown_and_erased(secured: SecuredEngine, complaint: str) -> None:
    before = secured.events(complaint=complaint)
    assert "Ni Luh Contoh" in secured.does("identity-desk", "identity", "show", complaint)
    assert "Ni Luh Contoh" in secured.does(
        "identity-desk", "identity", "show", before[-1]["data"]["complaint"]["tracking_id"]
    )

    output = secured.does(
        "erasers", "privacy", "erase", complaint, "--identity", "--reason", "atas permintaan", "--by", "Sari"
    )

    assert f"erased of {complaint}: identity" in output
    last = secured.read("complaints.identities")[-1]
    assert (last.key().decode().partition("/")[0], last.value()) == (complaint, None)
    # the same partition as the identity: else it would be a tombstone over nothing
    assert {message.partition() for message in secured.read("complaints.identities")} == {last.partition()}
    assert "by Sari: atas permintaan" in secured.does("identity-desk", "identity", "show", complaint)
    desk = secured.of("alur-identity-desk")
    assert "use `alur privacy erase" in secured.fails(desk, "identity", "erase", complaint, "--reason", "keliru")
    assert "complaints.erasures" in secured.fails(desk, "privacy", "erase", complaint, "--identity", "--reason", "x")
    # the complaint is as it was, with a fact of the erasure
    *earlier, erased = secured.events(complaint=complaint)
    assert (earlier, erased["type"]) == (before, "lapor.complaint.data-erased.v1")
    assert secured.does("auditors", "audit")


def _nothing_shows_a_password(secured: SecuredEngine) -> None:
    output = secured.log.read_text() + "".join(secured.said)
    assert "partition_acquired" in output
    for user in ("admin", *(f"alur-{role}" for role in ROLES)):
        assert password(user) not in output


def test_the_broker_allows_each_role_what_is_written_and_nothing_else(secured: SecuredEngine) -> None:
    names = {secured.settings.topic(topic): topic for topic in ALL_TOPICS}
    for role in ROLES.values():
        settings = secured.of(f"alur-{role.name}")
        with KafkaAdminClient(bootstrap_servers=settings.broker, **settings.security.client_options()) as client:
            found = {names[topic["name"]]: topic for topic in client.describe_topics(list(names))}
        for topic, described in found.items():
            allowed = {str(getattr(each, "name", each)) for each in described["authorized_operations"] or ()}
            assert ("READ" in allowed) is (topic in role.reads), (role.name, topic, allowed)
            assert ("WRITE" in allowed) is (topic in role.writes), (role.name, topic, allowed)
            assert ("DESCRIBE" in allowed) is (topic in role.topics), (role.name, topic, allowed)
            assert allowed & {"ALTER", "ALTER_CONFIGS"} == (
                {"ALTER", "ALTER_CONFIGS"} if topic in role.alters else set()
            )
            assert "DELETE" not in allowed
            assert (described["error_code"] == 0) is (topic in role.topics), (role.name, topic)


def test_clients_are_refused_what_their_role_does_not_allow(secured: SecuredEngine) -> None:
    """With librdkafka, as other clients do."""
    assert refused_reading(secured, "subscribers", TopicName.IDENTITIES)
    assert refused_reading(secured, "gateways", TopicName.IDENTITIES)
    assert refused_reading(secured, "gateways", TopicName.INTAKE)
    assert refused_reading(secured, "boards", TopicName.EVENTS)
    assert refused_writing(secured, "channels", TopicName.EVENTS)
    assert refused_writing(secured, "channels", TopicName.COMMANDS)
    assert refused_writing(secured, "gateways", TopicName.INTAKE)
    assert refused_writing(secured, "gateways", TopicName.STATE)
    assert refused_writing(secured, "subscribers", TopicName.RESOLUTIONS)
    assert refused_writing(secured, "escalation", TopicName.EVENTS)
    assert not refused_writing(secured, "channels", TopicName.INTAKE)


def refused_reading(secured: SecuredEngine, role: str, topic: TopicName) -> bool:
    settings = secured.of(f"alur-{role}")
    group = settings.group(f"{role}-test")
    consumer = Consumer({**librdkafka(settings), "group.id": group, "enable.auto.commit": False})
    consumer.subscribe([settings.topic(topic)])
    error = eventually("an answer", lambda: consumer.poll(0.1)).error()
    consumer.close()
    return error is not None and bool(error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED)


def refused_writing(secured: SecuredEngine, role: str, topic: TopicName) -> bool:
    settings = secured.of(f"alur-{role}")
    producer, errors = Producer(librdkafka(settings)), list[Any]()
    producer.produce(settings.topic(topic), b"{}", on_delivery=lambda error, _message: errors.append(error))
    assert producer.flush(30) == 0
    return errors[0] is not None and bool(errors[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED)


def librdkafka(settings: Settings) -> dict[str, Any]:
    options = settings.security.client_options()
    return {
        "bootstrap.servers": settings.broker,
        "security.protocol": options["security_protocol"],
        "sasl.mechanism": options["sasl_mechanism"],
        "sasl.username": options["sasl_plain_username"],
        "sasl.password": options["sasl_plain_password"],
        "log_level": 0,
    }


def refusals(secured: SecuredEngine) -> dict[str, tuple[Settings, str]]:
    """Wrong ways to connect, and the message for each."""
    assert secured.broker is not None
    broker, good = secured.broker, secured.of("alur-sla")
    over_tls = broker.security("alur-sla", tls=True)

    def at(door: str, security: Security) -> Settings:
        return replace(good, broker=door, security=security)

    wrong = replace(good.security, password=Secret("rahasia-keliru-7Zq"))
    return {
        "wrong password": (at(broker.sasl, wrong), "it refuses the user 'alur-sla' with this password"),
        "no user": (at(broker.sasl, Security()), "it asks who we are (SCRAM-SHA-512): set ALUR_SECURITY=sasl"),
        "mechanism": (at(broker.sasl, replace(good.security, mechanism="PLAIN")), "does not take ALUR_SASL_MECHANISM"),
        "unknown authority": (at(broker.sasl_tls, replace(over_tls, ca=None)), "its certificate is not trusted"),
        "wrong name": (at(broker.tls.replace("127.0.0.1", "localhost"), Security("tls", ca=broker.ca)), "not trusted"),
        "tls at a plain door": (at(broker.sasl, over_tls), "it does not use TLS at this port"),
        "plain at a tls door": (at(broker.sasl_tls, good.security), "it uses TLS at this port"),
        "user at an open door": (at(broker.plain, good.security), "it takes no users at this port"),
        "nobody": (secured.of("nobody"), "does not allow nobody to do this on the topic"),
    }


def test_the_command_line_fails_in_one_line_when_kafka_refuses_it(secured: SecuredEngine) -> None:
    for what, (settings, says) in refusals(secured).items():
        assert says in secured.fails(settings, "topics", "create"), what
    assert secured.broker is not None
    by_tls = replace(secured.settings, broker=secured.broker.tls, security=Security("tls", ca=secured.broker.ca))
    assert "0 topics created" in secured.alur(by_tls, "topics", "create").stdout
    subscriber = secured.of("alur-subscribers")
    for command in (("identity", "show", str(uuid.uuid4())), ("topics", "list"), ("dead", "list"), ("audit",)):
        assert "does not allow alur-subscribers" in secured.fails(subscriber, *command)
    assert "does not allow alur-operators" in secured.fails(secured.of("alur-operators"), "topics", "acl", "--apply")
    assert "rahasia-keliru" not in "".join(secured.said)


def test_a_stage_fails_in_one_line_when_kafka_refuses_it(secured: SecuredEngine) -> None:
    chosen = ("wrong password", "nobody")
    cases = {what: found for what, found in refusals(secured).items() if what in chosen}
    worker = [sys.executable, "-m", "faust", "-A", "agents.sla", "--quiet", "worker", "-l", "error", "--without-web"]
    started = {
        what: subprocess.Popen(
            worker,
            env={**os.environ, **settings.to_environment(), "ALUR_LOG": "json"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for what, (settings, _) in cases.items()
    }
    for what, process in started.items():
        _, output = process.communicate(timeout=60)
        assert process.returncode == EXIT_REFUSED, (what, output)
        [line] = output.splitlines()
        said = json.loads(line)
        assert (said["event"], said["stage"]) == ("start_refused", "sla")
        assert cases[what][1] in said["reason"]
        assert "rahasia" not in output
