"""`alur status`: one line, one exit status."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.cli.status import in_words_of_waiting, summary
from agents.dashboard.projection import read_model_now
from agents.ops.lag.report import GroupLag, LagFinding, LagReport
from agents.ops.lag.rules import LagStatus, Severity
from agents.ops.lag.samples import GroupState
from events.topics import STAGES
from tests.support.in_memory import in_memory

AT = datetime(2026, 3, 2, tzinfo=UTC)
STOPPED = LagFinding(
    status=LagStatus.STOPPED,
    severity=Severity.ERROR,
    group="sla",
    topic=None,
    partitions=(),
    what="it stopped",
    todo="start it",
)


def group(stage: str, members: int, lag: int = 0) -> GroupLag:
    return GroupLag(
        group=stage, stage=stage, topics=(), state=GroupState.STABLE, members=members, status=LagStatus.OK,
        severity=Severity.OK, lag=lag, age=0.0, rate_in=None, rate_out=None, drain=None, waiting=None, deadlines=None,
        partitions=(), trend=(),
    )  # fmt: skip


def report(*groups: GroupLag, findings: tuple[LagFinding, ...] = ()) -> LagReport:
    return LagReport(at=AT, window=3.0, complete=True, groups=groups, findings=findings)


@pytest.mark.parametrize(
    ("found", "line", "works"),
    [
        (report(group("sla", 1, 3), group("intake", 2)), "ok, 2 stages work, lag of 3 records", True),
        (report(group("sla", 1)), "ok, 1 stage works, no lag", True),
        (report(group("sla", 0), group("intake", 0)), "no stage runs: start them with alur run", False),
        (report(group("sla", 1), group("intake", 0)), "no worker of intake: alur run intake", False),
        (
            report(group("sla", 1), findings=(STOPPED, STOPPED)),
            "stopped: it stopped; start it (and 1 more: alur lag)",
            False,
        ),
    ],
)
def test_the_status_is_one_line(found: LagReport, line: str, works: bool) -> None:  # noqa: FBT001
    assert summary(found) == (line, works)


@pytest.mark.parametrize(
    ("reports", "line"),
    [
        ([], "waiting for nothing"),
        ([{}, {"location": {"city": "Biak"}}, {}], "waiting for follow-up 2, no-competent-office 1"),
    ],
)
def test_what_open_complaints_wait_for(tmp_path: Path, reports: list[dict[str, Any]], line: str) -> None:
    with in_memory(tmp_path, "demo", *STAGES) as engine:
        for number, changes in enumerate(reports):
            engine.report(str(number), title=f"Jalan {number}", **changes)
        engine.kit.settle()
        assert in_words_of_waiting(read_model_now(engine.settings).waiting) == line
