"""The counts of the read model equal a full recount."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dashboard.complaint_row import HOUR_S, ComplaintRow, Deadline, RowShape, read_row
from agents.dashboard.read_model import DAY_S, FOLLOWERS, HourCounts, OfficeCounts, ReadModel
from agents.runtime import disk_map
from events.codec.encode import encode_complaint, encode_snapshot
from events.commands import WithdrawComplaint
from events.errors import Undecodable
from events.snapshot import Complaint
from events.vocabulary import OPEN, ClockName, Status
from tests.support.tables import every
from tests.support.worlds import CITIZEN, CLOSE, DEMO, DISPOSE, MONDAY, PANRB, VERIFY, World, seconds, to_status

NOW = 1_800_000_000
ENDS = (Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN)


def read(complaint: Complaint) -> ComplaintRow:
    return read_row(encode_snapshot(complaint, encode_complaint(complaint)))


deadlines = st.none() | st.builds(
    Deadline,
    st.integers(NOW - 2 * DAY_S, NOW + 4 * DAY_S),
    st.sampled_from(["follow_up", "settlement"]).map(ClockName),
)


@st.composite
def standings(draw: st.DrawFn) -> dict[str, Any]:
    status = draw(st.sampled_from(Status))
    is_open = status in OPEN
    return {
        "shape": RowShape(
            status,
            draw(st.sampled_from([None, "denpasar", "badung"])),
            draw(st.booleans()),
            is_open and draw(st.booleans()),
            draw(st.booleans()),
            draw(st.sampled_from([None, "verification"])) if is_open else None,
            draw(st.sampled_from([None, "drainase"])),
            draw(st.integers(0, 2)),
        ),
        "received": draw(st.integers(NOW - 3 * HOUR_S, NOW)),
        "closed": None if is_open else draw(st.integers(NOW - 3 * HOUR_S, NOW)),
        "due": draw(deadlines) if is_open else None,
        "missed": draw(deadlines) if is_open else None,
    }


keys = st.sampled_from([bytes([number]) * 16 for number in range(6)])
steps = st.lists(
    st.tuples(st.just("put"), keys, standings())
    | st.tuples(st.just("forget"), keys, st.none())
    | st.tuples(st.just("at"), st.integers(0, 3 * DAY_S), st.none()),
    max_size=60,
)


def recount(last: dict[bytes, ComplaintRow], now: int) -> dict[str, Any]:
    """Count anew, without a thought for speed."""
    horizon = now + DAY_S
    offices: dict[str | None, OfficeCounts] = {}
    for office in {each.shape.office for each in last.values()}:
        mine = [
            each for each in last.values() if each.shape.office == office and each.shape.open and not each.shape.secret
        ]
        counts = OfficeCounts(
            open=len(mine),
            due_soon=sum(each.due is not None and now <= each.due.at <= horizon for each in mine),
            overdue=sum(each.deadline is not None and each.deadline.at < now for each in mine),
            exhausted=sum(each.shape.exhausted for each in mine),
        )
        if mine:
            offices[office] = counts
    hours: Counter[tuple[int, str]] = Counter()
    for each in last.values():
        hours[each.received // HOUR_S, "received"] += 1
        if each.closed is not None:
            hours[each.closed // HOUR_S, each.shape.status.value] += 1
    due = sorted((each.due.at, key) for key, each in last.items() if each.due is not None)
    deadlines = sorted((each.deadline.at, key) for key, each in last.items() if each.deadline is not None)
    passed = [(at, key) for at, key in deadlines if at < now]
    return {
        "complaints": len(last),
        "by_status": Counter(each.shape.status for each in last.values()),
        "disposed": sum(each.shape.disposed for each in last.values()),
        "due_soon": sum(now <= at <= horizon for at, _ in due),
        "overdue": len(passed),
        "exhausted": sum(each.shape.exhausted for each in last.values()),
        "offices": offices,
        "hours": {
            hour: HourCounts(*(hours[hour, name] for name in HourCounts._fields))
            for hour in {hour for hour, _ in hours}
        },
        "next": [last[key] for at, key in due if at >= now][:3],
        "longest": [last[key] for _, key in passed[:3]],
    }


def counted(board: ReadModel) -> dict[str, Any]:
    return {
        "complaints": len(board),
        "by_status": +board.by_status,
        "disposed": board.disposed,
        "due_soon": board.due_soon,
        "overdue": board.overdue,
        "exhausted": board.exhausted,
        "offices": board.offices,
        "hours": board.hours,
        "next": board.next_due(3),
        "longest": board.longest_overdue(3),
    }


@pytest.fixture(params=[0, disk_map.RECENT_BYTES], scope="module", autouse=True)
def _in_memory_or_on_disk(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk_map, "RECENT_BYTES", request.param)
        yield


@given(steps)
def test_the_fold_is_a_recount(taken: list[tuple[str, Any, Any]]) -> None:
    board, last, now = ReadModel(), dict[bytes, ComplaintRow](), NOW
    board.advance_to(now)
    for version, (what, which, how) in enumerate(taken, start=1):
        if what == "at":
            now = max(now, NOW + which)
            board.advance_to(now)
        elif what == "forget":
            last.pop(which, None)
            board.forget(which)
        else:
            last[which] = ComplaintRow(tracking_id=str(which[0]), version=version, **how)
            board.put(which, last[which])
        assert counted(board) == recount(last, now)
    for key, row in last.items():
        assert board.get(key) == board.find(row.tracking_id) == (key, row)


def test_older_snapshots_are_skipped() -> None:
    world = to_status(Status.CLOSED)
    board = ReadModel()
    for recorded in (*world.history, *world.history[:2]):
        board.put(b"a" * 16, read(recorded.complaint))
    assert +board.by_status == {Status.CLOSED: 1}


def test_replaced_deadlines_use_no_memory() -> None:
    """A complaint whose deadline moves thousands of times takes no more memory than another."""
    world, board = World(), ReadModel()
    row = read(world.complaint)
    for version in range(4_000):
        due = Deadline(NOW + 10 * DAY_S + version, ClockName.FOLLOW_UP)
        board.put(b"a" * 16, row._replace(version=version + 2, due=due))
        if version % 100 == 0:
            board.advance_to(NOW)
    assert len(board._due) == 1  # noqa: SLF001 -- its size is not public


class TestReading:
    def test_the_first_obligation_counts_and_not_what_waits_for_the_citizen(self) -> None:
        world = to_status(Status.DISPOSED)
        due = min(world.due("follow_up"), world.due("settlement"))
        assert read(world.complaint).due == (int(due.timestamp()), ClockName.FOLLOW_UP)
        assert read(to_status(Status.FOLLOWED_UP).complaint).due is None
        assert read(to_status(Status.POSTPONED).complaint).due is None

    def test_a_missed_deadline_counts_until_what_it_was_for_is_there(self) -> None:
        world = World(DEMO)
        due = world.due("verification")
        world.notice("verification", after=seconds(7))
        assert read(world.complaint).missed == (int(due.timestamp()), ClockName.VERIFICATION)
        world.send(VERIFY, PANRB)
        assert read(world.complaint).missed is None

    def test_status_office_and_times_of_a_row(self) -> None:
        world = to_status(Status.VERIFIED, secret=True)
        row = read(world.complaint)
        assert row.shape == RowShape(
            Status.VERIFIED, None, disposed=False, exhausted=False, secret=True, why="disposition"
        )
        assert (row.tracking_id, row.version, row.closed) == ("1000000", 2, None)
        assert row.received == MONDAY.timestamp()
        world.send(DISPOSE, PANRB)
        assert read(world.complaint).shape.office == "denpasar-pupr"
        assert read(world.complaint).shape.disposed
        world.send(WithdrawComplaint(), CITIZEN, after=timedelta(hours=2))
        assert read(world.complaint).closed == MONDAY.timestamp() + 2 * HOUR_S

    def test_a_used_up_ladder_is_an_incident_while_the_complaint_is_open(self) -> None:
        world = World(DEMO)
        world.notice("verification", after=seconds(7))
        for _ in range(2):
            world.climb()
            world.notice("escalation", after=seconds(5))
        world.climb()
        assert read(world.complaint).shape.exhausted
        world.send(WithdrawComplaint(), CITIZEN)
        assert not read(world.complaint).shape.exhausted

    def test_nothing_of_what_people_wrote_is_kept(self) -> None:
        world = to_status(Status.FOLLOWED_UP, title="Nama saya Ni Luh Contoh")
        kept = repr(read(world.complaint))
        assert "Ni Luh" not in kept
        assert "Denpasar" not in kept

    def test_the_category_is_kept_unless_it_is_secret(self) -> None:
        kept = [
            read(to_status(Status.FOLLOWED_UP, category="narkoba", secret=secret).complaint) for secret in (False, True)
        ]
        assert [each.shape.category for each in kept] == ["narkoba", None]

    @every([b"", b"rubbish", b"{}", b'{"data":{"complaint":{}}}', b',"data":{"complaint":{}}}'])
    def test_an_invalid_snapshot_is_refused(self, raw: bytes) -> None:
        with pytest.raises(Undecodable):
            read_row(raw)

    def test_a_closed_complaint_has_no_deadline(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        world.send(CLOSE, PANRB)
        assert read(world.complaint)[-2:] == (None, None)


def test_of_many_complaints_that_follow_one_the_first_are_given() -> None:
    model, one = ReadModel(), read(to_status(Status.DISPOSED).complaint)
    for number in range(FOLLOWERS + 10):
        later = one._replace(tracking_id=f"2{number:06d}", follows=one.tracking_id)
        model.put(number.to_bytes(16), later)
    assert model.followers(b"k" * 16, one) == [f"2{number:06d}" for number in range(FOLLOWERS)]
