"""What a migration makes of single records, and of the announcements of several partitions."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.cli.errors import MISUSED
from agents.config.keys import Keys
from agents.config.policy_files import load
from agents.config.settings import Settings
from agents.kafka.records import MIGRATED
from agents.ops.dead_letters.records import DeadLetterNotFound, DeadLetterRecord, find_dead_letters
from agents.ops.migration.copying import RecordMover, checksum
from agents.ops.migration.plan import KeptCalendar, MigrationRefused, merged
from agents.ops.migration.texts import TextSplitter
from agents.stages.report_digests import ReportSignatures
from events.announcements import Announcements
from events.client.partitions import partition_of
from events.codec.decode import decode_own_fact, decode_texts
from events.codec.encode import encode_complaint, encode_fact
from events.facts import ComplaintRegistered
from events.ids import complaint_id, identity_key
from events.installation import writer_key
from events.provenance import marked, state_headers, writer_of
from events.texts import PLACEHOLDER, put_together
from events.topics import RecordPosition, TopicName
from events.vocabulary import Status
from tests.support import golden_messages
from tests.support.installations import Installation
from tests.support.worlds import LAPOR, MONDAY, announcement, report, to_status
from workflow.audit.complaint_history import History

pytestmark = pytest.mark.long

OLD, NEW = Settings(prefix="old.", partitions=4), Settings(prefix="new.", partitions=7)
NAME = complaint_id("/channels/sms", "1")
HOME = partition_of(NAME, 7)


@dataclass(frozen=True)
class Record:
    """As much of a consumer's record as a migration looks at."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int = 3
    offset: int = 17
    timestamp: int = 1_700_000_000_000
    topic: str = "old."


def mover(**values: int) -> RecordMover:
    return RecordMover(OLD, NEW, values, frozenset({f"{TopicName.DEAD_LETTERS}-3@99"}))


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        (TopicName.RESOLUTIONS, NAME),
        (TopicName.REJECTIONS, NAME),
        (TopicName.IDENTITIES, identity_key(NAME, "1042007")),
        (TopicName.IDENTITIES, NAME),
        (TopicName.TEXTS, f"{NAME}/3"),
    ],
)
def test_a_record_goes_to_the_partition_of_its_complaint(topic: TopicName, key: str) -> None:
    record = Record(key.encode(), b"value", marked())
    (moved,) = mover().move(topic, record)
    assert (moved.topic, moved.key, moved.value, moved.partition) == (topic, record.key, record.value, HOME)
    assert (tuple(moved.headers), moved.timestamp) == (record.headers, record.timestamp)


def test_what_names_no_complaint_is_spread_by_its_partition() -> None:
    assert mover().home(TopicName.REJECTIONS, b"calendar", 3) == 3
    assert mover().home(TopicName.DEAD_LETTERS, None, 11) == 4
    assert replace(mover(), target=replace(OLD, prefix="new.")).home(TopicName.EVENTS, NAME.encode(), 2) == 2


def test_a_snapshot_loses_the_offset_of_its_command_and_keeps_its_writer() -> None:
    value = golden_messages.snapshot(NAME, 1)
    (moved,) = mover().move(TopicName.STATE, Record(NAME.encode(), value, state_headers(500)))
    assert tuple(moved.headers) == marked()
    (older,) = mover().move(TopicName.STATE, Record(NAME.encode(), value, (("content-type", b"x"),)))
    assert writer_of(older.headers) == 1


def test_foreign_and_unreadable_records_are_left_out() -> None:
    since = mover(**{writer_key(TopicName.STATE, 3): 10})
    assert not since.move(TopicName.STATE, Record(NAME.encode(), golden_messages.snapshot(NAME, 1)))
    assert not mover().move(TopicName.STATE, Record(NAME.encode(), b"{}"))
    assert not mover().move(TopicName.EVENTS, Record(NAME.encode(), b"{}"))


def test_an_open_letter_names_its_topic_under_the_new_prefix() -> None:
    origin = (("topic", b"old.complaints.commands"), ("partition", b"3"), ("offset", b"5"), ("stage", b"lifecycle"))
    (moved,) = mover().move(TopicName.DEAD_LETTERS, Record(NAME.encode(), b"value", origin))
    assert dict(moved.headers) == {
        "topic": b"new.complaints.commands",
        "partition": str(HOME).encode(),
        "offset": b"5",
        "stage": b"lifecycle",
        MIGRATED: b"1",
    }
    assert not mover().move(TopicName.DEAD_LETTERS, Record(NAME.encode(), b"value", origin, offset=99))
    discard = (("discards", f"{TopicName.DEAD_LETTERS}-3@99".encode()),)
    assert not mover().move(TopicName.DEAD_LETTERS, Record(NAME.encode(), None, discard))


def test_a_migrated_letter_is_not_taken_for_that_of_a_new_record_at_its_old_offset() -> None:
    origin, other = RecordPosition(TopicName.COMMANDS, 3, 5), RecordPosition(TopicName.COMMANDS, 3, 6)
    letters = [letter(0, origin, migrated=True), letter(1, origin), letter(2, other, migrated=True)]
    assert find_dead_letters(letters, origin) == [letters[1]]
    assert find_dead_letters(letters, letters[0].position) == [letters[0]]
    with pytest.raises(DeadLetterNotFound):
        find_dead_letters(letters, other)
    assert (letters[0].found_at, letters[1].found_at) == (f"{origin} before the migration", str(origin))


def letter(offset: int, origin: RecordPosition, *, migrated: bool = False) -> DeadLetterRecord:
    place = RecordPosition(TopicName.DEAD_LETTERS, 3, offset)
    return DeadLetterRecord(place, origin, "lifecycle", "invalid", "no", MONDAY, b"", 0, migrated=migrated)


