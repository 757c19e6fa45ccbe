"""The report of the samples: figures, and a line of advice for each fault."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from agents.ops.lag import LagReport, LagStatus, Severity
from agents.ops.lag.assess import Evidence, GroupView, group_lag, report
from agents.ops.lag.deadlines import Deadlines
from agents.ops.lag.findings import _TEXTS, BY_THE_CLOCK, ON_DEADLINES, STAGE_IMPACTS
from agents.ops.lag.rules import SEVERITY
from agents.ops.lag.samples import GroupSample, GroupState, Offsets, Source, Window
from agents.ops.lag.transactions import GRACE, LONGEST_TIMEOUT, OpenTransaction
from events.announcements import CALENDAR_KEY
from events.client import Record
from events.codec.encode import encode_complaint, encode_snapshot
from events.snapshot import Complaint
from events.topics import STAGES, TopicName
from tests.support.worlds import DEMO, MONDAY, World, seconds

NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
TOPIC = "commands"
BROKER = "kafka:9092"


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def window(*group_samples: Sequence[Offsets], state: GroupState = GroupState.STABLE, topic: str = TOPIC) -> Window:
    """One look a second at some partitions; the window is as long as they are."""
    found = Window(len(group_samples) - 1)
    for second, partitions in enumerate(group_samples):
        seen = {Source(topic, number): offsets for number, offsets in enumerate(partitions)}
        found.add(GroupSample(at(second), state, int(state is GroupState.STABLE), seen))
    return found


def offsets(position: int, end: int, *, start: int = 0, held: int = 0, owner: str | None = "w1 on 10.0.0.7") -> Offsets:
    return Offsets(position, position, start, end - held, end, owner)


def reported(seen: Window, *, stage: str | None = "lifecycle", evidence: Evidence | None = None) -> LagReport:
    view = GroupView(stage or "orders", stage, seen)
    known = evidence or Evidence()
    return report([view], [group_lag(view, known)], seen, known, BROKER)


CAUGHT_UP = [offsets(5, 5)]


def test_figures_of_a_group_are_those_of_its_partitions() -> None:
    seen = window([offsets(0, 100), offsets(7, 7)], [offsets(50, 110), offsets(7, 8)])
    evidence = Evidence({(Source(TOPIC, 0), 50): at(-60), (Source(TOPIC, 1), 7): at(1)})
    [group] = reported(seen, evidence=evidence).groups
    assert (group.lag, group.age, group.rate_in, group.rate_out) == (61, 61.0, 11.0, 50.0)
    first, second = group.partitions
    assert (first.lag, first.age, first.oldest_at, first.drain, first.status) == (
        60,
        61.0,
        at(-60),
        1.5,
        LagStatus.BEHIND,
    )
    # it was caught up, and has not moved since: there is no rate to go by
    assert (second.lag, second.drain, second.status) == (1, None, LagStatus.OK)
    assert group.drain is None
    assert [point.lag for point in group.trend] == [100, 61]
    assert group.waiting is not None
    assert group.waiting.startswith("up to 61 commands")
    assert group.severity is Severity.OK


def test_a_group_drains_as_long_as_its_slowest_partition() -> None:
    seen = window([offsets(0, 100), offsets(0, 100)], [offsets(50, 100), offsets(20, 100)])
    [group] = reported(seen).groups
    assert group.drain == 4.0


def test_all_is_well() -> None:
    found = reported(window(CAUGHT_UP, CAUGHT_UP))
    assert found.findings == ()
    assert found.severity is Severity.OK
    assert found.groups[0].waiting is None
    assert LagReport.model_validate_json(found.model_dump_json()) == found


def test_a_group_that_had_members_says_when() -> None:
    left = window(*[[offsets(5, 9, owner=None)]] * 3, state=GroupState.EMPTY)
    view = GroupView("lifecycle", "lifecycle", left, at(-10))
    [finding] = report([view], [group_lag(view, Evidence())], left, Evidence(), BROKER).findings
    assert finding.what.startswith("lifecycle has no members (the last on 2026-03-16 11:59:50 UTC) and has not moved")


STILL = [offsets(5, 9)]
LINES = [
    pytest.param(
        window(STILL, STILL, STILL),
        "lifecycle",
        "stalled: lifecycle has not moved for 2 s in commands partition 0: 4 offsets wait for w1 on 10.0.0.7; "
        "look at its log; if it is frozen, kill -9 it, and another member takes over; nothing is lost",
        id="stalled",
    ),
    pytest.param(
        window(*[[offsets(5, 9, owner=None)]] * 3),
        None,
        "stopped: no member of orders owns commands partition 0: it has not moved for 2 s, and 4 offsets wait; "
        "check whether its members still subscribe to the topic",
        id="stopped",
    ),
    pytest.param(
        window([offsets(0, 9)], [offsets(1, 19)], [offsets(4, 49)]),
        "intake",
        "growing: the lag of intake grew for 2 s in commands partition 0: 20.0 offsets/s written, 2.0 read; "
        "if it lasts longer than a burst, add workers of lifecycle, up to one per partition",
        id="growing",
    ),
    pytest.param(
        window([offsets(8, 9)], [offsets(2, 9)]),
        "lifecycle",
        "rewound: the committed offset of lifecycle went back in commands partition 0: records are read again; "
        "unless it was reset, look for two consumers that commit for the same group; the stage recognizes repeats",
        id="rewound",
    ),
    pytest.param(
        window([offsets(5, 9, start=7)]),
        "lifecycle",
        "lost-records: 2 offsets of commands partition 0 were deleted before lifecycle had read them; raise the "
        "retention (kafka-configs.sh --alter --topic commands --add-config retention.ms=...), and run alur audit "
        "to see what is missing",
        id="lost",
    ),
    pytest.param(
        window([offsets(5, 3)]),
        None,
        "beyond-end: orders has committed offsets beyond the end of commands partition 0 (5 of 3); the topic was "
        "recreated or truncated: stop the group, then kafka-consumer-groups.sh --reset-offsets",
        id="beyond the end",
    ),
    pytest.param(
        window(*[[offsets(8, 9, owner=None)]] * 3, state=GroupState.EMPTY),
        "lifecycle",
        "empty: lifecycle has no members and has not moved for 2 s: 1 offset waits; start a worker: alur run "
        "lifecycle; if its process still exists, it is frozen: kill -9 it first, nothing is lost",
        id="empty",
    ),
    pytest.param(
        window(*[[offsets(5, 5, owner=None)]] * 3, state=GroupState.EMPTY),
        "sla",
        "empty: sla has no members and has not moved for 2 s: deadlines pass unnoticed; start a worker: alur run sla; "
        "if its process still exists, it is frozen: kill -9 it first, nothing is lost",
        id="empty, without lag",
    ),
    pytest.param(
        window(*[[offsets(5, 9, owner=None)]] * 3, state=GroupState.REBALANCING),
        None,
        "rebalancing: orders has been rebalancing for 2 s; look in the logs of its members for one that keeps joining "
        "and leaving, and stop it",
        id="rebalancing",
    ),
]


@pytest.mark.parametrize(("seen", "stage", "line"), LINES)
def test_each_fault_is_one_line_with_what_to_do(seen: Window, stage: str | None, line: str) -> None:
    [finding] = reported(seen, stage=stage).findings
    assert str(finding) == line
    assert finding.severity is SEVERITY[finding.status]


def test_every_status_that_is_a_fault_has_its_line() -> None:
    of_partitions = {status for status in LagStatus if SEVERITY[status] is not Severity.OK}
    assert _TEXTS.keys() == of_partitions - {LagStatus.IDLE, LagStatus.EMPTY, LagStatus.REBALANCING, LagStatus.HANGING}


def test_records_lost_by_a_group_without_members_are_reported_too() -> None:
    deserted = [offsets(5, 9, owner=None), offsets(1, 9, start=3, owner=None)]
    found = reported(window(*[deserted] * 3, state=GroupState.EMPTY))
    assert [finding.status for finding in found.findings] == [LagStatus.LOST, LagStatus.EMPTY]


class TestTransactions:
    SEEN = window(*[[offsets(5, 9, held=4), offsets(5, 7, held=2)]] * 3)
    NOW = at(2)

    def transaction(self, number: int = 0, **known: object) -> OpenTransaction:
        return OpenTransaction(Source(TOPIC, number), 5, **known)  # type: ignore[arg-type]  # fields by name

    def line(self, *transactions: OpenTransaction) -> tuple[str, Severity]:
        found = reported(self.SEEN, evidence=Evidence(transactions=transactions))
        [finding] = found.findings
        assert finding.status is found.groups[0].status is LagStatus.HANGING
        assert finding.severity is found.groups[0].severity
        return str(finding), finding.severity

    def test_one_that_kafka_will_end(self) -> None:
        known = {"producer_id": 7, "transactional_id": "x", "started_at": at(-38), "timeout": timedelta(minutes=1)}
        line, severity = self.line(self.transaction(0, **known), self.transaction(1, **known))
        assert line == (
            "hanging-transaction: a transaction of 'x' has been open for 40 s in commands partitions 0, 1 and "
            "blocks 6 offsets for lifecycle; look for its producer; Kafka aborts it soon after 12:00:22 UTC"
        )
        assert severity is Severity.WARNING

    def test_one_whose_timeout_has_passed_hangs_for_good(self) -> None:
        timeout = timedelta(minutes=1)
        started = self.NOW - timeout - GRACE
        line, severity = self.line(self.transaction(transactional_id="x", started_at=started, timeout=timeout))
        assert severity is Severity.WARNING
        started -= timedelta(milliseconds=1)
        line, severity = self.line(self.transaction(transactional_id="x", started_at=started, timeout=timeout))
        assert severity is Severity.ERROR
        assert line.endswith(
            "it will not end by itself: kafka-transactions.sh --bootstrap-server kafka:9092 abort "
            "--topic commands --partition 0 --start-offset 5"
        )

    def test_one_that_the_coordinator_does_not_tell_of_is_given_the_longest_time(self) -> None:
        written = self.NOW - LONGEST_TIMEOUT - GRACE
        line, severity = self.line(self.transaction(producer_id=7, written_at=written))
        assert severity is Severity.WARNING
        assert "a transaction of producer 7, which the coordinator does not report, has been open for 960 s" in line
        written -= timedelta(milliseconds=1)
        assert self.line(self.transaction(producer_id=7, written_at=written))[1] is Severity.ERROR

    def test_one_that_we_may_not_see_into(self) -> None:
        line, severity = self.line(self.transaction())
        assert "a transaction that this user has no right to see has been open for the whole window in" in line
        assert severity is Severity.WARNING


def test_each_stage_has_a_meaning() -> None:
    assert STAGE_IMPACTS.keys() == STAGES.keys()
    assert STAGES.keys() >= ON_DEADLINES >= BY_THE_CLOCK


class TestDeadlines:
    @staticmethod
    def record(complaint: Complaint, partition: int = 0, *, value: bytes | None = None) -> Record:
        snapshot = value if value is not None else encode_snapshot(complaint, encode_complaint(complaint))
        return Record(TopicName.STATE, partition, 0, MONDAY, complaint.complaint_id.encode(), snapshot, {})

    def test_those_that_pass_before_the_stage_has_caught_up_are_counted(self) -> None:
        sooner, later = World(DEMO, MONDAY, name="sooner"), World(DEMO, MONDAY + seconds(10), name="later")
        known = Deadlines()
        known.add([self.record(sooner.complaint), self.record(later.complaint, 1)])
        due = sorted(clock.due_at for clock in sooner.complaint.clocks.values() if clock.due_at is not None)
        found = known.at_stake([0, 1], due[0] - seconds(1), 1.0)
        assert (found.passed, found.due, found.drained, found.until) == (0, 1, True, due[0])
        assert known.at_stake([1], due[0] - seconds(1), 1.0).due == 0
        assert known.at_stake([0], due[0] + seconds(1), 0.0).passed == 1
        without_an_end = known.at_stake([0, 1], MONDAY, None)
        assert without_an_end.due == len(sooner.complaint.clocks) + len(later.complaint.clocks)
        assert (without_an_end.drained, without_an_end.until) == (False, MONDAY + timedelta(hours=24))

    def test_a_clock_that_stopped_is_not(self) -> None:
        world = World(DEMO, MONDAY)
        known = Deadlines()
        known.add([self.record(world.complaint)])
        assert known.at_stake([0], MONDAY, None).due > 0
        calendar = Record(TopicName.STATE, 0, 1, MONDAY, CALENDAR_KEY, b"{}", {})
        known.add([calendar, self.record(world.complaint, value=b"no snapshot")])
        assert known.at_stake([0], MONDAY, None).due > 0
        world.notice("verification", after=seconds(7))
        before = known.at_stake([0], MONDAY, None).due
        known.add([self.record(world.complaint)])
        assert known.at_stake([0], MONDAY, None).due != before
        forgotten = Record(TopicName.STATE, 0, 2, MONDAY, world.complaint.complaint_id.encode(), None, {})
        known.add([forgotten])
        assert known.at_stake([0], MONDAY, None).due == 0
