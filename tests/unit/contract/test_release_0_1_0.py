"""Subscribers that know release 0.1.0 only, and histories of that release: both go on."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agents.config.policy_files import load
from events import commands as c
from events import facts as f
from events.announcements import Announcements
from events.cloudevents import Frozen
from events.codec.decode import decode_fact
from events.codec.encode import encode_complaint, encode_fact, encode_resolution, encode_snapshot
from events.outcomes import Resolution
from events.snapshot import Clock, Complaint, ReportReference
from events.vocabulary import OPEN, ClockName, Status
from tests.support import worlds as w
from tests.support.installations import Installation
from tests.support.worlds import CITIZEN, DENPASAR, PANRB, PUPR, World, announcement, days
from workflow.audit.complaint_history import History
from workflow.deadlines.durations import Duration, Unit
from workflow.policy.announcements import with_announcements
from workflow.policy.overrides import Override
from workflow.stages.resolution import published, publishes

ROOT = Path(__file__).parents[3]
RELEASED = ROOT / "schemas" / "released" / "0.1.0"
INSTALLATIONS = sorted((ROOT / "tests" / "golden" / "installations").glob("0.1.0-*"))
TYPES = {path.stem for path in RELEASED.iterdir()}
MOMENT = timedelta(milliseconds=1)
ONE = "/citizens/one"


@cache
def schema(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((RELEASED / f"{kind}.json").read_bytes()))


class Subscriber:
    """Reads what 0.1.0 published, by its schemas; ignores other types and fields."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {}
        self.ignored: set[str] = set()

    def take(self, raw: bytes) -> None:
        event = json.loads(raw)
        kind = event["type"]
        if kind not in TYPES:
            self.ignored.add(kind)
            return
        assert [error.message for error in schema(kind).iter_errors(event)] == []
        self.shown = event["data"].get("complaint", event["data"])


def answered_lives() -> Iterator[World]:
    """Answered, rejected, reopened, appealed, published and erased; missed, escalated and extended."""
    cap = Duration(80 * 3600, Unit.WORKING_SECONDS)
    capped = {"settlement_pause_cap": cap, "hours": load("lapor").versions[-1].hours}
    less = {ClockName.FOLLOW_UP: Duration(3, Unit.WORKING_DAYS)}
    overridden = {"overrides": (Override(category="infrastruktur-jalan", clocks=less),)}
    reopen = {"reopen": w.CORRECTING.reopen and w.CORRECTING.reopen.model_copy(update={"settlement": "remaining"})}
    policy = w.CORRECTING.model_copy(update=capped | overridden | reopen)
    world = World(policy, follows="1041007", location=None, subject="one")
    by_citizen = [(w.RATE, ONE), (w.REOPEN, ONE), (w.FOLLOW_UP, PUPR), (w.CLOSE, PANRB), (w.APPEAL, ONE)]
    for command, by in [
        *[(w.POSTPONE, PANRB), (w.COMPLETE, ONE), (w.VERIFY, PANRB), (w.DISPOSE, PANRB), (w.PROGRESS, PUPR)],
        *[(w.FOLLOW_UP, PUPR), (w.REJECT, DENPASAR), (w.FOLLOW_UP, PUPR), (w.REPLY, ONE), (w.FOLLOW_UP, PUPR)],
        *[(w.CLOSE, PANRB), (w.REPLY, ONE), *by_citizen, (c.PublishStory(title="Jalan berlubang"), PANRB)],
        *[(c.UnpublishStory(), PANRB), (c.ChangePrivacy(secret=True), ONE)],
        (c.EraseData(texts=True, identity=True, reason="Diminta pelapor."), PANRB),
    ]:
        world.send(command, by, after=timedelta(hours=1))
    yield world

    world = World(w.CORRECTING)
    for command, by in [
        *[(w.ARCHIVE, PANRB), (w.RESTORE, PANRB), (w.VERIFY, PANRB), (w.DISPOSE, PANRB), (w.RETURN, PUPR)],
        *[(w.DISPOSE, PANRB), (w.REQUEST, PUPR), (w.DENY, DENPASAR), (w.REQUEST, PUPR), (w.GRANT, DENPASAR)],
    ]:
        world.send(command, by)
    world.policy = with_announcements(
        w.CORRECTING, Announcements.of([announcement(world.now.date() + days(1), at=world.now)])
    )
    warn_at = (
        world.send(c.RescheduleDeadlines(calendar=1), w.SLA) and world.complaint.clocks[ClockName.FOLLOW_UP].warn_at
    )
    world.notice("follow_up", at=warn_at)
    world.notice("follow_up", at=world.due("follow_up") + MOMENT)
    while world.climb()[0] == "escalated":
        world.notice("escalation", at=world.due("escalation") + MOMENT)
    for command, by in [(w.SPAM, PANRB), (w.RESTORE, PANRB), (w.WITHDRAW, CITIZEN)]:
        world.send(command, by)
    yield world


