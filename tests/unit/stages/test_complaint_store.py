"""A value in the complaint store comes back unchanged, compressed or not."""

import json
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.config import policy_files
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition
from agents.stages import complaint_store, lifecycle
from agents.stages.complaint_store import BUCKETS, ComplaintStore, compress, decompress
from agents.stages.lifecycle import Lifecycle
from events import commands as c
from events.codec.encode import encode_complaint
from events.snapshot import REMEMBERED_COMMANDS, Complaint
from events.topics import TopicName
from events.vocabulary import OPEN, Refusal, Status
from tests.benchmarks.loads import CITIZEN, command, lives, register
from tests.support.tables import every
from tests.support.worlds import to_status

NAMES = [UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).bytes for number in range(6)]
COMPLAINTS = [to_status(status).complaint for status in Status]
SETTLED = [complaint for complaint in COMPLAINTS if complaint.status not in OPEN]


def name_of(complaint: Complaint) -> bytes:
    return UUID(complaint.complaint_id).bytes


def spoilt(snapshot: bytes) -> list[bytes]:
    """Snapshots that the engine does not write, and that look much like one."""
    head, mark, digests = snapshot.rpartition(b',"recent":["')
    return [
        b"",
        snapshot[:-1],
        snapshot + b"}",
        head + mark + digests.upper(),
        head + mark + b" " + digests,
        head + mark + digests.replace(b'","', b'", "'),
        head + mark + digests[1:],
        head + mark + digests + digests,
        head + b',"recent":[]}',
        head + b',"recent":[""]}',
        head + b"}",
        mark + digests,
        snapshot[:-1] + b',"newer":1}',
        snapshot.replace(b"-", b"+", 1),
    ]


_WITH_DIGESTS = spoilt(encode_complaint(SETTLED[0]))[8].replace(b'"recent":[]', b'"recent":["%b"]')
PIECES = st.sampled_from([b'{"complaint_id":"', b',"recent":["', b'","', b'"]}', b"0123456789abcdef", b"\0", b"\xff"])
TEXTS = (
    st.sampled_from([encode_complaint(each) for each in COMPLAINTS])
    | st.sampled_from([each for complaint in SETTLED for each in spoilt(encode_complaint(complaint))])
    | st.lists(PIECES, max_size=8).map(b"".join)
    | st.binary(max_size=300)
    | st.sampled_from([_WITH_DIGESTS.replace(b"%b", name.hex(",", 8).replace(",", '","').encode()) for name in NAMES])
)
STEPS = st.lists(st.tuples(st.sampled_from(["put", "pack", "remove"]), st.sampled_from(NAMES), TEXTS), max_size=40)


@given(STEPS, st.sampled_from([1, 2, BUCKETS]))
def test_a_store_is_a_dictionary_whatever_is_compressed(steps: list[tuple[str, bytes, bytes]], buckets: int) -> None:
    """Also if the snapshot of one complaint contains the id of another in the same bucket."""
    found, expected = ComplaintStore(buckets), dict[bytes, bytes]()
    for step, name, text in steps:
        if step == "put":
            found.put(name, text)
            expected[name] = text
        elif step == "pack":
            found.compress(name)
        else:
            found.remove(name)
            expected.pop(name, None)
        assert len(found) == len(expected)
        assert {each: found.get(each) for each in NAMES} == {each: expected.get(each) for each in NAMES}
        assert set(found.uncompressed()) <= set(expected.items())


@given(st.sampled_from(NAMES), TEXTS)
def test_decompression_restores_each_byte(name: bytes, text: bytes) -> None:
    found = compress(name, text)
    assert found is None or decompress(name, found) == text


@pytest.mark.parametrize("dictionary", [bytes(4_000), b"short"], ids=["gives-something-else", "gives-an-error"])
def test_a_snapshot_that_would_not_be_restored_stays_uncompressed(
    monkeypatch: pytest.MonkeyPatch, dictionary: bytes
) -> None:
    snapshot, name = encode_complaint(SETTLED[0]), name_of(SETTLED[0])
    assert compress(name, snapshot) is not None
    # as if one version of the dictionary had packed, and another one unpacked
    monkeypatch.setattr(complaint_store, "_DECOMPRESSOR", zlib.decompressobj(-12, dictionary))
    assert compress(name, snapshot) is None


@pytest.mark.parametrize("complaint", SETTLED, ids=lambda each: each.status)
def test_a_settled_complaint_takes_a_fifth(complaint: Complaint) -> None:
    snapshot = encode_complaint(complaint)
    found = compress(name_of(complaint), snapshot)
    assert found is not None
    assert len(found) < len(snapshot) / 5


