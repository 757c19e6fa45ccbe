"""A complaint on a terminal: complete, and without control sequences."""

import io
import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from agents.cli.timeline import as_json, as_text, clock_status
from agents.cli.wording import TIMED, WORDS, in_words, local, place, safe, shortened, span
from events import commands as c
from events.client import ComplaintHistory, RefusedCommand
from events.facts import FACTS
from events.outcomes import Rejection
from events.reports import Location
from events.snapshot import Clock
from events.vocabulary import Refusal, Status
from tests.support.worlds import CITIZEN, DEMO, LAPOR, MONDAY, PUPR, REPLY, RETURN, World, days, to_status

WIB = ZoneInfo("Asia/Jakarta")


def page(world: World, now: datetime | None = None, **more: Any) -> str:
    complaint_history = ComplaintHistory(world.id, list(world.history), **more)
    console = Console(file=io.StringIO(), width=160, highlight=False, emoji=False)
    for part in as_text(complaint_history, world.policy, now or world.now):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def refused() -> RefusedCommand:
    rejection = Rejection(
        command_id="m9",
        command_type="lapor.command.close-complaint.v1",
        command_source="/offices/badung",
        code=Refusal.NOT_PERMITTED,
        message="close-complaint is for its administrator",
        status=Status.FOLLOWED_UP,
        version=4,
    )
    return RefusedCommand(rejection, MONDAY)


def test_the_page_has_the_whole_history() -> None:
    world = to_status(Status.FOLLOWED_UP)
    world.send(REPLY, CITIZEN)
    output = page(world, refusals=[refused()])

    assert output.startswith("complaint 1000000: replied, held by denpasar-pupr\nwaits for  ")
    for expected in (
        "Jalan berlubang di depan Pasar Badung",
        "Lubang besar sejak dua pekan",
        "2026-03-02 09:00:00 WIB",
        "to denpasar-pupr, round 1",
        "Tim sudah menambal lubang",
        "Masih berlubang.",
        "/offices/denpasar-pupr/officers/7",
        "lapor/2025-01-01",
        "not-permitted",
        "close-complaint is for its administrator",
    ):
        assert expected in output
    assert [line.split()[0] for line in output.splitlines() if line.strip()[:1].isdigit()] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "2026-03-02",
    ]


def test_clocks_stand_in_the_zone_that_counts_for_them() -> None:
    output = page(to_status(Status.DISPOSED))

    # denpasar keeps the time of Bali, the settlement clock that of Jakarta
    assert "2026-03-09 23:59:59 WITA    7 d 13 h left" in output
    assert "settlement" in output
    assert "WIB" in output.split("clocks")[1]
    assert "why then: alur explain 1000000; one with its past: alur explain 1000000 follow_up or settlement" in output


def test_a_settled_complaint_has_an_end_and_no_clocks() -> None:
    output = page(to_status(Status.CLOSED))

    assert "resolved, 2026-03-02 09:00:00 WIB" in output
    assert "clocks" not in output


def test_what_citizens_write_cannot_steer_the_terminal() -> None:
    output = page(World(title="[red]Jalan[/red] \x1b[31mmerah\x1b]0;x\x07", body="satu\ndua\rtiga"))

    assert "\x1b" not in output
    assert "\x07" not in output
    assert "[red]Jalan[/red]" in output


def test_a_completed_report_is_shown_as_it_is_now() -> None:
    world = to_status(Status.POSTPONED, title="Lama")
    world.send(c.CompleteReport(title="Judul baru"), CITIZEN)
    output = page(world)

    assert "\nJudul baru\n" in "\n".join(line.rstrip() for line in output.splitlines())
    assert "revision 2: title" in output


def test_json_holds_the_snapshot_the_facts_and_the_refusals() -> None:
    world = to_status(Status.RETURNED)
    whole = json.loads(as_json(ComplaintHistory(world.id, list(world.history), [refused()])))

    assert whole["complaint"]["status"] == "returned"
    assert [(fact["version"], fact["fact"]) for fact in whole["history"]] == [
        (1, "registered"),
        (2, "verified"),
        (3, "disposed"),
        (4, "returned"),
    ]
    assert whole["history"][3]["data"]["reason"] == RETURN.reason
    assert whole["history"][3]["cause"]["source"] == PUPR
    assert whole["refusals"][0]["code"] == "not-permitted"


def test_every_fact_has_words() -> None:
    assert set(WORDS) | set(TIMED) == set(FACTS)
    assert not set(WORDS) & set(TIMED)


def test_the_moments_in_a_fact_are_local() -> None:
    world = World(DEMO)
    world.send(c.WithdrawComplaint(), CITIZEN, after=timedelta(seconds=7))
    breached = world.history[1]

    assert breached.fact.NAME == "breached"
    assert in_words(breached.fact, WIB) == "verification was due 2026-03-02 09:00:06 WIB"


def clock(**changes: Any) -> Clock:
    return Clock(**({"started_at": MONDAY, "due_at": MONDAY + days(1)} | changes))


@pytest.mark.parametrize(
    ("clock_", "now", "text"),
    [
        (clock(), MONDAY, "1 d left"),
        (clock(warned=True), MONDAY + timedelta(hours=20, minutes=5), "3 h 55 min left, warned"),
        (clock(breached=True), MONDAY + days(2), "1 d overdue, breached"),
        (clock(due_at=None, paused=True, remaining="9 working days"), MONDAY, "paused, 9 working days left"),
        (clock(paused=True, breached=True), MONDAY, "paused, breached"),
    ],
)
def test_how_a_clock_stands(clock_: Clock, now: datetime, text: str) -> None:
    assert clock_status(clock_, now) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=900), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=3), "3 min"),
        (timedelta(hours=5, seconds=7), "5 h"),
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
        (timedelta(seconds=-61), "1 min 1 s"),
    ],
)
def test_a_span_has_its_two_largest_units(length: timedelta, text: str) -> None:
    assert span(length) == text


def test_small_words() -> None:
    assert local(MONDAY, WIB) == "2026-03-02 09:00:00 WIB"
    assert place(None) == "no place given"
    assert place(Location(province="Bali", district="Kuta", lat=-8.7, lon=115.0)) == "Kuta, Bali, -8.7, 115"
    assert safe("a\x00b\tc\nd") == "a\ufffdb\ufffdc\nd"
    assert shortened("x" * 500) == "x" * 400 + "…"
    assert LAPOR.national_zone == WIB
