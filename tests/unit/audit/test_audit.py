"""The audit finds nothing in a valid history, and names each violation."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from events.codec.decode import decode_fact
from events.codec.encode import encode_command
from events.commands import (
    CompleteReport,
    PublishStory,
    RateResolution,
    RecordFollowUp,
    ReplyToFollowUp,
    UnpublishStory,
    WithdrawComplaint,
)
from events.errors import InvalidCommand, Sender
from events.ids import complaint_id
from events.topics import RecordPosition, TopicName
from tests.support.demo_world import World, audited, partition_of
from workflow.audit.complaint_history import Code, Shown
from workflow.audit.evidence import Handled
from workflow.audit.invariants import Audit

EVENTS, STATE, COMMANDS, INTAKE = TopicName.EVENTS, TopicName.STATE, TopicName.COMMANDS, TopicName.INTAKE
SOURCE = "/channels/web"
OFFICER = "/offices/denpasar-pupr/officers/7"


def report(number: int, **changes: object) -> bytes:
    data = {
        "class": "complaint",
        "title": "Jalan berlubang",
        "body": "Lubang besar di depan pasar sejak dua minggu.",
        "category": "infrastruktur-jalan",
        "location": {"province": "Bali", "city": "Denpasar"},
    }
    event = {"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": SOURCE, "id": f"web-{number}"}
    return json.dumps({**event, "data": data | changes}).encode()


def subject(number: int) -> str:
    return complaint_id(SOURCE, f"web-{number}")


@pytest.fixture
def world() -> World:
    """Three complaints that end in three ways, one that is delivered twice, and a refused command."""
    world = World()
    for number in range(3):
        world.submit(report(number))
    world.submit(report(0))
    world.submit(report(3, body=""))
    world.later(2, lambda: world.send(RecordFollowUp(text="Sudah ditambal."), OFFICER, "f-1", subject(0)))
    world.later(3, lambda: world.send(ReplyToFollowUp(text="Belum selesai."), SOURCE, "r-1", subject(0)))
    world.later(4, lambda: world.send(RecordFollowUp(text="Kini selesai."), OFFICER, "f-2", subject(0)))
    world.later(20, lambda: world.send(RateResolution(rating=4), SOURCE, "r-2", subject(0)))
    world.later(21, lambda: world.send(RecordFollowUp(text="Terlambat."), OFFICER, "f-3", subject(0)))
    world.later(5, lambda: world.send(CompleteReport(body="Uraian yang lengkap."), SOURCE, "c-1", subject(3)))
    world.run(60)
    return world


def place_of(world: World, topic: TopicName, number: int, index: int) -> tuple[list[bytes], int]:
    """Return the list that holds the complaint's record number `index`, and its place in it."""
    records = world.topics[topic][partition_of(subject(number))]
    mine = [at for at, raw in enumerate(records) if json.loads(raw)["subject"] == subject(number)]
    return records, mine[index]


def change(world: World, topic: TopicName, number: int, index: int, edit: Callable[[dict[str, Any]], None]) -> None:
    records, at = place_of(world, topic, number, index)
    event = json.loads(records[at])
    edit(event)
    records[at] = json.dumps(event).encode()


def codes(audit: Audit) -> set[Code]:
    return set(audit.by_code())


def test_a_valid_history_has_no_violation(world: World) -> None:
    audit = audited(world)
    assert audit.violations == []
    assert (audit.lost, audit.doubled) == (0, 0)
    assert (audit.counts.reports, audit.counts.deliveries, audit.counts.complaints) == (4, 5, 4)
    assert audit.counts.rejections == 1
    assert world.complaints[subject(0)].rating == 4


def test_a_report_without_a_complaint_is_lost(world: World) -> None:
    world.topics[INTAKE][0].append(report(99))
    audit = audited(world)
    assert codes(audit) == {Code.REPORT_LOST}
    [violation] = audit.violations
    assert violation.complaint == subject(99)
    assert violation.position == RecordPosition(INTAKE, 0, len(world.topics[INTAKE][0]) - 1)
    assert str(violation).startswith("complaints.intake-0@")


def test_a_report_whose_registration_waits_is_not_lost(world: World) -> None:
    partition = partition_of(subject(99))
    waiting = len(world.topics[COMMANDS][partition])
    world.topics[INTAKE][0].append(report(99))
    command = encode_command(RecordFollowUp(text="x"), source="/a", command_id="1", subject=subject(99), time=world.now)
    world.topics[COMMANDS][partition].append(command)
    assert codes(audited(world)) == {Code.REPORT_LOST, Code.COMMAND_LOST}
    audit = audited(world, handled=Handled({(COMMANDS, partition): waiting}))
    assert audit.violations == []
    assert audit.counts.pending == 1


