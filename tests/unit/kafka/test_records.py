"""What a dead letter has about its record."""

from dataclasses import dataclass, field

import pytest

from agents.kafka.records import dead_letter, replays_of
from events.errors import Undecodable
from events.topics import TopicName


@dataclass
class Found:
    """A record as aiokafka gives it, as far as a letter cares."""

    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = "t.complaints.commands"
    partition: int = 3
    offset: int = 17
    timestamp: int = 0
    key: bytes | None = b"k"
    value: bytes | None = field(default=b"{}")


@pytest.mark.parametrize(
    ("value", "count"),
    [(b"1", 1), (b"41", 41), (b"0", 0), (b"", 0), (b"-1", 0), (b"x", 0), (b"9" * 40, 0), ("²".encode(), 0)],
)
def test_the_count_of_replays_is_believed_if_it_is_one(value: bytes, count: int) -> None:
    assert replays_of([("content-type", b"x"), ("replays", value)]) == count


def test_a_letter_keeps_the_count() -> None:
    error = Undecodable("not-json", "no")
    first = dict(dead_letter("lifecycle", Found(), error).headers)
    assert "replays" not in first
    again = dead_letter("lifecycle", Found(headers=(("replays", b"2"), ("replayed-from", b"there"))), error)
    assert dict(again.headers) == first | {"replays": b"2", "failed-at": dict(again.headers)["failed-at"]}
    assert (again.topic, again.key, again.value, again.partition) == (TopicName.DEAD_LETTERS, b"k", b"{}", 3)


def test_a_bug_has_its_traceback() -> None:
    try:
        1 / 0  # noqa: B018 -- raises, which is all it is for
    except ZeroDivisionError as error:
        headers = dict(dead_letter("sla", Found(), error).headers)
    assert headers["code"] == b"bug"
    assert headers["reason"] == b"ZeroDivisionError: division by zero"
    assert b"test_a_bug_has_its_traceback" in headers["traceback"]
