"""The board counts complaints as they stand, and names what is due."""

import io
from datetime import timedelta

import pytest
from rich.console import Console

from agents.cli.overview import Board
from agents.cli.overview_view import view
from agents.runtime import disk_map
from events.client import Record
from events.codec.messages import encode_complaint, encode_snapshot
from events.commands import WithdrawComplaint
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import ClockName, Status
from tests.support.worlds import CITIZEN, CLOSE, DEMO, MONDAY, PANRB, RATE, World, seconds, to_status


def record(topic: TopicName, key: str, value: bytes | None, *, offset: int = 0, **headers: bytes) -> Record:
    return Record(topic, 0, offset, MONDAY, key.encode(), value, headers)


def state(complaint: Complaint) -> Record:
    value = encode_snapshot(complaint, encode_complaint(complaint))
    return record(TopicName.STATE, complaint.complaint_id, value)


def test_a_complaint_counts_where_it_stands_last() -> None:
    world = to_status(Status.FOLLOWED_UP)
    board = Board()
    board.add([state(recorded.complaint) for recorded in world.history])
    assert board.by_status == {Status.FOLLOWED_UP: 1}

    world.tell(CLOSE, PANRB)
    board.add([state(world.stands)])
    assert board.by_status == {Status.CLOSED: 1}
    assert board.due_soon(10) == []


def test_one_at_rest_is_counted_once_whatever_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_map, "RECENT_BYTES", 0)
    world, board = to_status(Status.CLOSED), Board()
    board.add([state(recorded.complaint) for recorded in world.history])
    assert board.complaints == {}
    world.tell(RATE, CITIZEN)
    board.add([state(world.stands)])
    assert board.by_status == {Status.CLOSED: 1}
    board.add([record(TopicName.STATE, world.id, None)])
    assert board.by_status == {}


def test_the_next_deadline_of_each_complaint_is_named_soonest_first() -> None:
    board = Board()
    later = World(DEMO, MONDAY + seconds(1), name="later")
    sooner = World(DEMO, MONDAY, name="sooner")
    board.add([state(later.stands), state(sooner.stands)])

    due = [pair[0] for pair in board.due_soon(10)]
    assert [each.at for each in due] == [MONDAY + seconds(6), MONDAY + seconds(7)]
    assert due[0].clock is ClockName.VERIFICATION
    assert len(board.due_soon(1)) == 1


def test_what_is_overdue_and_what_is_an_incident() -> None:
    world = World(DEMO)
    world.notice("verification", after=seconds(7))
    board = Board()
    board.add([state(world.stands)])
    assert (board.pressing, board.incidents) == (1, 0)

    # without an office the ladder is the national administrator, then the ombudsman
    for _ in range(2):
        world.climb()
        world.notice("escalation", after=seconds(5))
    assert world.climb() == ("escalation-exhausted", None)
    board.add([state(world.stands)])
    assert (board.pressing, board.incidents) == (1, 1)

    world.tell(WithdrawComplaint(), CITIZEN)
    board.add([state(world.stands)])
    assert (board.pressing, board.incidents) == (0, 0)


def test_rejections_and_dead_letters_are_counted_and_rubbish_is_passed_over() -> None:
    board = Board()
    board.add(
        [
            record(TopicName.REJECTIONS, "a", b"{}"),
            record(TopicName.DEAD_LETTERS, "a", b"x", offset=0, stage=b"intake"),
            record(TopicName.DEAD_LETTERS, "b", b"x", offset=1, stage=b"intake"),
            record(TopicName.DEAD_LETTERS, "c", b"x", offset=2),
            record(TopicName.DEAD_LETTERS, "d", b"x", offset=3, stage=b"lifecycle"),
            record(TopicName.DEAD_LETTERS, "d", None, offset=4, discards=b"complaints.dead-letters-0@3"),
            record(TopicName.STATE, "d", b"rubbish"),
            record(TopicName.STATE, "e", None),
        ]
    )

    assert board.rejections == 1
    assert board.dead_letters == {"intake": 2, "unknown": 1}
    assert board.complaints == {}


def test_the_board_shows_all_of_it() -> None:
    world = World(DEMO)
    board = Board()
    board.add([state(world.stands), record(TopicName.DEAD_LETTERS, "x", b"", stage=b"intake")])
    console = Console(file=io.StringIO(), width=160)

    lag = {"intake": {0: 1200, 1: 34}, "sla": {0: 0}}
    console.print(view(board, lag, MONDAY + timedelta(seconds=4), DEMO.national_zone))

    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    for expected in (
        "registered",
        "1,234",
        "sla",
        "of intake",
        "2026-03-02 09:00:06 WIB",
        "verification",
        "1000000",
        "2 s",
    ):
        assert expected in said