def test_a_report_that_intake_has_not_read_is_not_lost(world: World) -> None:
    waiting = len(world.topics[INTAKE][0])
    world.topics[INTAKE][0].append(report(99))
    audit = audited(world, handled=Handled({(INTAKE, 0): waiting}))
    assert audit.violations == []
    assert audit.counts.pending == 1


@pytest.mark.parametrize("partition", [(partition_of(subject(0)) + 1) % 4, 7], ids=["wrong", "added later"])
def test_a_command_that_waits_in_a_partition_not_its_own_is_pending(world: World, partition: int) -> None:
    command = encode_command(RecordFollowUp(text="x"), source="/a", command_id="z", subject=subject(0), time=world.now)
    records = world.topics[COMMANDS].setdefault(partition, [])
    before, waiting = audited(world).counts.commands, len(records)
    records.append(command)
    audit = audited(world, handled=Handled({(COMMANDS, partition): waiting}))
    assert audit.violations == []
    assert audit.counts.pending == 1
    assert audit.counts.commands == before + 1


def test_a_report_registered_twice_is_doubled(world: World) -> None:
    records, at = place_of(world, EVENTS, 1, 0)
    records.insert(at + 1, records[at])
    audit = audited(world)
    assert codes(audit) == {Code.REPORT_DOUBLED}
    assert (audit.lost, audit.doubled) == (0, 1)


def test_a_complaint_under_another_id_than_its_reports_is_doubled(world: World) -> None:
    change(world, EVENTS, 1, 0, lambda event: event["data"].update(report_id="web-1234"))
    assert codes(audited(world)) >= {Code.REPORT_DOUBLED, Code.SNAPSHOT_DIFFERS}


def test_a_complaint_without_a_report_is_found(world: World) -> None:
    world.topics[INTAKE] = {
        partition: [raw for raw in records if json.loads(raw)["id"] != "web-1"]
        for partition, records in world.topics[INTAKE].items()
    }
    assert codes(audited(world)) == {Code.REPORT_UNKNOWN}


def test_a_missing_version_is_found(world: World) -> None:
    records, at = place_of(world, EVENTS, 1, 2)
    del records[at]
    assert Code.FACT_LOST in codes(audited(world))


def test_a_missing_last_fact_is_found_by_the_snapshot(world: World) -> None:
    records, at = place_of(world, EVENTS, 1, -1)
    del records[at]
    assert Code.STATE_DIFFERS in codes(audited(world))


def test_a_repeated_version_is_found(world: World) -> None:
    records, at = place_of(world, EVENTS, 0, 2)
    records.insert(at + 1, records[at])
    audit = audited(world)
    assert codes(audit) == {Code.FACT_DOUBLED}
    assert audit.doubled == 1


def test_an_illegal_fact_is_found(world: World) -> None:
    def replied(event: dict[str, Any]) -> None:
        event["type"] = "lapor.complaint.replied.v1"
        event["data"] = {"by": "/citizens/a", "text": "?", "complaint": event["data"]["complaint"]}

    change(world, EVENTS, 0, 1, replied)
    assert codes(audited(world)) == {Code.ILLEGAL_FACT}


def test_a_snapshot_that_does_not_add_up_is_found(world: World) -> None:
    change(world, EVENTS, 0, 2, lambda event: event["data"]["complaint"].update(returns=7))
    audit = audited(world)
    assert codes(audit) == {Code.SNAPSHOT_DIFFERS}
    assert "returns" in audit.violations[0].message


def test_log_time_that_runs_backwards_is_found(world: World) -> None:
    def earlier(event: dict[str, Any]) -> None:
        moment = decode_fact(json.dumps(event).encode()).at - timedelta(seconds=90)
        event["time"] = event["data"]["complaint"]["updated_at"] = moment.isoformat().replace("+00:00", "Z")

    change(world, EVENTS, 1, 2, earlier)
    assert Code.TIME_BACKWARDS in codes(audited(world))


def test_a_command_without_any_effect_is_lost(world: World) -> None:
    command = encode_command(
        RecordFollowUp(text="Halo."), source=OFFICER, command_id="f-9", subject=subject(0), time=world.now
    )
    world.topics[COMMANDS][partition_of(subject(0))].append(command)
    audit = audited(world)
    assert codes(audit) == {Code.COMMAND_LOST}
    assert "f-9" in audit.violations[0].message


def test_a_refused_command_is_lost_only_without_its_rejection(world: World) -> None:
    world.refused.clear()
    assert codes(audited(world)) == {Code.COMMAND_LOST}


