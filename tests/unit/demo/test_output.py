"""Output of the demonstration, and reports from a file."""

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from agents.demo.deliveries import NoReports, from_file, generated
from agents.demo.people import People
from agents.demo.summary import by_office, last_line, print_summary
from agents.demo.tally import Tally
from agents.demo.view import Moment, View, line, picture
from agents.mirror.definitions import REPORTS, Report
from agents.mirror.figures import Line
from events.outcomes import Rejection
from events.topics import TopicName
from events.vocabulary import Refusal
from tests.support.demo_world import BEGIN, POLICIES, World, audited


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def quiet(*, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=200, force_terminal=terminal, highlight=False)


def rejection(code: Refusal) -> Rejection:
    return Rejection(command_id="1", command_type="t", command_source="/a", code=code, message="no")


@pytest.fixture(scope="module")
def played() -> tuple[World, Tally]:
    world, tally = World(), Tally()
    deliveries = generated(60, 2, POLICIES.versions[-1], BEGIN)
    people = People(POLICIES, deliveries.scripts, 2)
    world.watchers += [tally.fact, lambda recorded: people.react(recorded, (world.now - BEGIN).total_seconds())]
    for _, raw in deliveries.messages:
        world.submit(raw)
    for _ in range(400):
        world.run(0.1)
        for sending in people.due((world.now - BEGIN).total_seconds()):
            world.send(sending.command, sending.source, sending.command_id, sending.subject)
    return world, tally


def test_the_tally_agrees_with_the_complaints(played: tuple[World, Tally]) -> None:
    world, tally = played
    assert tally.complaints == world.complaints
    assert sum(tally.statuses.values()) == len(world.complaints) == tally.settled + tally.open
    assert tally.breached == {name for name, each in world.complaints.items() if each.breaches}
    assert tally.escalated == {name for name, each in world.complaints.items() if each.rung}
    slow = tally.slowest(3, world.now)
    assert len(slow) == 3
    assert slow[0][0] >= slow[1][0] >= slow[2][0] > timedelta(0)


def test_what_stages_are_refused_by_design_is_not_counted_against_people() -> None:
    tally = Tally()
    for code in (Refusal.OVERTAKEN, Refusal.NOT_DUE, Refusal.NOT_PERMITTED):
        tally.rejection(rejection(code))
    assert tally.rejected == 1


def test_the_last_line_has_all_figures(played: tuple[World, Tally]) -> None:
    world, tally = played
    last = last_line(tally, audited(world))
    assert last == (
        f"demo: reports=60 complaints=60 settled={tally.settled} open={tally.open} breached={len(tally.breached)} "
        f"escalated={len(tally.escalated)} rejected=0 dead=0 lost=0 doubled=0"
    )


@pytest.mark.long
def test_the_last_line_counts_what_is_lost_and_doubled(played: tuple[World, Tally]) -> None:
    world, tally = played
    events = world.topics[TopicName.EVENTS][0]
    taken = events.pop()
    lost = audited(world)
    events += [taken, taken]
    doubled = audited(world)
    events.pop()
    assert lost.violations
    assert doubled.doubled == 1
    assert last_line(tally, doubled).endswith("lost=0 doubled=1")
    console = quiet()
    print_summary(console, tally, doubled, world.now)
    assert "violation: fact-doubled" in printed(console)
    assert "complaints.events-0@" in printed(console)


def test_the_summary_has_a_table_for_each_question(played: tuple[World, Tally]) -> None:
    world, tally = played
    console = quiet()
    print_summary(console, tally, audited(world), world.now)
    for title in ("complaints by outcome", "deadlines", "slowest", "reconciliation"):
        assert title in printed(console)
    assert "missing: body" in printed(console)


def test_the_busiest_offices_are_shown() -> None:
    figures = dict.fromkeys(REPORTS[Report.OFFICES].figures)
    lines = [
        Line(f"office-{size}", size, figures | {"received": size, "on_time_share": 0.5}, {}, {}, {})
        for size in range(12)
    ]
    console = quiet()
    console.print(by_office(lines))
    shown = printed(console)
    assert shown.index("office-11") < shown.index("office-2")
    assert "office-1 " not in shown
    assert "50.0%" in shown
    assert "and 2 more offices" in shown


def test_away_from_a_terminal_there_is_a_line_now_and_then(played: tuple[World, Tally]) -> None:
    console = quiet()
    moment = Moment(played[1], phase="playing", submitted=62, lag={"intake": 3, "sla": 0})
    with View(console, moment) as view:
        view.show()
        view.show()
        assert printed(console).count("\n") == 1
        view.show(now=True)
    assert printed(console).count("62 reports, 60 complaints") == 2
    assert line(moment).endswith("behind: intake=3")


def test_on_a_terminal_there_is_a_picture(played: tuple[World, Tally]) -> None:
    console = quiet(terminal=True)
    with View(console, Moment(played[1], lag={"intake": 3})) as view:
        view.show(now=True)
        view.say("halo")
    for shown in ("60 complaints", "records behind", "closed", "lifecycle", "halo"):
        assert shown in printed(console)


@pytest.mark.parametrize(("phase", "shown"), [("playing", "38 of 40 s, playing"), ("catching up", "38 s, catching up")])
def test_only_the_play_has_an_end_that_is_known(played: tuple[World, Tally], phase: str, shown: str) -> None:
    console = quiet(terminal=True)
    console.print(picture(Moment(played[1], seconds=40, elapsed=38, phase=phase)))
    assert shown in printed(console)


def test_reports_come_from_a_csv(tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_text(
        "id,title,description,latitude,longitude\n1,Lampu mati,,-8.6,115.2\n1,Lampu mati,,-8.6,115.2\n,x,y,,\n"
    )
    taken = from_file(file)
    assert len(taken.messages) == 2
    assert len({complaint for complaint, _ in taken.messages}) == 1
    assert json.loads(taken.messages[0][1])["data"]["title"] == "Lampu mati"
    assert [skipped.line for skipped in taken.skipped] == [4]


def test_reports_without_ids_differ_by_their_text(tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_text("title,description\nLampu mati,\nJalan rusak,\nLampu mati,\n")
    assert len({complaint for complaint, _ in from_file(file).messages}) == 3


def test_reports_come_from_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    deliveries = generated(3, 1, POLICIES.versions[-1], BEGIN)
    file.write_bytes(b"\n".join(raw for _, raw in deliveries.messages))
    assert from_file(file).messages == deliveries.messages


@pytest.mark.parametrize("text", ["", "id,title\n", "id,nothing\n1,2\n", "id,title\n1,\n"])
def test_a_file_without_reports_fails_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "reports.csv"
    file.write_text(text)
    with pytest.raises(NoReports, match=r"reports\.csv: .+"):
        from_file(file)
