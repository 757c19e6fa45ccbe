"""`alur lag` as people see it; docs/reference/lag.md shows what is printed here."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from agents.cli.app import application
from agents.cli.lag_view import lines, view
from agents.ops.lag import DeadlinesAtStake, LagReport, LagStatus, Severity
from agents.ops.lag.assess import Evidence, GroupView, group_lag, report
from agents.ops.lag.rules import SEVERITY
from agents.ops.lag.samples import GroupSample, GroupState, Offsets, Source, Window
from agents.ops.lag.transactions import OpenTransaction
from tests.unit.ops.test_lag_report import NOON, at

DOC = (Path(__file__).parents[3] / "docs" / "reference" / "lag.md").read_text(encoding="utf-8")
WINDOW = 15
COMMANDS, EVENTS = "complaints.commands", "complaints.events"


def offsets(position: int, end: int, *, held: int = 0, owner: str | None = "aiokafka-0.14.0 on 10.0.0.7") -> Offsets:
    return Offsets(position, position, 0, end - held, end, owner)


def scene() -> LagReport:
    """An evening on which a worker of lifecycle is frozen, and a producer has left a transaction open on the events."""
    lifecycle, escalation, topics = Window(WINDOW), Window(WINDOW), Window(WINDOW)
    first, second, held = Source(COMMANDS, 0), Source(COMMANDS, 1), Source(EVENTS, 1)
    for number in range(WINDOW + 1):
        moment = at(number)
        commands = {
            first: offsets(8_100, 8_140 + 2 * number, owner="aiokafka-0.14.0 on 10.0.0.4"),
            second: offsets(7_000 + 40 * number, 7_000 + 40 * number),
        }
        events = {Source(EVENTS, 0): offsets(90, 90), held: offsets(60, 64, held=4)}
        lifecycle.add(GroupSample(moment, GroupState.STABLE, 2, commands))
        escalation.add(GroupSample(moment, GroupState.STABLE, 1, events))
        topics.add(GroupSample(moment, GroupState.UNKNOWN, None, commands | events))
    views = [GroupView("lifecycle", "lifecycle", lifecycle), GroupView("escalation", "escalation", escalation)]
    open_since = OpenTransaction(held, 60, 4001, NOON, "importer-3", NOON, at(60) - NOON)
    evidence = Evidence({(first, 8_100): at(-9), (held, 60): NOON}, [open_since])
    groups = [group_lag(each, evidence) for each in views]
    stake = DeadlinesAtStake(passed=2, due=11, until=at(86_415), drained=False)
    groups[0] = groups[0].model_copy(update={"deadlines": stake})
    return report(views, groups, topics, evidence, "kafka:9092")


def printed(found: LagReport, *, partitions: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=160, highlight=False, emoji=False).print(view(found, partitions=partitions))
    text = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([*text, *lines(found)])


def test_the_document_shows_what_is_printed() -> None:
    [block] = re.findall(r"<!-- printed by tests/unit/cli/test_lag.py -->\n```text\n(.*?)\n```", DOC, re.DOTALL)
    assert block == printed(scene())


def test_the_document_explains_each_status_and_how_bad_it_is() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (ok|warning|error)", DOC, re.MULTILINE)
    assert rows == [(status, SEVERITY[status]) for status in LagStatus]


def test_partitions_that_are_well_are_shown_if_asked_for() -> None:
    found = scene()
    assert sum(line.startswith("  ") for line in printed(found).splitlines()) == 2
    assert sum(line.startswith("  ") for line in printed(found, partitions=True).splitlines()) == 4


def test_a_screen_that_is_drawn_again_has_the_faults_beneath() -> None:
    out = io.StringIO()
    Console(file=out, width=400).print(view(scene(), partitions=False, faults=True))
    assert "kill -9 it" in out.getvalue()
    assert "lag: groups=2 behind=74 findings=2 seconds=15" in out.getvalue()


def test_the_report_is_read_by_programs() -> None:
    found = json.loads(scene().model_dump_json())
    assert [finding["severity"] for finding in found["findings"]] == [Severity.ERROR, Severity.WARNING]
    assert found["groups"][0]["deadlines"]["passed"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--window", "1"), "Invalid value for '--window'"),
        (("--window", "soon"), "Invalid value for '--window'"),
        (("--since", "1h"), "No such option: --since"),
    ],
)
def test_invalid_options_are_reported_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(application(), ["lag", *arguments])
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert message in line
