"""`alur validate`: without a broker, for every type of message, one or many."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from events.ids import complaint_id

ROOT = Path(__file__).parent.parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "v1"
RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
NAMED = complaint_id("/channels/sms", "1")
ABOUT = "7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11"


def alur(*arguments: str, text: str | bytes | None = None) -> Result:
    return RUNNER.invoke(application(), ["--broker", "127.0.0.1:1", *arguments], input=text)


def report(**data: Any) -> dict[str, Any]:
    whole = {"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": "/channels/sms", "id": "1"}
    return whole | {"data": {"class": "complaint", "title": "Jalan berlubang"} | data}


def command(name: str, source: str, **data: Any) -> dict[str, Any]:
    kind = f"lapor.command.{name}.v1"
    return {"specversion": "1.0", "type": kind, "source": source, "id": "c1", "subject": ABOUT, "data": data}


def shown(message: dict[str, Any], policy: str = "lapor") -> list[str]:
    result = alur("--policy", policy, "validate", "-", text=json.dumps(message))
    assert result.exit_code == 0
    first, *lines = result.stdout.splitlines()
    assert first == f"stdin:1: {message['type']} {message['id']} of {message['source']}: valid"
    return [line.removeprefix("  ") for line in lines]


def test_a_mistake_is_a_line_and_the_exit_status_is_1(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(clas="complaint", location={"lat": 91}), indent=2))
    result = alur("validate", str(path))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{path}: lapor.report.submitted.v1 1 of /channels/sms: 2 mistakes",
        "  data.location.lat: is 91; expected a number from -90 to 90, or null",
        "  data.clas: is not a field of this message; did you mean class?",
    ]
    assert result.stderr == f"alur: {path}: 1 of 1 message not valid\n"


def test_the_documents_show_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "reference" / "schemas.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"<<'END'\n(.*?)^END$", text, re.DOTALL | re.MULTILINE)
    shown = re.findall(r"^```\n(report\.json: .*?)^```", text, re.DOTALL | re.MULTILINE)
    broken = json.loads(example)
    mended = broken | {"data": {"class": "complaint", "title": "Jalan berlubang", "location": {"city": "Denpasar"}}}
    monkeypatch.chdir(tmp_path)
    said = []
    for message in (broken, mended):
        Path("report.json").write_text(json.dumps(message, indent=2))
        result = alur("validate", "report.json")
        said.append(result.stdout + result.stderr)
    assert said == shown


class TestReports:
    def test_a_complete_one_has_all_that_the_policy_asks_for(self) -> None:
        complete = report(body="Lubang sedalam satu jengkal.", location={"city": "Denpasar"})
        assert shown(complete) == [
            f"becomes complaint {NAMED}: the key of all that follows (on complaints.intake any key will do)",
            "has all that lapor/2026-11-30 asks for before it is verified",
        ]

    def test_missing_fields_of_an_incomplete_one_are_named(self) -> None:
        assert shown(report(body="Lubang."))[1] == (
            "would be registered and at once postponed under lapor/2026-11-30: it lacks a body of at least 10 "
            "characters, a location (the name of a place, or lat and lon) or an office"
        )

    def test_a_decision_by_a_person_is_stated(self, tmp_path: Path) -> None:
        ours = tmp_path / "ours.toml"
        text = (ROOT / "workflow" / "policy" / "lapor.toml").read_text(encoding="utf-8")
        ours.write_text(text.replace('machine = ["postpone", "dispose"]', 'machine = ["dispose"]'))
        assert shown(report(), str(ours))[1].startswith("would be registered, and may be postponed under ")

    @pytest.mark.parametrize("subject", ["3171234567890123", "081234567890", "ni.luh@example.id"])
    def test_a_subject_that_names_a_person_is_noted(self, subject: str) -> None:
        assert shown(report(reporter={"subject": "r-7f3a91c0d2"})) == shown(report())
        assert shown(report(reporter={"subject": subject}))[1] == (
            "reporter.subject looks like a phone number, a NIK or an e-mail address: no command of the reporter will "
            "count, so give a pseudonym"
        )

    def test_an_unknown_office_is_named(self) -> None:
        assert shown(report(office="atlantis"))[1] == (
            "the directory has no office atlantis: it would be routed as if none was named"
        )


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        (command("rate-resolution", "/citizens/anonymous", rating=4), []),
        (
            command("rate-resolution", "/offices/denpasar", rating=4),
            ["would be refused, not-permitted: rate-resolution is for a citizen, not for /offices/denpasar"],
        ),
        (command("record-follow-up", "/offices/badung/officers/7", text="Sudah."), []),
        (
            command("record-follow-up", "/channels/x", text="Sudah."),
            ["would be refused, not-permitted: record-follow-up is for the office that holds it, not for /channels/x"],
        ),
        (
            command("dispose-complaint", "/offices/panrb", office="atlantis"),
            ["would be refused, unknown-office: the directory of lapor/2026-11-30 has no office atlantis"],
        ),
        (command("dispose-complaint", "/stages/disposition", office="denpasar-pupr"), []),
        (
            command("notice-deadline", "/stages/escalation", clock="follow_up", due_at="2026-03-16T02:11:00Z"),
            ["would be refused, not-permitted: notice-deadline is for the sla stage, not for /stages/escalation"],
        ),
    ],
)
def test_a_command_shows_its_key_and_what_needs_no_complaint(message: dict[str, Any], lines: list[str]) -> None:
    assert shown(message) == [f"is about complaint {ABOUT}, which is its key", *lines]


def test_an_announcement_shows_its_target_and_permission() -> None:
    event = json.loads((GOLDEN / "lapor.command.announce-holiday.v1.json").read_bytes())
    where = "is for all complaints: to be sent with the key calendar, once in each partition of complaints.commands"
    assert shown(event) == [where]
    refused = "would be refused, not-permitted: announce-holiday is for the national administrator, panrb"
    assert shown(event | {"source": "/offices/badung"}) == [where, refused]


@pytest.mark.parametrize(
    "kind", ["lapor.complaint.closed.v1", "lapor.resolution.published.v1", "lapor.command.rejected.v1"]
)
def test_what_we_write_can_be_read_too(kind: str) -> None:
    event = json.loads((GOLDEN / f"{kind}.json").read_bytes())
    assert shown(event) == [f"its key is {event['subject']}"]


class TestFiles:
    def test_many_messages_stand_on_a_line_each(self) -> None:
        lines = [json.dumps(report()), "", "{", json.dumps(report(title=7)), "[]"]
        result = alur("validate", "-", text="\n".join(lines))
        assert result.exit_code == 1
        heads = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
        assert [head.split(": ")[0] for head in heads] == ["stdin:1", "stdin:3", "stdin:4", "stdin:5"]
        assert result.stderr == "alur: stdin: 3 of 4 messages not valid\n"

    def test_a_broken_first_line_does_not_hide_the_others(self) -> None:
        result = alur("validate", "-", text='{"a": \n' + json.dumps(report()))
        assert "stdin:1: no message: 1 mistake" in result.stdout
        assert "stdin:2: lapor.report.submitted.v1 1 of /channels/sms: valid" in result.stdout

    def test_a_message_over_many_lines_that_is_no_json_is_one_mistake(self) -> None:
        result = alur("validate", "-", text='{\n "specversion": "1.0",\n}\n')
        assert result.stdout.splitlines()[0] == "stdin: no message: 1 mistake"
        assert "at line 3 column 1" in result.stdout

    def test_a_byte_order_mark_is_skipped(self) -> None:
        assert alur("validate", "-", text=b"\xef\xbb\xbf" + json.dumps(report()).encode()).exit_code == 0

    @pytest.mark.parametrize("text", ["", "\n \n"])
    def test_an_empty_file_holds_no_message(self, text: str) -> None:
        result = alur("validate", "-", text=text)
        assert (result.exit_code, result.stderr) == (1, "alur: stdin: there is nothing in it\n")

    def test_what_could_steer_a_terminal_is_not_shown(self) -> None:
        result = alur("validate", "-", text=json.dumps(report() | {"id": "\x1b[31m"}))
        assert "\x1b" not in result.stdout

    def test_another_format_is_sent_to_submit_as_it_came(self) -> None:
        assert "submit --dry-run - shows" in alur("validate", "-", text="id,title\n").stderr

    def test_a_file_that_is_not_there_is_one_line(self) -> None:
        result = alur("validate", "/no/such/file.json")
        assert (result.exit_code, result.stderr) == (1, "alur: /no/such/file.json: No such file or directory\n")
