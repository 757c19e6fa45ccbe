"""Explanations on a terminal and as JSON."""

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agents.cli.errors import Failure
from agents.cli.explain import as_json, as_text, explanations
from events.vocabulary import ClockName, Status
from tests.support.worlds import (
    CITIZEN,
    DEMO,
    DISPOSE,
    FOLLOW_UP,
    GRANT,
    LAPOR,
    MONDAY,
    OVERRIDDEN,
    PANRB,
    PUPR,
    REPLY,
    REQUEST,
    VERIFY,
    World,
    days,
    to_status,
    wib,
)
from tests.unit.deadlines.test_office_hours import hourly
from tests.unit.machine.test_capped_pauses import CAPPED
from workflow.deadlines.working_days import Calendar
from workflow.policy.model import Policy

ROOT = Path(__file__).parent.parent.parent.parent
EXAMPLE = re.compile(r"<!-- printed by tests/unit/cli/test_explain.py -->\n```text\n(.*?)```\n<!-- end -->", re.DOTALL)


def page(world: World, clock: str | None = None, policy: Policy | None = None) -> str:
    """Print the page as it goes into a pipe, with two blanks between the cells of a line."""
    console = Console(file=io.StringIO(), width=160, highlight=False, emoji=False)
    for part in as_text(explanations(world.history, ClockName(clock) if clock else None, policy or world.policy)):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(re.sub(" {2,}", "  ", line).rstrip() for line in console.file.getvalue().splitlines())


def test_the_example_in_the_documents_is_what_is_printed() -> None:
    world = World(at=wib("2026-03-16T09:30"))
    world.send(VERIFY, PANRB, after=timedelta(minutes=10))
    world.send(DISPOSE, PANRB, after=timedelta(minutes=5))
    world.send(REQUEST, PUPR, at=wib("2026-03-17T08:00"))
    world.send(GRANT, "/offices/denpasar", after=timedelta(hours=2))
    console = Console(file=io.StringIO(), width=120, highlight=False, emoji=False)
    for part in as_text(explanations(world.history, ClockName.FOLLOW_UP, world.policy)):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    printed = "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())
    shown = EXAMPLE.search((ROOT / "docs" / "explanation" / "deadlines.md").read_text(encoding="utf-8"))
    assert shown is not None
    assert shown[1] == f"$ alur explain 1000000 follow_up\n{printed}\n"


def test_the_clocks_that_stand_are_explained_by_their_present_run() -> None:
    world = to_status(Status.REPLIED)
    output = page(world)

    assert "follow_up of complaint 1000000: running\n" in output
    assert "settlement of complaint 1000000: running\n" in output
    assert "verification" not in output
    assert "run 1" not in output
    for expected in (
        "5 working days",
        "LAPOR FAQ, step 3 'Tindak lanjut'",
        "Asia/Makassar: the holder's (denpasar-pupr)",
        "default, not confirmed",
        "Permen PANRB 62/2018",
        "lapor/2025-01-01",
        LAPOR.calendar.version,
        "Mon 2026-03-02  -  the day on which it starts is not counted  started 10:00",
        "Sat 2026-03-07  -  Saturday",
        "Mon 2026-03-09  5  working day  due 23:59:59",
        "due 2026-03-09 23:59:59 WITA, as in the facts",
    ):
        assert expected in output


def test_a_clock_that_is_asked_for_is_explained_with_all_its_runs() -> None:
    output = page(to_status(Status.REPLIED), "follow_up")

    assert "follow_up of complaint 1000000, run 1 of 2: ended" in output
    assert "follow_up of complaint 1000000, run 2 of 2: running" in output
    assert "stopped  followed-up, version 4" in output


def test_a_settled_complaint_is_explained_by_what_ran() -> None:
    output = page(to_status(Status.CLOSED))

    for clock in ("verification", "follow_up", "citizen_reply", "settlement"):
        assert f"{clock} of complaint 1000000: ended" in output


def test_a_clock_that_never_ran_is_reported() -> None:
    with pytest.raises(Failure, match="the clock escalation never ran for this complaint; these ran: verification"):
        page(to_status(Status.VERIFIED), "escalation")


def test_pauses_extensions_warnings_and_breaches_are_shown() -> None:
    world = to_status(Status.DISPOSED)
    world.send(REQUEST, PUPR)
    world.send(GRANT, "/offices/denpasar")
    warning = world.complaint.clocks[ClockName.FOLLOW_UP].warn_at
    assert warning is not None
    assert "warning" in page(world, "follow_up")
    world.notice("follow_up", at=warning)
    world.notice("follow_up", at=world.due("follow_up") + timedelta(milliseconds=1))
    output = page(world, "follow_up")
    assert "running, missed" in output
    assert "extended  extended, version 5  2 working days; due 2026-03-11 23:59:59 WITA" in output
    assert "warned  warned, version 6" in output
    assert "breached  breached, version 7" in output
    world.send(FOLLOW_UP, PUPR, after=days(1))
    output = page(world, "settlement")
    assert "settlement of complaint 1000000: paused" in output
    assert "while followed_up; 6 working days left" in output
    assert "no due time while it is paused; 6 working days left, as in the fact" in output


