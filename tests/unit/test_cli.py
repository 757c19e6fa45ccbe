"""The command line fails in one line, says how it is used, and knows its settings."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agents.cli import main
from agents.cli.app import application
from agents.cli.errors import Failure
from agents.cli.export import _writer
from events.topics import STAGES

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
NOWHERE = ("--broker", "127.0.0.1:1")
COMPLAINT = "7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11"


def alur(*arguments: str, text: str | None = None) -> Result:
    return RUNNER.invoke(application(), list(arguments), input=text)


def one_line(result: Result, status: int) -> str:
    assert result.exit_code == status
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("alur: ")
    return lines[0].removeprefix("alur: ")


def test_alone_it_says_what_it_can_do() -> None:
    result = alur()

    assert result.exit_code == 0
    for command in (
        "demo",
        "broker",
        "topics",
        "run",
        "validate",
        "submit",
        "send",
        "show",
        "watch",
        "board",
        "audit",
        "dead",
        "policy",
        "schemas",
        "version",
    ):
        assert f" {command} " in result.output


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "run",
        "validate",
        "submit",
        "show",
        "watch",
        "board",
        "topics create",
        "topics list",
        "audit",
        "dead list",
        "dead show",
        "dead replay",
        "dead discard",
        "broker start",
        "broker stop",
        "policy check",
        "schemas write",
        "schemas check",
        "schemas release",
    ],
)
def test_every_command_has_help(command: str) -> None:
    result = alur(*command.split(), "--help")

    assert result.exit_code == 0
    assert f"alur {command}" in result.output.replace("Usage: root", "Usage: alur")


@pytest.mark.parametrize(
    "arguments",
    [
        ("topics", "create"),
        ("topics", "list"),
        ("watch", "--once"),
        ("show", COMPLAINT),
        ("run",),
        ("run", "sla"),
        ("audit",),
        ("dead", "list"),
        ("dead", "show", "complaints.dead-letters-0@0"),
        ("dead", "replay", "complaints.dead-letters-0@0"),
        ("dead", "discard", "complaints.dead-letters-0@0", "--reason", "x"),
        ("submit", "-"),
        ("send", "withdraw-complaint", "--complaint", COMPLAINT),
    ],
)
def test_no_broker_is_one_line(arguments: tuple[str, ...]) -> None:
    report = '{"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": "/c", "id": "1", '
    result = alur(*NOWHERE, *arguments, text=report + '"data": {"class": "complaint", "title": "x"}}\n')

    assert one_line(result, 1).startswith("no Kafka broker answers at 127.0.0.1:1: start one with `alur broker start`")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("fly",), 2, "No such command 'fly'"),
        (("topics",), 2, "Missing command"),
        (("dead", "show", "there"), 1, "'there' is no place; write it as in complaints.dead-letters-3@17"),
        (("dead", "list", "--since", "lately"), 2, "--since: 'lately' is neither an age"),
        (("dead", "list", "--stage", "siesta"), 2, "--stage: there is no stage 'siesta'; there are intake"),
        (("explain", COMPLAINT, "noon"), 2, "Invalid value for 'clock': 'noon' is not one of 'verification'"),
        (("submit",), 2, "Missing argument 'FILE'"),
        (("run", "siesta"), 2, f"there is no stage 'siesta'; there are {', '.join(STAGES)}"),
        (("--broker", "nonsense", "watch"), 1, "ALUR_BROKER: 'nonsense' is not host:port"),
        (("--prefix", "a b", "watch"), 1, "ALUR_PREFIX: 'a b' does not fit"),
        (("topics", "create", "--partitions", "0"), 1, "ALUR_PARTITIONS: '0' is not a whole number"),
        (("--policy", "nobody", "run"), 1, 'no policy "nobody"'),
        (("policy", "check", "nobody"), 1, 'no policy "nobody"'),
        (("submit", "/no/such/file.csv"), 1, "/no/such/file.csv: No such file or directory"),
        (("submit", "/"), 1, "/: Is a directory"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], status: int, said: str) -> None:
    assert one_line(alur(*arguments), status).startswith(said)


def test_a_workbook_in_name_only_is_not_read_as_a_table(tmp_path: Path) -> None:
    file = tmp_path / "laporan.XLSX"
    file.write_text("not a workbook\n")

    for form in ((), ("--format", "lapor")):
        assert one_line(alur(*NOWHERE, "submit", *form, str(file)), 1).startswith(f"{file}: is no Excel workbook")


def test_a_file_that_cannot_be_written_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "missing" / "laporan.csv"

    with pytest.raises(Failure, match=f"^{re.escape(str(out))}: No such file or directory$"), _writer(out):
        pass


def test_a_table_without_texts_names_its_columns() -> None:
    result = alur(*NOWHERE, "submit", "-", text="a,b\n1,2\n")

    assert one_line(result, 2).endswith("the columns are a, b")


def test_options_of_tables_are_not_for_json() -> None:
    result = alur(*NOWHERE, "submit", "-", "--source", "/channels/x", "--class", "aspiration", text="{}\n")

    assert one_line(result, 2).startswith("--source, --class: only for CSV")


def test_policies_are_checked_as_the_stages_read_them(tmp_path: Path) -> None:
    checked = alur("policy", "check", "lapor")
    assert checked.exit_code == 0
    assert "lapor/2025-01-01" in checked.output
    assert "5 working days" in checked.output

    broken = tmp_path / "ours.toml"
    broken.write_text('name = "ours"\nversions = []\n')
    assert one_line(alur("policy", "check", str(broken)), 1).startswith(f"{broken}:2: versions: ")


def test_it_knows_its_version() -> None:
    result = alur("version")

    assert result.exit_code == 0
    assert result.output.startswith("alur ")


def test_the_console_script_is_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["alur", "fly"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert capsys.readouterr().err == "alur: No such command 'fly' (see alur --help)\n"
