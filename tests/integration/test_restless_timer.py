"""The sla stage is killed after each notice: each deadline is breached once, as the log alone shows."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from agents.ops.audit import audit
from events.codec.decode import decode_fact
from events.facts import DeadlineBreached, Recorded
from events.snapshot import Complaint
from events.vocabulary import ClockName
from tests.support.engines import WAIT_SECONDS, Engine, report_event

REPORTS = 40
GROUPS = 4
"""Each is sent after a kill, so that its first breach is the reason of another one, however slow the machine is."""
BREACHED = {ClockName.VERIFICATION, ClockName.FOLLOW_UP, ClockName.SETTLEMENT, ClockName.ESCALATION}
"""The others settle the complaint when they have passed."""
PAUSE_SECONDS = 0.1
"""Between reads of all histories, which take processor time from the stages."""

Missed = tuple[str, ClockName, float]


def _histories(engine: Engine) -> dict[str, list[Recorded]]:
    histories: dict[str, list[Recorded]] = {}
    for message in engine.read("complaints.events"):
        recorded = decode_fact(message.value())
        histories.setdefault(recorded.complaint.complaint_id, []).append(recorded)
    return histories


def _running(complaint: Complaint) -> Iterator[tuple[ClockName, float]]:
    for name, clock in complaint.clocks.items():
        if clock.running and clock.due_at is not None:
            yield name, clock.due_at.timestamp()


def _expected(histories: dict[str, list[Recorded]]) -> set[Missed]:
    """Each deadline that was still running when a later fact was written: from timestamps alone."""
    return {
        (complaint, name, due)
        for complaint, history in histories.items()
        for before, after in pairwise(history)
        for name, due in _running(before.complaint)
        if name in BREACHED and due < after.at.timestamp()
    }


def _recorded_breaches(histories: dict[str, list[Recorded]]) -> Counter[Missed]:
    return Counter(
        (complaint, recorded.fact.clock, recorded.fact.due_at.timestamp())
        for complaint, history in histories.items()
        for recorded in history
        if isinstance(recorded.fact, DeadlineBreached)
    )


def _nothing_runs(histories: dict[str, list[Recorded]]) -> bool:
    return len(histories) == REPORTS and not any(
        True for history in histories.values() for _ in _running(history[-1].complaint)
    )


def test_each_breach_is_recorded_once_however_often_the_timer_is_killed(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start()
    reports = [report_event(f"restless-{number}", reporter=None) for number in range(REPORTS)]
    groups = [reports[number::GROUPS] for number in range(GROUPS)]
    engine.send_reports(groups.pop())
    killed, noticed, end = 0, 0, time.monotonic() + 3 * WAIT_SECONDS
    while not _nothing_runs(histories := _histories(engine)):
        assert time.monotonic() < end, "deadlines are forgotten, or the timer never gets to them"
        if _recorded_breaches(histories).total() > noticed:
            engine.kill("sla")
            engine.start("sla")
            killed, noticed = killed + 1, _recorded_breaches(_histories(engine)).total()
            engine.send_reports(groups.pop() if groups else [])
        time.sleep(PAUSE_SECONDS)
    recorded = _recorded_breaches(histories)
    assert killed >= GROUPS
    assert len(recorded) >= 3 * REPORTS, "each office is late, and each rung above it, and the whole"
    assert recorded == Counter(_expected(histories))
    engine.await_quiet()
    assert audit(engine.settings, live=True).violations == []
