"""The data sent to the page is bounded."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agents.config.settings import Settings
from agents.dashboard.complaint_row import Deadline, hour_of, read_row
from agents.dashboard.figures import DAYS, MOST_LISTED, OFFICES, REASONS, DisplayContext, Sources, figures, flow, funnel
from agents.dashboard.lag_trend import SAMPLES, SHOWN_OF, Trend, Trends, trend
from agents.dashboard.projector import Projector
from agents.dashboard.read_model import HourCounts, ReadModel
from agents.ops.dead_letters.open_letters import OpenDeadLetters, Reason
from agents.ops.lag import GroupLag, LagReport, LagStatus, Severity
from agents.ops.lag.samples import GroupState
from events.client import Record
from events.client.errors import BrokerUnreachable, KafkaRefused
from events.codec.encode import encode_complaint, encode_snapshot
from events.topics import TopicName
from events.vocabulary import ClockName, Status
from tests.support.worlds import DEMO, MONDAY, World, seconds, to_status

JAKARTA = ZoneInfo("Asia/Jakarta")
AROUND = DisplayContext(JAKARTA, {"denpasar-pupr": "Dinas PUPR Kota Denpasar"})


@dataclass
class Crowd:
    """Complaints in given statuses."""

    read_model: ReadModel = field(default_factory=ReadModel)

    def add(self, count: int, status: Status, **changes: Any) -> None:
        complaint = to_status(status).complaint
        row = read_row(encode_snapshot(complaint, encode_complaint(complaint)))
        shape = {name: changes.pop(name) for name in ("office", "exhausted") if name in changes}
        row = row._replace(shape=row.shape._replace(**shape), **changes)
        for _ in range(count):
            number = len(self.read_model)
            self.read_model.put(number.to_bytes(16), row._replace(tracking_id=str(1_000_000 + number)))

    def figures(self, sources: Sources | None = None, now: datetime = MONDAY) -> dict[str, Any]:
        self.read_model.advance_to(int(now.timestamp()))
        found: dict[str, Any] = json.loads(figures(self.read_model, sources or Sources(), now, AROUND))
        return found


@pytest.mark.long
def test_it_stays_small_whatever_there_is() -> None:
    crowd, due = Crowd(), Deadline(int(MONDAY.timestamp()) + 60, ClockName.FOLLOW_UP)
    for number in range(300):
        office = f"office-{number}-" + "x" * 500
        crowd.add(2, Status.DISPOSED, office=office, due=due, missed=due._replace(at=due.at - 120), exhausted=True)
    letters = Counter({Reason("s" * 5_000, f"{number}" * 500): 1 for number in range(1_000)})
    crowd.read_model.advance_to(int(MONDAY.timestamp()))
    sent = figures(crowd.read_model, Sources(letters=letters), MONDAY, AROUND)
    assert len(sent) < 30_000
    found = json.loads(sent)
    assert [len(found[name]) for name in ("next", "longest", "incidents")] == [MOST_LISTED] * 3
    assert len(found["offices"]["rows"]) == OFFICES
    assert found["offices"]["others"]["offices"] == 300 - OFFICES
    rows = [*found["offices"]["rows"], found["offices"]["others"]]
    assert [sum(row[name] for row in rows) for name in ("open", "due_soon", "overdue", "exhausted")] == [600] * 4
    assert len(found["letters"]["rows"]) == REASONS
    assert (found["letters"]["total"], found["letters"]["others"]) == (1_000, 1_000 - REASONS)


def test_offices_that_are_late_come_first_and_have_their_names() -> None:
    crowd, missed = Crowd(), Deadline(int(MONDAY.timestamp()) - 60, ClockName.FOLLOW_UP)
    crowd.add(5, Status.DISPOSED, office="badung")
    crowd.add(2, Status.DISPOSED, missed=missed)
    crowd.add(1, Status.REGISTERED)
    rows = crowd.figures()["offices"]["rows"]
    assert [(row["office"], row["open"], row["overdue"]) for row in rows] == [
        ("Dinas PUPR Kota Denpasar", 2, 2),
        ("badung", 5, 0),
        (None, 1, 0),
    ]


def test_an_incident_has_the_deadline_that_passed_without_a_notice() -> None:
    crowd, passed = Crowd(), Deadline(int(MONDAY.timestamp()) - 60, ClockName.FOLLOW_UP)
    crowd.add(1, Status.DISPOSED, exhausted=True, due=passed)
    [incident] = crowd.figures()["incidents"]
    assert (incident["clock"], datetime.fromisoformat(incident["due"])) == ("follow_up", MONDAY - timedelta(minutes=1))


def test_the_funnel_counts_how_far_they_came() -> None:
    crowd = Crowd()
    for count, status in enumerate(Status, start=1):
        crowd.add(count, status)
    # registered 1, postponed 2, verified 3, disposed 4, returned 5, followed up 6, replied 7, closed 8, archived 9, ...
    assert funnel(crowd.read_model) == {"received": 55, "verified": 33, "disposed": 30, "followed_up": 21, "closed": 8}


def test_a_thread_that_fails_is_reported() -> None:
    errors: list[Exception] = []
    projector = Projector(Settings(), AROUND, lambda _: None, errors.append)
    projector.run(lambda: None)
    assert errors == []
    mistake = KeyError("x")

    def fail() -> None:
        raise mistake

    projector.run(fail)
    assert errors == [mistake]


def test_the_rights_of_one_thread_do_not_affect_another() -> None:
    projector = Projector(Settings(), AROUND, lambda _: None, lambda _: None)
    projector.report_failure("records", KafkaRefused("no"))
    projector.report_failure("lag", BrokerUnreachable("127.0.0.1:1"))
    projector.report_recovery("lag")
    assert projector.sources.trouble == "refused", "the records still cannot be read"
    projector.report_recovery("records")
    assert projector.sources.trouble is None


def test_figures_are_of_the_time_when_the_records_were_lost() -> None:
    projector = Projector(Settings(), AROUND, lambda _: None, lambda _: None)

    def lost_at() -> datetime | None:
        return projector.sources.records_lost_at

    projector.report_failure("lag", BrokerUnreachable("127.0.0.1:1"))
    assert lost_at() is None, "the records are still read"
    projector.report_failure("records", BrokerUnreachable("127.0.0.1:1"))
    since = lost_at()
    assert since is not None
    projector.report_failure("records", BrokerUnreachable("127.0.0.1:1"))
    projector.report_recovery("lag")
    assert lost_at() is since
    projector.report_recovery("records")
    assert lost_at() is None


class TestFlow:
    def test_days_end_in_the_zone(self) -> None:
        last_of_sunday = datetime(2026, 3, 1, 16, 59, tzinfo=UTC)
        hours = {hour_of(last_of_sunday): HourCounts(received=1), hour_of(last_of_sunday) + 1: HourCounts(closed=1)}
        days = flow(hours, MONDAY, JAKARTA)["days"]
        assert len(days) == DAYS
        assert [(str(day["day"]), day["received"], day["closed"]) for day in days[:2]] == [
            ("2026-03-02", 0, 1),
            ("2026-03-01", 1, 0),
        ]

    def test_the_last_day_is_the_last_24_hours(self) -> None:
        now = hour_of(MONDAY)
        hours = {now: HourCounts(1, 1), now - 23: HourCounts(1, 0, 1), now - 24: HourCounts(1, 0, 0, 1)}
        assert flow(hours, MONDAY, JAKARTA)["day"] == {"received": 2, "closed": 1, "archived": 1, "withdrawn": 0}


def test_a_deadline_is_soon_from_24_hours_before_it_on() -> None:
    crowd = Crowd()
    due = MONDAY + timedelta(hours=30)
    crowd.add(1, Status.DISPOSED, due=Deadline(int(due.timestamp()), ClockName.FOLLOW_UP))
    assert crowd.figures()["due_soon"] == 0
    later = crowd.figures(now=MONDAY + timedelta(hours=6))
    assert later["due_soon"] == 1
    assert later["next"] == [
        {
            "tracking": "1000000",
            "status": "disposed",
            "office": "Dinas PUPR Kota Denpasar",
            "why": "follow-up",
            "secret": False,
            "clock": "follow_up",
            "due": "2026-03-03T08:00:00Z",
        }
    ]


def test_missing_rights_are_not_shown_as_zero() -> None:
    world = World(DEMO, secret=True)
    world.notice("verification", after=seconds(7))
    found = Crowd().figures(Sources(lag=None, letters=None, trouble="unreachable"))
    assert (found["lag"], found["letters"], found["trouble"]) == (None, None, "unreachable")


def letter(offset: int, **headers: bytes) -> Record:
    return Record(TopicName.DEAD_LETTERS, 0, offset, MONDAY, b"k", None, headers)


def test_letters_count_by_reason_until_they_are_dealt_with() -> None:
    letters = OpenDeadLetters()
    for offset in range(3):
        letters.add(letter(offset, stage=b"intake", code=b"not-json"))
    letters.add(letter(3))
    letters.add(letter(4, replayed=b"complaints.dead-letters-0@1"))
    letters.add(letter(5, discards=b"complaints.dead-letters-0@3"))
    letters.add(letter(6, discards=b"complaints.dead-letters-0@3"))
    assert letters.by_reason == {Reason("intake", "not-json"): 2}


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([], Trend.LEVEL),
        ([100], Trend.LEVEL),
        ([0, 0, 0], Trend.LEVEL),
        ([100, 104, 98, 101, 103, 100], Trend.LEVEL),
        ([0, 10, 20, 30, 40, 50], Trend.RISING),
        ([5_000, 4_000, 3_000, 2_000, 1_000, 0], Trend.FALLING),
    ],
)
def test_the_trend_of_the_lag(series: list[int], expected: Trend) -> None:
    assert trend(series) is expected


def look(status: LagStatus = LagStatus.STALLED, **behind: int) -> LagReport:
    groups = tuple(
        GroupLag(
            group=f"t1.{stage}",
            stage=stage,
            topics=(),
            state=GroupState.STABLE,
            members=1,
            status=status if lag else LagStatus.OK,
            severity=Severity.ERROR if lag else Severity.OK,
            lag=lag,
            age=lag / 2,
            rate_in=None,
            rate_out=None,
            drain=None,
            waiting=None,
            deadlines=None,
            partitions=(),
            trend=(),
        )
        for stage, lag in behind.items()
    )
    return LagReport(at=MONDAY, window=30, complete=True, groups=groups, findings=())


@pytest.mark.parametrize(
    ("status", "lag", "expected"),
    [
        (LagStatus.GROWING, 4, "ok"),
        (LagStatus.GROWING, 40, "growing"),
        (LagStatus.BEHIND, 4, "ok"),
        (LagStatus.STALLED, 4, "stalled"),
    ],
)
def test_what_is_on_its_way_is_not_behind(status: LagStatus, lag: int, expected: str) -> None:
    trends = Trends()
    trends.add(look(status, sla=lag))  # as many records as half seconds
    assert trends.rows()[0]["status"] == expected


def test_the_number_of_lag_samples_is_bounded() -> None:
    trends = Trends()
    for number in range(SAMPLES + 40):
        for _ in range(SHOWN_OF):
            trends.add(look(sla=number, intake=0))
    rows = {row["stage"]: row for row in trends.rows()}
    assert rows["sla"]["series"] == list(range(40, SAMPLES + 40))
    assert (rows["sla"]["behind"], rows["sla"]["trend"]) == (SAMPLES + 39, Trend.RISING)
    assert (rows["sla"]["status"], rows["sla"]["severity"], rows["sla"]["age"]) == ("stalled", "error", 50)
    assert rows["intake"]["trend"] is Trend.LEVEL