def test_a_repeated_command_is_no_loss(world: World) -> None:
    records, at = place_of(world, COMMANDS, 0, 1)
    records.append(records[at])
    assert audited(world).violations == []


def test_a_command_that_had_its_effect_twice_is_found(world: World) -> None:
    first, at = place_of(world, EVENTS, 0, 3)
    cause = json.loads(first[at])
    change(world, EVENTS, 0, 5, lambda event: event.update(causationid=cause["causationid"]))
    change(world, EVENTS, 0, 5, lambda event: event.update(causationsource=cause["causationsource"]))
    assert Code.COMMAND_DOUBLED in codes(audited(world))


def test_a_fact_without_its_command_is_found(world: World) -> None:
    records, at = place_of(world, COMMANDS, 0, -2)
    assert json.loads(records[at])["id"] == "r-2"
    del records[at]
    assert codes(audited(world)) == {Code.COMMAND_UNKNOWN}


def test_a_strayed_command_has_to_be_sent_on(world: World) -> None:
    records, at = place_of(world, COMMANDS, 0, 2)
    elsewhere = world.topics[COMMANDS][(partition_of(subject(0)) + 1) % 4]
    elsewhere.append(records[at])
    audit = audited(world)
    assert audit.violations == []
    assert audit.counts.strayed == 1
    lost = encode_command(RecordFollowUp(text="x"), source="/a", command_id="z", subject=subject(0), time=world.now)
    elsewhere.append(lost)
    assert codes(audited(world)) == {Code.COMMAND_LOST}


def test_a_stale_snapshot_is_found(world: World) -> None:
    records, at = place_of(world, STATE, 1, -1)
    del records[at]
    assert codes(audited(world)) == {Code.STATE_DIFFERS}


def test_a_missing_snapshot_is_found(world: World) -> None:
    kept = world.topics[STATE][partition_of(subject(1))]
    kept[:] = [raw for raw in kept if json.loads(raw)["subject"] != subject(1)]
    assert codes(audited(world)) == {Code.STATE_DIFFERS}


def test_a_snapshot_that_goes_back_is_found(world: World) -> None:
    records, at = place_of(world, STATE, 1, -1)
    records.insert(at + 1, records[place_of(world, STATE, 1, -2)[1]])
    assert codes(audited(world)) == {Code.STATE_DIFFERS}


def test_what_is_read_later_may_be_ahead_while_stages_write(world: World) -> None:
    records, at = place_of(world, EVENTS, 0, -1)  # rated
    del records[at]
    handled = Handled({(COMMANDS, partition_of(subject(0))): place_of(world, COMMANDS, 0, -2)[1]})
    world.refused.clear()
    assert Code.STATE_DIFFERS in codes(audited(world, handled=handled))
    assert audited(world, handled=handled, live=True).violations == []


def test_a_settlement_that_is_not_published_is_found(world: World) -> None:
    world.resolutions.pop()
    assert codes(audited(world)) == {Code.RESOLUTION_LOST}


def test_a_resolution_that_a_later_one_has_replaced_may_be_compacted_away(world: World) -> None:
    first = next(each for each in world.resolutions if each[0] == subject(0))
    assert (subject(0), world.complaints[subject(0)].version) in world.resolutions
    world.resolutions.remove(first)
    assert audited(world).violations == []


@pytest.mark.parametrize("secret", [False, True])
def test_a_resolution_that_shows_more_than_is_public_is_found(world: World, *, secret: bool) -> None:
    world.shown = Shown.DETAILS if secret else Shown.STORY
    if secret:
        world.submit(report(4, secret=True))
        world.later(1, lambda: world.send(WithdrawComplaint(), SOURCE, "w-1", subject(4)))
        world.run(60)
    audit = audited(world)
    assert codes(audit) == {Code.PRIVATE_PUBLISHED}
    assert {violation.complaint for violation in audit.violations} == {subject(4)} if secret else {subject(0)}


def test_a_story_that_was_published_and_not_taken_back_may_be_shown(world: World) -> None:
    world.resolutions = [each for each in world.resolutions if each[0] == subject(0)]
    before = audited(world).by_code()
    world.shown = Shown.STORY
    world.send(PublishStory(title="Jalan berlubang"), "/offices/panrb", "p-1", subject(0))
    del world.resolutions[:-1]
    assert audited(world).by_code() == before
    world.send(UnpublishStory(), "/offices/panrb", "p-2", subject(0))
    assert Code.PRIVATE_PUBLISHED in codes(audited(world))