@pytest.mark.parametrize(("to", "reason"), [("v2/", "'v2/' does not fit"), ("x" * 201, "201 characters are too many")])
def test_a_prefix_that_no_topic_can_have_is_refused(to: str, reason: str) -> None:
    found = CliRunner().invoke(application(), ["migrate", "--to", to])
    assert found.exit_code == MISUSED
    assert f"--to: {reason}" in found.output


SIGNATURES = ReportSignatures(Keys.derived("test"))


def splitting(erased_before: int = 0) -> RecordMover:
    """A mover that splits; the texts of the facts before that version of the registered complaint were erased."""
    erased = {REGISTERED.complaint.complaint_id: erased_before}
    return replace(mover(), splitter=TextSplitter(load("lapor"), SIGNATURES, erased))


REGISTERED = to_status(Status.REGISTERED).history[0]
KEY = REGISTERED.complaint.complaint_id.encode()
FACT = Record(KEY, encode_fact(REGISTERED, encode_complaint(REGISTERED.complaint)), marked())
SAID = report().body.encode()
SPLIT = ("text_ref", "title_length", "body_length")
"""Fields that a fact has in addition once its words lie apart."""
INSTALLATIONS = sorted((Path(__file__).parents[2] / "golden" / "installations").iterdir())


def test_the_words_of_a_fact_can_lie_apart() -> None:
    (whole,) = mover().move(TopicName.EVENTS, FACT)
    assert whole.value == FACT.value
    fact, words = splitting().move(TopicName.EVENTS, FACT)
    assert (fact.topic, fact.key, fact.timestamp) == (TopicName.EVENTS, KEY, FACT.timestamp)
    assert (words.topic, words.key, words.timestamp) == (TopicName.TEXTS, KEY + b"/1", FACT.timestamp)
    assert words.partition == fact.partition
    assert SAID in (words.value or b"")
    assert SAID not in (fact.value or b"")
    assert PLACEHOLDER.encode() in (fact.value or b"")
    bare = decode_own_fact(fact.key, fact.value)
    assert bare.complaint.version == REGISTERED.complaint.version
    assert isinstance(bare.fact, ComplaintRegistered)
    moved = decode_texts(words.value)
    assert moved.signature == SIGNATURES.of(report(), LAPOR)  # as lifecycle signs it, so that duplicates are known
    together = put_together(bare, moved).fact
    assert isinstance(together, ComplaintRegistered)
    assert together.report == report()
    (again,) = splitting().move(TopicName.EVENTS, replace(FACT, value=fact.value))
    assert again.value == fact.value


def test_erased_words_are_left_behind() -> None:
    (fact,) = splitting(erased_before=2).move(TopicName.EVENTS, FACT)
    assert SAID not in (fact.value or b"")
    _, words = splitting(erased_before=1).move(TopicName.EVENTS, FACT)  # said after the erasure
    record = Record(words.key, words.value, marked())
    assert not splitting(erased_before=2).move(TopicName.TEXTS, record)
    assert splitting(erased_before=2).move(TopicName.TEXTS, replace(record, value=None))
    assert splitting(erased_before=1).move(TopicName.TEXTS, record)
    assert mover().move(TopicName.TEXTS, record)


@pytest.mark.parametrize("file", INSTALLATIONS, ids=lambda file: file.name.partition(".jsonl")[0])
def test_facts_of_older_releases_mean_the_same_without_their_words(file: Path) -> None:
    installation = Installation.load(file)
    histories: dict[str, History] = {}
    moved = 0
    for each in installation.records:
        if each.topic == TopicName.EVENTS and each.key is not None and each.value is not None:
            record = Record(each.key.encode("latin-1"), each.value.encode("latin-1"), marked())
            fact, *words = splitting().move(TopicName.EVENTS, record)
            before, bare = decode_own_fact(record.key, record.value), decode_own_fact(fact.key, fact.value)
            assert list(histories.setdefault(each.key, History()).follow(bare)) == []
            assert bare.complaint.model_fields_set == before.complaint.model_fields_set
            whole = put_together(bare, decode_texts(words[0].value) if words else None).fact.model_dump()
            assert {**whole, **dict.fromkeys(SPLIT)} == {**before.fact.model_dump(), **dict.fromkeys(SPLIT)}
            moved += len(words)
    assert moved > 20


def test_a_checksum_depends_on_every_part() -> None:
    record = Record(b"k", b"v", (("h", b"1"),))
    others = (
        replace(record, key=b"kv", value=b""),
        replace(record, key=None),
        replace(record, value=None),
        replace(record, headers=()),
        replace(record, timestamp=1),
    )
    assert len({checksum(each) for each in (record, *others)}) == 6


def calendar(*numbers: int, folded: int = 0) -> KeptCalendar:
    days = [announcement(date(2026, 3, number), number=number) for number in numbers]
    found = Announcements.of(days)
    return KeptCalendar(found.model_copy(update={"folded": folded}), 0)


def test_partitions_with_the_same_announcements_can_be_merged() -> None:
    assert merged(OLD, [None, None]) is None
    assert merged(OLD, [calendar(2, 3, folded=1), calendar(2, 3)]) == calendar(2, 3)


@pytest.mark.parametrize("other", [None, calendar(2), calendar(3, 2), calendar(2, 4)])
def test_partitions_with_other_announcements_cannot(other: KeptCalendar | None) -> None:
    with pytest.raises(MigrationRefused, match="keep the 4 partitions"):
        merged(OLD, [calendar(2, 3), other])