@every(COMPLAINTS)
def test_every_snapshot_of_our_encoder_can_be_compressed(complaint: Complaint) -> None:
    """If a field came after the digests, nothing would be compressed, unnoticed."""
    digests = tuple(f"{number:016x}" for number in range(REMEMBERED_COMMANDS))
    for each in (complaint, complaint.model_copy(update={"recent": digests})):
        assert compress(name_of(each), encode_complaint(each)) is not None


@every(range(len(spoilt(b""))))
def test_foreign_snapshots_are_kept_too(spoil: int) -> None:
    name, snapshot = name_of(SETTLED[0]), spoilt(encode_complaint(SETTLED[0]))[spoil]
    found = ComplaintStore()
    found.put(name, snapshot)
    found.compress(name)
    assert found.get(name) == snapshot


def records(values: list[tuple[bytes, bytes | None]]) -> list[Any]:
    start = 1_796_611_200_000
    return [
        SimpleNamespace(partition=0, offset=at, timestamp=start + at, key=key, value=value, headers=())
        for at, (key, value) in enumerate(values)
    ]


def begun(memory: list[OutgoingRecord] | None = None) -> Lifecycle:
    handler = Lifecycle(Partition(0, 1, policy_files.load("lapor")))
    for record in records([(output.key or b"", output.value) for output in memory or []]):
        handler.restore(record)
    handler.ready()
    return handler


def decided(handler: Lifecycle, commands: list[Any]) -> list[OutgoingRecord]:
    outputs: list[OutgoingRecord] = []
    for record in commands:
        outputs += handler.handle(record)
        handler.commit()
    return outputs


LIVES = 12


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return how many complaints are kept as objects from now on."""
    return lambda count: monkeypatch.setattr(lifecycle, "_CACHE_SIZE", count)


def refused(number: int) -> tuple[bytes, bytes]:
    """Ask of complaint `number`, which is rated, what may no longer be asked."""
    complaint, _ = register(number)
    event = command(c.WithdrawComplaint(), CITIZEN, complaint, f"withdraw-{number}")
    return complaint.encode(), event.model_dump_json(exclude_none=True).encode()


def test_a_history_is_the_same_whatever_is_compressed(at_hand: Callable[[int], None]) -> None:
    """Rated after it was packed, repeated, refused: all outputs are the same bytes."""
    life = list(lives(LIVES, at_once=LIVES))
    commands = records([*life, *life, *map(refused, range(LIVES))])
    at_hand(10 * LIVES)
    expected = begun()
    wanted = decided(expected, commands)
    assert len(list(expected._store.uncompressed())) == LIVES  # noqa: SLF001 -- nothing has been packed
    at_hand(1)
    packing = begun()
    assert decided(packing, commands) == wanted
    assert len(list(packing._store.uncompressed())) == 1  # noqa: SLF001 -- the last one, which is at hand
    assert packing.state_report() == expected.state_report()
    codes = [json.loads(each.value or b"")["data"]["code"] for each in wanted if each.topic is TopicName.REJECTIONS]
    assert codes == [Refusal.NOT_ALLOWED_IN_STATUS] * LIVES


def test_a_settled_complaint_is_compressed_when_it_is_restored() -> None:
    commands = records(list(lives(LIVES, at_once=LIVES)))
    before = begun()
    memory = [each for each in decided(before, commands[:-LIVES]) if each.topic is TopicName.STATE]
    after = begun(memory)
    assert list(after._store.uncompressed()) == []  # noqa: SLF001 -- closed, all of them
    assert after.state_report().complaints == LIVES
    rating = commands[-LIVES:]
    wanted = decided(before, rating)
    assert {output.topic for output in wanted} == {TopicName.EVENTS, TopicName.STATE}
    assert decided(after, rating) == wanted


def test_a_settled_complaint_stays_compressed_when_its_rating_is_rolled_back() -> None:
    commands = records(list(lives(LIVES, at_once=LIVES)))
    before = begun()
    after = begun([each for each in decided(before, commands[:-LIVES]) if each.topic is TopicName.STATE])
    rating = commands[-LIVES:]
    for record in rating:
        after.handle(record)
    after.rollback()
    assert list(after._store.uncompressed()) == []  # noqa: SLF001 -- the memory that packing saves
    assert decided(after, rating) == decided(before, rating)


def test_a_complaint_that_is_no_longer_in_the_topic_is_forgotten_though_compressed() -> None:
    commands = records(list(lives(1)))
    memory = [each for each in decided(begun(), commands) if each.topic is TopicName.STATE]
    after = begun([*memory, memory[-1]._replace(value=None)])
    assert after.state_report().complaints == 0
    (registered, *_) = decided(after, commands[:1])
    assert registered.topic is TopicName.EVENTS