def test_a_settlement_published_twice_is_found(world: World) -> None:
    world.resolutions.append(world.resolutions[0])
    assert codes(audited(world)) == {Code.RESOLUTION_DOUBLED}


def test_a_resolution_of_nothing_is_found(world: World) -> None:
    world.resolutions.append((subject(0), 2))
    assert codes(audited(world)) == {Code.RESOLUTION_UNKNOWN}


def test_a_settlement_that_resolution_has_not_read_is_pending(world: World) -> None:
    audit = audited(world, handled=Handled({(EVENTS, partition): 0 for partition in range(4)}))
    assert audit.violations == []
    world.resolutions.clear()
    audit = audited(world, handled=Handled({(EVENTS, partition): 0 for partition in range(4)}))
    assert audit.violations == []


def test_a_fact_in_a_foreign_partition_is_found(world: World) -> None:
    records, _ = place_of(world, EVENTS, 0, 0)
    other = world.topics[EVENTS][(partition_of(subject(0)) + 1) % 4]
    other.extend(raw for raw in records if json.loads(raw)["subject"] == subject(0))
    records[:] = [raw for raw in records if json.loads(raw)["subject"] != subject(0)]
    assert Code.MISPLACED in codes(audited(world))


def test_records_that_cannot_be_read_need_a_dead_letter() -> None:
    audit = Audit(lambda _: 0)
    bad, parked = RecordPosition(INTAKE, 0, 0), RecordPosition(INTAKE, 0, 1)
    audit.take_dead_letter(parked)
    audit.take_dead_letter(None)
    audit.take_report(bad, None)
    audit.take_report(parked, None)
    part = audit.partition(0)
    command = RecordPosition(COMMANDS, 0, 0)
    audit.dead.add(command)
    part.command(command, None)
    part.command(RecordPosition(COMMANDS, 0, 1), None)
    part.fact(RecordPosition(EVENTS, 0, 0), None)
    audit.dead.add(RecordPosition(EVENTS, 0, 1))
    part.fact(RecordPosition(EVENTS, 0, 1), None)
    part.snapshot(RecordPosition(STATE, 0, 0), None)
    part.finish()
    assert audit.by_code() == {Code.REPORT_LOST: 1, Code.COMMAND_LOST: 1, Code.UNREADABLE: 2}
    assert audit.counts.dead == 2


def test_a_command_with_invalid_data_is_settled_by_its_rejection() -> None:
    audit = Audit(lambda _: 0)
    part = audit.partition(0)
    part.rejection(RecordPosition(TopicName.REJECTIONS, 0, 0), subject(0), "/a", "1")
    for number in ("1", "2"):
        broken = InvalidCommand(Sender(subject(0), "/a", number, "x"), "data.text: required")
        part.command(RecordPosition(COMMANDS, 0, int(number)), broken)
    part.finish()
    assert audit.by_code() == {Code.COMMAND_LOST: 1}


def test_a_breach_without_escalation(world: World) -> None:
    """The last fact of a complaint is its breach, and escalation has come past it."""
    number = 1
    events = world.topics[EVENTS][partition_of(subject(number))]
    mine = [at for at, raw in enumerate(events) if json.loads(raw)["subject"] == subject(number)]
    breach = next(at for at in mine if decode_fact(events[at]).complaint.escalation_due)
    version = decode_fact(events[breach]).complaint.version
    for topic in (EVENTS, STATE):
        records = world.topics[topic][partition_of(subject(number))]
        records[:] = [
            raw
            for raw in records
            if json.loads(raw)["subject"] != subject(number) or int(json.loads(raw)["sequence"]) <= version
        ]
    audit = audited(world)
    assert Code.BREACH_UNANSWERED in codes(audit)
    [violation] = [each for each in audit.violations if each.code is Code.BREACH_UNANSWERED]
    assert violation.complaint == subject(number)
    assert violation.position.topic is EVENTS


def test_a_snapshot_that_repairs_what_a_foreign_record_has_replaced_is_no_step_back(world: World) -> None:
    [raw, *_], _ = place_of(world, TopicName.EVENTS, 0, 0)
    recorded = decode_fact(raw)
    part = Audit(lambda _: 0).partition(0)
    for offset, foreign in ((0, False), (1, True), (2, False)):
        if foreign:
            part.foreign_state(RecordPosition(STATE, 0, offset), recorded.complaint.complaint_id)
        else:
            part.snapshot(RecordPosition(STATE, 0, offset), recorded.complaint)
    assert part.audit.violations == []
    part.snapshot(RecordPosition(STATE, 0, 3), recorded.complaint)
    assert [each.code for each in part.audit.violations] == [Code.STATE_DIFFERS]