LIVES = list(answered_lives())


def test_the_lives_have_every_fact_and_every_later_field() -> None:
    recorded = [each for world in LIVES for each in world.history]
    assert {type(each.fact) for each in recorded} == set(f.FACTS)
    parts = json.loads((RELEASED / "lapor.complaint.snapshot.v1.json").read_bytes())["$defs"]
    holders_of: dict[type[Frozen], list[Any]] = {
        Complaint: [each.complaint for each in recorded],
        Clock: [clock for each in recorded for clock in each.complaint.clocks.values()],
        ReportReference: [each.complaint.report for each in recorded],
    }
    for model, holders in holders_of.items():
        known = parts[model.__name__]["properties"]
        later = {name for name, field in model.model_fields.items() if (field.alias or name) not in known}
        unset = {name for name in later if not any(getattr(holder, name) for holder in holders)}
        assert unset <= {"content_digests", "completed_digests"}, unset  # made by the shell, which has the keys


@pytest.mark.parametrize("world", LIVES, ids=["answered", "missed"])
def test_a_subscriber_shows_the_right_status(world: World) -> None:
    of_facts, of_state = Subscriber(), Subscriber()
    for recorded in world.history:
        snapshot = encode_complaint(recorded.complaint)
        of_state.take(encode_snapshot(recorded.complaint, snapshot))
        before = of_facts.shown
        of_facts.take(encode_fact(recorded, snapshot))
        complaint = recorded.complaint
        assert (of_state.shown["status"], of_state.shown["version"]) == (complaint.status, complaint.version)
        assert of_state.shown["office"] == complaint.office
        # what a later fact did shows with the next one of 0.1.0
        late = f.fact_type(recorded.fact.NAME) not in TYPES
        assert of_facts.shown == (before if late else of_state.shown)
    assert of_state.ignored == set()
    assert of_facts.ignored == {f.fact_type(each.fact.NAME) for each in world.history} - TYPES


def test_a_subscriber_of_resolutions_shows_the_last_outcome() -> None:
    found = Subscriber()
    outcomes = []
    for recorded in LIVES[0].history:
        if publishes(recorded):
            public, complaint = published(recorded, None, LIVES[0].policy), recorded.complaint
            raw = encode_resolution(public, subject=LIVES[0].id, version=complaint.version, time=recorded.at)
            found.take(raw)
            outcomes.append((isinstance(public, Resolution), found.shown["outcome"]))
    assert (True, "resolved") in outcomes
    assert (False, "resolved") in outcomes  # reopened: until it is settled again
    assert outcomes[-1] == (True, "resolved")


@pytest.mark.parametrize("file", INSTALLATIONS, ids=lambda file: file.name.partition(".jsonl")[0])
def test_a_history_of_that_release_is_replayed_and_goes_on(file: Path) -> None:
    installation = Installation.load(file)
    policies = load(installation.policy)
    histories: dict[str, History] = {}
    last: dict[str, f.Recorded] = {}
    for record in installation.records:
        if record.topic != "complaints.events" or record.value is None:
            continue
        recorded = decode_fact(record.value.encode("latin-1"))
        name = recorded.complaint.complaint_id
        assert list(histories.setdefault(name, History()).follow(recorded)) == []
        last[name] = recorded
    open_ones = [each for each in last.values() if each.complaint.status in OPEN]
    assert {each.complaint.status for each in last.values()} >= {Status.DISPOSED, Status.CLOSED}
    for recorded in open_ones:
        complaint = recorded.complaint
        world = World(policies.governing(complaint.policy, complaint.received_at), at=recorded.at)
        world.id, world.snapshot, world.history = complaint.complaint_id, complaint, [recorded]
        answer = world.ask(w.WITHDRAW, CITIZEN)
        assert isinstance(answer, tuple)
        assert world.complaint.status is Status.WITHDRAWN
        for each in answer:
            assert list(histories[world.id].follow(each)) == []
            Subscriber().take(encode_fact(each, encode_complaint(each.complaint)))
