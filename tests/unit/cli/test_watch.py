"""`alur watch` shows the read model of the dashboard."""

import io
from datetime import timedelta
from uuid import UUID

from rich.console import Console

from agents.cli.watch import Overview, view
from agents.config.settings import Settings
from agents.dashboard.figures import DisplayContext
from events.client import Record
from events.codec.encode import encode_complaint, encode_snapshot
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import ClockName, Status
from tests.support.worlds import DEMO, MONDAY, World, seconds, to_status


def record(topic: TopicName, key: str, value: bytes | None, *, offset: int = 0, **headers: bytes) -> Record:
    return Record(topic, 0, offset, MONDAY, key.encode(), value, headers)


def state(complaint: Complaint) -> Record:
    value = encode_snapshot(complaint, encode_complaint(complaint))
    return record(TopicName.STATE, complaint.complaint_id, value)


def test_rejections_and_dead_letters_are_counted_and_rubbish_is_skipped() -> None:
    overview = Overview()
    overview.add(
        [
            record(TopicName.REJECTIONS, "a", b"{}"),
            record(TopicName.DEAD_LETTERS, "a", b"x", offset=0, stage=b"intake"),
            record(TopicName.DEAD_LETTERS, "b", b"x", offset=1, stage=b"intake"),
            record(TopicName.DEAD_LETTERS, "c", b"x", offset=2),
            record(TopicName.DEAD_LETTERS, "d", b"x", offset=3, stage=b"lifecycle"),
            record(TopicName.DEAD_LETTERS, "d", None, offset=4, discards=b"complaints.dead-letters-0@3"),
            record(TopicName.STATE, str(UUID(int=1)), b"rubbish"),
            record(TopicName.STATE, str(UUID(int=2)), None),
            record(TopicName.STATE, "calendar", b"rubbish"),
        ]
    )

    assert (overview.rejections, overview.unreadable, len(overview.read_model)) == (1, 1, 0)
    assert overview.letters.by_reason.total() == 3


def test_the_overview_shows_all_of_it() -> None:
    late, next_due = World(DEMO, name="late"), World(DEMO, MONDAY + seconds(6), name="next")
    late.notice("verification", after=seconds(7))
    overview = Overview()
    overview.add(
        [state(late.complaint), state(next_due.complaint), record(TopicName.DEAD_LETTERS, "x", b"", stage=b"intake")]
    )
    console = Console(file=io.StringIO(), width=160)

    lag = {"intake": {0: 1200, 1: 34}, "sla": {0: 0}}
    console.print(view(overview, lag, MONDAY + timedelta(seconds=10), DisplayContext.of(DEMO, Settings())))

    assert isinstance(console.file, io.StringIO)
    output = console.file.getvalue()
    for expected in (
        "registered",
        "1,234",
        "sla",
        "of intake",
        "overdue                   1",
        "2026-03-02 09:00:06 WIB",
        "4 s over",
        "2026-03-02 09:00:12 WIB",
        "(verification)",
        "1000000",
        "2 s",
    ):
        assert expected in output
    assert output.index("4 s over") < output.index("09:00:12 WIB"), "missed deadlines come first"


def test_clocks_that_expire_without_a_breach_are_no_deadlines() -> None:
    world = to_status(Status.FOLLOWED_UP)
    overview = Overview()
    overview.add([state(world.complaint)])
    clocks = world.complaint.clocks
    assert ClockName.CITIZEN_REPLY in clocks
    assert [row.due.clock for row in overview.read_model.next_due(9) if row.due] == [
        name for name in (ClockName.SETTLEMENT,) if name in clocks and clocks[name].running
    ]