def test_working_hours_and_elapsed_time() -> None:
    output = page(to_status(Status.DISPOSED, hourly()))
    assert "office hours  08:00-16:00" in output
    assert "Mon 2026-03-02  1  4 working hours  started 10:00, warning 12:24, due 14:00:00" in output

    output = page(to_status(Status.DISPOSED, DEMO))
    assert "8 seconds of elapsed time: no day is counted or left out" in output
    assert "calendar" not in output


def test_a_pause_with_a_cap_counts_working_time_in_place_of_days() -> None:
    world = to_status(Status.DISPOSED, CAPPED, at=MONDAY + timedelta(seconds=1.006))
    assert "Mon 2026-03-30" not in page(world, "settlement")
    assert "Fri 2026-03-27  14  working day" in page(world, "settlement")
    world.send(FOLLOW_UP, PUPR, after=timedelta(hours=1))
    assert "while followed_up; due " in page(world, "settlement")
    world.send(REPLY, CITIZEN, after=timedelta(hours=7))
    world.send(FOLLOW_UP, PUPR, after=timedelta(hours=16, minutes=20))
    output = page(world, "settlement")
    assert output.splitlines()[1].startswith("time  14 working days")
    assert "pauses up to  80 working hours" in output
    assert output.count("\ntime  ") == 1
    assert "6 working hours in all; " in output
    assert "while followed_up, 6 working hours before; " in output
    assert "Tue 2026-03-03  +  1 h 20 min of working time  paused 09:20" in output


def test_a_difference_is_the_last_word() -> None:
    world = to_status(Status.DISPOSED)
    other = LAPOR.model_copy(
        update={"calendar": Calendar(extra={wib("2026-03-05T12:00").date(): "Holiday"}), "version": "lapor/2026-01-01"}
    )
    output = page(world, "follow_up", other)
    assert "lapor/2025-01-01, explained with lapor/2026-01-01" in output
    assert "the fact (disposed, version 3) has due 2026-03-09 23:59:59 WITA, recomputed due 2026-03-10" in output


def test_json_has_all_of_it() -> None:
    world = to_status(Status.FOLLOWED_UP)
    world.send(REPLY, CITIZEN)
    found: dict[str, Any] = json.loads(as_json(explanations(world.history, ClockName.SETTLEMENT, LAPOR)))
    [explanation] = found["explanations"]

    assert (explanation["clock"], explanation["policy"], explanation["agrees"]) == (
        "settlement",
        "lapor/2025-01-01",
        True,
    )
    assert {origin["rule"]: origin["source"] for origin in explanation["origins"]}["zones"] == "default, not confirmed"
    [run] = explanation["runs"]
    assert [step["what"] for step in run["steps"]] == ["started", "paused", "resumed"]
    assert run["due_at"] == run["recomputed"] == "2026-03-27T16:59:59.999000Z"
    assert run["days"][0] == {
        "date": "2026-03-02",
        "weekday": "Monday",
        "counted": False,
        "number": None,
        "worked": None,
        "reason": "the day on which it starts is not counted",
    }
    hours = json.loads(as_json(explanations(to_status(Status.DISPOSED, hourly()).history, None, hourly())))
    assert hours["explanations"][0]["runs"][0]["days"][0]["worked"] == "4 working hours"


def test_the_override_that_counted_is_named_with_its_place() -> None:
    world = to_status(Status.DISPOSED, OVERRIDDEN, category="kesehatan-ibu")
    found = explanations(world.history, ClockName.FOLLOW_UP, OVERRIDDEN)
    place = "category=kesehatan (overrides[0] of lapor/2025-01-01)"
    [explanation] = json.loads(as_json(found))["explanations"]
    expected = {"rule": "follow_up", "value": "3 working days", "source": "default, not confirmed", "override": place}
    assert explanation["runs"][0]["rule"] == explanation["origins"][0] == expected
    assert f"3 working days, override {place}" in page(world, "follow_up")
    other = explanations(world.history, ClockName.SETTLEMENT, OVERRIDDEN)
    assert other[0].runs[0].rule.override == "category=kesehatan, class=complaint (overrides[1] of lapor/2025-01-01)"
