"""The command line on a real broker, with the stages running under the real policy."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.config.settings import Settings
from agents.integrations import encodings
from agents.integrations.file_source import source_of
from events.client import read_all
from events.ids import complaint_id
from events.topics import TOPICS, TopicName
from events.wording import number_of

CSV = "id,title,description,status,created_at,latitude,longitude,anonymous,comments\n"


@dataclass
class Alur:
    """The command line in one environment."""

    settings: Settings

    def __call__(self, *arguments: str, text: str | None = None) -> Result:
        runner = CliRunner(env={**self.settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
        return runner.invoke(application(), list(arguments), input=text)

    def does(self, *arguments: str, text: str | None = None) -> str:
        result = self(*arguments, text=text)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def fails(self, status: int, *arguments: str, text: str | None = None) -> str:
        result = self(*arguments, text=text)
        assert result.exit_code == status, result.output
        assert len(result.stderr.splitlines()) == 1, result.stderr
        return result.stderr


@pytest.fixture
def alur(settings: Settings) -> Alur:
    """Nothing runs in this environment, and it has no topics yet."""
    return Alur(settings)


@pytest.fixture
def live(engine: Any) -> Alur:
    """All stages run."""
    return Alur(engine.settings)


@pytest.fixture
def complaint(engine: Any) -> str:
    """A complaint that waits for an administrator."""
    found: str = engine.report(uuid.uuid4().hex)
    engine.await_status(found, "registered")
    return found


def test_topics_are_made_listed_and_refused(alur: Alur) -> None:
    assert f"{len(TOPICS)} topics are missing" in alur("topics", "list").stdout
    assert alur("topics", "list").exit_code == 1
    created = alur.does("topics", "create", "--partitions", "2")
    assert created.endswith(f"{len(TOPICS)} topics created, 0 already up to date\n")
    assert "0 topics created" in alur.does("topics", "create", "--partitions", "2")
    assert "has partitions=2, not 4" in alur.fails(1, "topics", "create")
    listed = alur.does("topics", "list")
    assert all(alur.settings.topic(topic.name) in listed for topic in TOPICS)


def test_without_topics_nothing_is_submitted(alur: Alur) -> None:
    row = f"{CSV}1,Judul,,,,,,,\n"
    assert "name it with --source" in alur.fails(2, "submit", "-", text=row)
    assert "topics are missing" in alur.fails(1, "submit", "-", "--source", "/channels/web", text=row)
    alur.does("topics", "create")
    mistyped = ("--prefix", f"{alur.settings.prefix}x.", "show", "1000000")
    assert "is the prefix right? There are " in alur.fails(1, *mistyped)


def test_reports_are_in_intake_once_submit_reports_success(alur: Alur, tmp_path: Path) -> None:
    alur.does("topics", "create")
    rows = [
        f"{number},Judul {number},Isi yang cukup panjang,submitted,2026-03-14T10:00:00Z,-8.6,115.2,,0"
        for number in (1, 2, 2)
    ]
    bad = ["3,,,submitted,,,,,0", f"4,Judul,{'x' * 20_001},submitted,,,,,0", "5,Judul,Isi,submitted,,,,mungkin,0"]
    file, rejects = tmp_path / "reports.csv", tmp_path / "rejects.csv"
    file.write_text(CSV + "\n".join([*rows, *bad]) + "\n")

    result = alur("submit", str(file), "--rejects", str(rejects))

    assert result.exit_code == 1
    layout, columns, dates, *rest = result.stdout.splitlines()
    source = source_of(str(file))
    assert layout == f"layout: a table, as from {source}"
    assert columns.startswith("columns: id=id, title=title, body=description, received=created_at")
    assert dates == "dates: times without a zone are of Asia/Jakarta (--zone)"
    first, second = (complaint_id(source, number) for number in ("1", "2"))
    assert rest == [
        "line 5: a report needs a title or a body that is not empty",
        "line 6: body: String should have at most 20000 characters",
        "line 7: anonymous: 'mungkin' is neither yes nor no",
        "1 repeat of a report of the file: 2 complaints in all",
        f"line 2 is complaint {first}",
        f"line 3 is complaint {second}",
        f"line 4 is complaint {second}",
        "new 2, known 0, of these changed 0",
        "submitted 3, skipped 3",
    ]
    assert result.stderr == "alur: 3 of 6 reports were not submitted\n"
    assert [line.split(",", 1)[0] for line in rejects.read_text().splitlines()] == ["alurline", "5", "6", "7"]
    records = list(read_all(alur.settings, [TopicName.INTAKE]))
    assert sorted(str(record.key, "ascii") for record in records if record.key) == sorted(
        complaint_id(source, number) for number in ("1", "2", "2")
    )


def _report(number: str, body: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "lapor.report.submitted.v1",
        "source": "/channels/sms",
        "id": number,
        "data": {"class": "complaint", "body": body},
    }


def test_reports_of_the_contract_come_from_a_pipe(alur: Alur) -> None:
    alur.does("topics", "create")
    report = _report("1", "Lampu mati")
    padded = {**report, "id": "2", "padding": "x" * 1_100_000}

    result = alur("submit", "-", text=f"{json.dumps(report)}\n\n{json.dumps(padded)}\n")

    assert result.stdout.splitlines()[-1] == "submitted 1, skipped 1"
    assert "bytes are too many for one message" in result.stdout
    [record] = read_all(alur.settings, [TopicName.INTAKE])
    assert json.loads(record.value or b"") == report


def test_lines_before_one_that_is_too_long_are_submitted_and_reported(
    alur: Alur, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alur.does("topics", "create")
    file, rejects = tmp_path / "reports.jsonl", tmp_path / "rejects.jsonl"
    bodies = ("Lampu mati", "", "x" * 2_000)
    messages = [_report(str(number), body) for number, body in enumerate(bodies, start=1)]
    file.write_text("".join(f"{json.dumps(each)}\n" for each in messages))
    monkeypatch.setattr(encodings, "LONGEST", 1_000)

    result = alur("submit", str(file), "--rejects", str(rejects))

    assert result.exit_code == 1
    assert result.stderr == (
        f"alur: {file}: line 3 has more than 1,000 bytes: write one entry a line, or several files "
        "(before that 1 was submitted; doing it again does no harm)\n"
    )
    reason = "a report needs a title or a body that is not empty"
    assert result.stdout.splitlines() == [
        f"line 2: {reason}",
        f"line 1 is complaint {complaint_id('/channels/sms', '1')}",
        "new 1, known 0, of these changed 0",
        "submitted 1, skipped 1",
    ]
    assert json.loads(rejects.read_text()) == {"alurreason": reason} | messages[1]
    assert len(list(read_all(alur.settings, [TopicName.INTAKE]))) == 1


def test_a_command_has_its_effect_and_is_in_the_timeline(live: Alur, engine: Any, complaint: str) -> None:
    tracking = engine.snapshot(complaint)["tracking_id"]
    output = live.does("send", "verify-complaint", "--complaint", tracking, "--category", "infrastruktur-jalan")
    assert output.startswith("verify-complaint: verified\n")
    engine.await_status(complaint, "disposed")

    output = live.does(
        *("send", "record-follow-up", "--complaint", complaint, "--as", "/offices/denpasar-pupr"),
        *("--text", "Tim sudah menambal lubang.", "--evidence", "https://x.test/1.jpg"),
    )
    assert output.startswith("record-follow-up: followed-up\n")
    assert "is followed_up at version 4" in output

    page = live.does("show", tracking)
    for expected in ("verified", "disposed", "Tim sudah menambal lubang.", "citizen_reply", "WITA", "/offices/panrb"):
        assert expected in page
    whole = json.loads(live.does("show", complaint, "--json"))
    assert [fact["fact"] for fact in whole["history"]] == ["registered", "verified", "disposed", "followed-up"]
    assert whole["complaint"]["complaint_id"] == complaint


def test_a_deadline_is_explained_from_the_log(live: Alur, engine: Any, complaint: str) -> None:
    tracking = engine.snapshot(complaint)["tracking_id"]
    assert (
        f"alur explain {tracking}; one with its past: alur explain {tracking} verification or settlement"
        in live.does("show", complaint)
    )
    page = live.does("explain", tracking)
    for expected in (f"verification of complaint {tracking}: running", "3 working days", "WIB, as in the facts"):
        assert expected in page
    assert page.count("as in the facts") == 2

    live.does("send", "verify-complaint", "--complaint", tracking)
    engine.await_status(complaint, "disposed")

    [explanation] = json.loads(live.does("explain", complaint, "verification", "--json"))["explanations"]
    [run] = explanation["runs"]
    assert (explanation["agrees"], run["over"], [step["what"] for step in run["steps"]]) == (
        True,
        True,
        ["started", "stopped"],
    )
    assert "the clock completion never ran" in live.fails(1, "explain", complaint, "completion")
    assert "'supper' is not one of 'verification'" in live.fails(2, "explain", complaint, "supper")


def test_a_refused_command_gives_its_reason_and_is_in_the_timeline(live: Alur, complaint: str) -> None:
    output = live.fails(1, "send", "close-complaint", "--complaint", complaint)
    assert "close-complaint was refused, not-allowed-in-status" in output

    output = live.fails(1, "send", "verify-complaint", "--complaint", complaint, "--expected-version", "7")
    assert "version-mismatch" in output
    assert "not-allowed-in-status" in live.does("show", complaint)


def test_a_repeat_returns_the_result_of_the_first_command(live: Alur, complaint: str) -> None:
    command = ("send", "withdraw-complaint", "--complaint", complaint, "--id", "w1")

    first, again = live.does(*command), live.does(*command)

    assert first.splitlines()[0] == again.splitlines()[0] == "withdraw-complaint: withdrawn"


def test_an_office_that_ends_hands_its_complaints_over(live: Alur, engine: Any, complaint: str) -> None:
    live.does("send", "verify-complaint", "--complaint", complaint)
    engine.await_status(complaint, "disposed")
    office = engine.snapshot(complaint)["office"]
    stranger = ("send", "record-follow-up", "--complaint", complaint, "--as", "/offices/panrb", "--text", "Bukan kami")
    assert f"; {office} holds it" in live.fails(1, *stranger)
    live.does(
        "send", "record-follow-up", "--complaint", complaint, "--as", f"/offices/{office}", "--text", "Sudah ditambal."
    )
    refused = live.fails(1, "office", "close", office, "--to", office)
    assert "name another office" in refused
    listed = live("office", "close", office, "--to", "badung", "--dry-run")
    assert (listed.exit_code, f"{complaint}  followed_up  held by {office}" in listed.stdout) == (0, True)
    assert engine.snapshot(complaint)["office"] == office
    moved = live("office", "close", office, "--to", "badung")
    assert moved.exit_code == 0, moved.stderr
    *lines, end = moved.stdout.splitlines()
    assert f"{complaint}  followed_up  held by {office}" in "\n".join(lines)
    # others of this module may be among them
    assert end == f"moved {number_of(len(lines), 'complaint')} of {office} to badung"
    after = engine.snapshot(complaint)
    assert (after["office"], after["status"]) == ("badung", "followed_up")
    assert live("office", "close", office, "--to", "badung").stdout.startswith("0 open complaints")


def test_an_unknown_complaint_is_refused_or_not_shown(live: Alur) -> None:
    stranger = str(uuid.uuid4())

    assert "unknown-complaint" in live.fails(1, "send", "withdraw-complaint", "--complaint", stranger)
    assert "1 command about it was refused" in live.fails(1, "show", stranger)
    assert "no complaint with the tracking id 987654321" in live.fails(1, "show", "987654321")


def test_the_board_shows_complaints_and_stages(live: Alur, complaint: str, engine: Any) -> None:
    engine.await_quiet()
    board = live.does("watch", "--once")

    assert engine.snapshot(complaint)["tracking_id"] in board
    for expected in ("registered", "lifecycle", "rejections", "verification"):
        assert expected in board
    assert f"prefix {engine.settings.prefix}, broker {engine.settings.broker}, policy lapor, alur " in board


def test_a_list_is_a_table_csv_or_json(live: Alur, complaint: str, engine: Any) -> None:
    engine.await_quiet()
    number = engine.snapshot(complaint)["tracking_id"]
    status = engine.snapshot(complaint)["status"]
    assert number in live.does("list", "--status", status, "--limit", "0")
    header, *rows = live.does("list", "--state", "all", "--format", "csv", "--limit", "0").splitlines()
    assert header.startswith("number,status,office,")
    assert any(row.startswith(f"{number},{status},") for row in rows)
    listed = json.loads(live.does("list", "--state", "all", "--format", "json", "--limit", "0", "--sort", "number"))
    assert [each["number"] for each in listed] == sorted(each["number"] for each in listed)
    assert len(listed) == len(rows)
    assert 'due is never "soon"' in live.fails(1, "list", "--due", "soon")


def test_an_undecided_command_is_reported_to_be_in_the_log(alur: Alur) -> None:
    alur.does("topics", "create")
    command = ("send", "withdraw-complaint", "--complaint", str(uuid.uuid4()))

    assert "not decided after 0.5 s" in alur.fails(3, *command, "--wait", "0.5")
    assert "is in the log: complaints.commands" in alur.does(*command, "--wait", "0")
    assert len(list(read_all(alur.settings, [TopicName.COMMANDS]))) == 2
