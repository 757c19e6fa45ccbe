"""Lifecycle with free text apart from the facts: what it writes, what is erased, and what brings nothing back."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

import pytest

from agents.config import policy_files
from agents.kafka.records import OutgoingRecord
from agents.ops.repair import with_digests
from agents.runtime.stage import Partition
from agents.stages.lifecycle import Lifecycle
from agents.stages.report_digests import ReportSignatures
from events import commands as c
from events.codec.decode import decode_fact, decode_snapshot, decode_texts
from events.codec.encode import encode_command
from events.facts import ComplaintRegistered, DataErased, Recorded
from events.ids import complaint_id, stage_command_id
from events.texts import ERASED, put_together
from events.topics import RecordPosition, TopicName
from events.vocabulary import Detail
from tests.support.worlds import MONDAY, report
from workflow.audit.complaint_history import Code
from workflow.audit.invariants import Audit
from workflow.machine.evolve import folded

COMPLAINT: Final = complaint_id("/channels/sms", "1")
WORDS: Final = "Zebrawoord di Jalan Kenanga, dekat rumah Nyoman"
APART: Final = Partition(0, 1, policy_files.load("lapor"), texts_apart=lambda: True)
IN_FACTS: Final = replace(APART, texts_apart=lambda: False)


class WorkedLifecycle:
    """A lifecycle that is given commands, and all that it has written."""

    def __init__(self, partition: Partition = APART) -> None:
        self.handler = Lifecycle(partition)
        self.written: list[OutgoingRecord] = []
        self._offset = 0

    def send(self, command: c.Command, by: str, command_id: str, headers: tuple[Any, ...] = ()) -> list[OutgoingRecord]:
        value = encode_command(command, source=by, command_id=command_id, subject=COMPLAINT, time=MONDAY)
        self._offset += 1
        stamp = int(MONDAY.timestamp() * 1000) + self._offset
        record: Any = SimpleNamespace(
            topic="x",
            partition=0,
            offset=self._offset,
            timestamp=stamp,
            key=COMPLAINT.encode(),
            value=value,
            headers=headers,
        )
        found = list(self.handler.handle(record))
        self.handler.commit()
        self.written += found
        return found

    def register(self, **changes: Any) -> list[OutgoingRecord]:
        made = c.RegisterComplaint(
            tracking_id="1000000", source="/channels/sms", report_id="1", report=report(body=WORDS, **changes)
        )
        return self.send(made, "/stages/intake", stage_command_id(COMPLAINT, "register"))

    def erase(self, command_id: str = "e-1") -> list[OutgoingRecord]:
        return self.send(c.EraseData(texts=True, identity=True, reason="Diminta."), "/offices/panrb", command_id)

    def facts(self) -> list[Recorded]:
        return [decode_fact(each.value) for each in self.written if each.topic is TopicName.EVENTS]

    def texts(self) -> dict[str, bytes | None]:
        """The records of complaints.texts as compaction leaves them."""
        return {(each.key or b"").decode(): each.value for each in self.written if each.topic is TopicName.TEXTS}


def holding(written: list[OutgoingRecord], words: str) -> set[TopicName]:
    return {each.topic for each in written if words.encode() in (each.value or b"")}


def test_words_are_written_apart_and_nowhere_else() -> None:
    worked = WorkedLifecycle()
    worked.register()
    worked.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p")
    assert holding(worked.written, WORDS) == holding(worked.written, "Kurangwoord") == {TopicName.TEXTS}
    before = None
    for recorded in worked.facts():
        assert folded(before, recorded) == recorded.complaint  # what the audit does
        before = recorded.complaint
        assert recorded.complaint.report.content_digests is None
    first = worked.facts()[0]
    whole = put_together(first, decode_texts(worked.texts()[f"{COMPLAINT}/1"])).fact
    assert isinstance(whole, ComplaintRegistered)
    assert whole.report == report(body=WORDS)
    [*_, state] = [each for each in worked.written if each.topic is TopicName.STATE]
    assert decode_snapshot(state.value).report.content_digests is not None


def test_a_repeat_with_other_words_is_still_known() -> None:
    worked = WorkedLifecycle()
    worked.register()
    [rejected] = worked.register(title="Judul lain")
    assert rejected.topic is TopicName.REJECTIONS
    assert Detail.CONTENT_DIFFERS.encode() in (rejected.value or b"")


def test_a_duplicate_has_the_same_signature() -> None:
    worked = WorkedLifecycle()
    worked.register()
    policy = APART.policies.at(MONDAY)
    same = ReportSignatures(APART.keys).of(report(body=WORDS.upper()), policy)
    assert same is not None
    assert decode_texts(worked.texts()[f"{COMPLAINT}/1"]).signature == same
    assert holding(worked.written, same) == {TopicName.TEXTS}  # and is erased with them


def test_erasing_leaves_no_word_and_no_digest() -> None:
    worked = WorkedLifecycle()
    worked.register()
    worked.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p")
    worked.erase()
    kept = worked.texts()
    assert [kept[f"{COMPLAINT}/{version}"] for version in (1, 2)] == [None, None]
    last = worked.facts()[-1]
    assert isinstance(last.fact, DataErased)
    assert last.complaint.erased == ("identity", "texts")
    [*_, state] = [each for each in worked.written if each.topic is TopicName.STATE]
    left = decode_snapshot(state.value).report
    assert (left.content_digests, left.reporter_digest) == (None, None)
    gone = put_together(worked.facts()[0], None).fact
    assert isinstance(gone, ComplaintRegistered)
    assert gone.report.body == ERASED


def test_a_report_that_comes_again_and_a_replayed_command_bring_no_word_back() -> None:
    worked = WorkedLifecycle()
    worked.register()
    worked.erase()
    assert worked.register() == []
    replayed = (("replays", b"1"),)
    worked.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p", replayed)
    assert worked.facts()[-1].fact.NAME == "postponed"
    assert not holding(worked.written, "Kurangwoord")


def test_words_in_facts_are_not_erased_and_that_is_said() -> None:
    worked = WorkedLifecycle(IN_FACTS)
    worked.register()
    [rejected] = worked.erase()
    assert rejected.topic is TopicName.REJECTIONS
    assert Detail.TEXTS_IN_FACTS.encode() in (rejected.value or b"")
    assert worked.facts()[-1].complaint.erased == ()


def test_an_installation_that_changes_reads_both() -> None:
    in_facts, apart = WorkedLifecycle(IN_FACTS), WorkedLifecycle()
    in_facts.register()
    [state] = [each for each in in_facts.written if each.topic is TopicName.STATE]
    record: Any = SimpleNamespace(key=state.key, value=state.value, headers=state.headers, offset=0)
    apart.handler.restore(record)
    apart.handler.ready()
    apart.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p")
    assert holding(apart.written, "Kurangwoord") == {TopicName.TEXTS}
    facts = [*in_facts.facts(), *apart.facts()]
    assert folded(folded(None, facts[0]), facts[1]).version == 2


@pytest.mark.parametrize("partition", [APART, IN_FACTS])
def test_a_batch_that_is_processed_again_writes_the_same(partition: Partition) -> None:
    one, other = WorkedLifecycle(partition), WorkedLifecycle(partition)
    assert one.register() == other.register()


def test_the_audit_finds_nothing_wrong_and_names_what_is_erased() -> None:
    worked = WorkedLifecycle()
    worked.register()
    worked.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p")
    for erased in ({}, {COMPLAINT: ("identity", "texts")}):
        found = audited(worked, worked.texts())
        assert [str(each) for each in found.violations] == []
        assert found.erased == erased
        worked.erase()


def test_the_audit_finds_a_text_that_is_lost_and_one_that_is_left() -> None:
    worked = WorkedLifecycle()
    worked.register()
    worked.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p")
    before = worked.texts()
    lost = audited(worked, {key: None if key.endswith("/2") else value for key, value in before.items()})
    assert [(each.code, each.message) for each in lost.violations] == [
        (Code.TEXT_LOST, "the text of version 2 is not there and was not erased")
    ]
    worked.erase()
    left = audited(worked, {**worked.texts(), **before})
    assert [(each.code, each.message) for each in left.violations] == [
        (Code.TEXT_KEPT, "the text of versions 1, 2 is there though it was erased")
    ]


def test_the_audit_finds_words_in_facts_that_no_erasure_reaches() -> None:
    worked = WorkedLifecycle(IN_FACTS)
    worked.register()
    assert audited(worked, {}).violations == []
    [state] = [each for each in worked.written if each.topic is TopicName.STATE]
    worked.handler = Lifecycle(APART)
    record: Any = SimpleNamespace(key=state.key, value=state.value, headers=state.headers, offset=0)
    worked.handler.restore(record)
    worked.handler.ready()
    worked.erase()
    assert [(each.code, each.message) for each in audited(worked, worked.texts()).violations] == [
        (Code.TEXT_KEPT, "the text of version 1 is in its fact though it was erased")
    ]


def test_the_audit_misses_no_text_that_a_replay_was_not_allowed_to_bring() -> None:
    worked = WorkedLifecycle()
    worked.register()
    worked.erase()
    replayed = (("replays", b"1"),)
    worked.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p", replayed)
    assert audited(worked, worked.texts()).violations == []


def test_the_audit_holds_no_text_against_a_version_that_no_fact_has() -> None:
    worked = WorkedLifecycle()
    worked.register()
    foreign: dict[str, bytes | None] = {f"{COMPLAINT}/{version}": b"x" for version in ("3", "999999999", "9" * 5_000)}
    assert [each.code for each in audited(worked, worked.texts() | foreign).violations] == [Code.UNREADABLE]


def audited(worked: WorkedLifecycle, texts: dict[str, bytes | None]) -> Audit:
    """Audit what was written, with these texts."""
    found = Audit(lambda _: 0, whole=False)
    found.texts = True
    part = found.partition(0)
    for offset, recorded in enumerate(worked.facts()):
        part.fact(RecordPosition(TopicName.EVENTS, 0, offset), recorded)
    for offset, (key, value) in enumerate(texts.items()):
        part.text(RecordPosition(TopicName.TEXTS, 0, offset), key.encode(), present=value is not None)
    states = [each.value for each in worked.written if each.topic is TopicName.STATE]
    for offset, state in enumerate(states):
        part.snapshot(RecordPosition(TopicName.STATE, 0, offset), decode_snapshot(state))
    part.finish()
    return found


def test_a_repair_keeps_the_digests_unless_they_are_erased() -> None:
    worked = WorkedLifecycle()
    worked.register()
    worked.send(c.PostponeComplaint(missing=("foto",), reason="Kurangwoord"), "/offices/panrb", "p")
    before, state = [decode_snapshot(each.value) for each in worked.written if each.topic is TopicName.STATE]
    last = worked.facts()[-1].complaint
    assert last != state  # what would be restored without them
    assert with_digests(last, state) == with_digests(last, before) == state
    worked.erase()
    erased = worked.facts()[-1].complaint
    assert with_digests(erased, state) == erased
