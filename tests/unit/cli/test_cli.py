"""The command line fails in one line, prints its usage, and reads its settings."""

import re
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from agents.cli import main
from agents.cli.app import application
from agents.cli.context import Overrides, proposed
from agents.cli.errors import Failure
from agents.cli.export import _writer
from agents.cli.options import source
from agents.cli.report import _print
from agents.mirror.definitions import REPORTS, Grouping, Report
from agents.mirror.figures import Line, Period
from events.topics import STAGES
from events.wording import number_of
from tests.support.tables import Rows, every

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


def test_without_arguments_it_lists_its_commands() -> None:
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


@every(
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
    ]
)
def test_every_command_has_help(command: str) -> None:
    result = alur(*command.split(), "--help")

    assert result.exit_code == 0
    assert f"alur {command}" in result.output.replace("Usage: root", "Usage: alur")


@every(
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
    ]
)
def test_no_broker_is_one_line(arguments: tuple[str, ...]) -> None:
    report = '{"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": "/c", "id": "1", '
    result = alur(*NOWHERE, *arguments, text=report + '"data": {"class": "complaint", "title": "x"}}\n')

    assert one_line(result, 1).startswith("no Kafka broker answers at 127.0.0.1:1: start one with `alur broker start`")


@every(
    Rows(
        [
            (("fly",), 2, "No such command 'fly'"),
            (("topics",), 2, "Missing command"),
            (("dead", "show", "there"), 1, "'there' is not a position; write it as in complaints.dead-letters-3@17"),
            (("dead", "list", "--since", "lately"), 2, "--since: 'lately' is neither an age"),
            (("dead", "list", "--stage", "siesta"), 2, "--stage: there is no stage 'siesta'; use one of intake"),
            (("explain", COMPLAINT, "noon"), 2, "Invalid value for 'clock': 'noon' is not one of 'verification'"),
            (("submit",), 2, "Missing argument 'FILE'"),
            (("run", "siesta"), 2, f"there is no stage 'siesta'; use one of {', '.join(STAGES)}"),
            (("--broker", "nonsense", "watch"), 1, "--broker: 'nonsense' is not host:port"),
            (("--prefix", "a b", "watch"), 1, "--prefix: 'a b' does not fit"),
            (("topics", "create", "--partitions", "0"), 1, "ALUR_PARTITIONS: '0' is not a whole number"),
            (("--policy", "nobody", "run"), 1, 'no policy "nobody"'),
            (("policy", "check", "nobody"), 1, 'no policy "nobody"'),
            (("submit", "/no/such/file.csv"), 1, "/no/such/file.csv: No such file or directory"),
            (("submit", "/"), 1, "/: Is a directory"),
            (
                ("--policy", "/etc", "policy", "check", "/etc"),
                1,
                'no policy "/etc": that is a folder, and it is not "demo"',
            ),
            (
                ("submit", "-", "--source", "bad source"),
                2,
                "Invalid value for '--source': 'bad source' is not a URI-reference",
            ),
            (("submit", "-", "--source", ""), 2, "Invalid value for '--source': '' is not a URI-reference"),
            (("submit", "-", "--source", "/a#b"), 2, "Invalid value for '--source': '/a#b' has a #"),
            (
                ("send", "withdraw-complaint", "--complaint", COMPLAINT, "--as", "bad source"),
                2,
                "Invalid value for '--as': 'bad source' cannot send commands",
            ),
            (
                ("calendar", "announce", "2026-01-02", "x", "--as", "a b"),
                2,
                "Invalid value for '--as': 'a b' cannot send commands",
            ),
        ]
    )
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], status: int, message: str) -> None:
    assert one_line(alur(*arguments), status).startswith(message)


def test_a_workbook_in_name_only_is_read_as_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "laporan.XLSX"
    file.write_text("not a workbook\n")

    for form in ((), ("--format", "lapor")):
        assert "no column is known to hold a title" in one_line(alur(*NOWHERE, "submit", *form, str(file)), 2)


@pytest.mark.parametrize("form", [(), ("--format", "lapor"), ("--format", "open311")])
def test_every_reader_reports_an_empty_file(form: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("reports.jsonl", "reports.csv", "reports.xlsx"):
        file = tmp_path / name
        file.touch()
        message = f"{file}: there is nothing in it"
        assert one_line(alur(*NOWHERE, "submit", *form, str(file)), 1) == message
        assert one_line(alur("validate", str(file)), 1) == message
    assert one_line(alur(*NOWHERE, "submit", *form, "-", text=""), 1) == "stdin: there is nothing in it"


def test_a_file_of_blank_lines_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text("\n  \n")

    assert one_line(alur(*NOWHERE, "submit", str(file)), 1) == f"{file}: there is nothing in it"
    assert one_line(alur("validate", str(file)), 1) == f"{file}: there is nothing in it"


def test_where_rejects_cannot_be_written_is_said_before_a_broker_is_asked(tmp_path: Path) -> None:
    reports = tmp_path / "reports.jsonl"
    reports.write_text("{}\n")

    def refused(path: Path) -> str:
        return one_line(alur(*NOWHERE, "submit", str(reports), "--rejects", str(path)), 2)

    nowhere = tmp_path / "missing" / "rejects.csv"
    assert refused(nowhere) == (
        f"--rejects: {nowhere} cannot be written (No such file or directory); nothing was submitted"
    )
    unseen = tmp_path / ("x" * 300) / "rejects.csv"  # root may read any folder, but not by such a name
    assert refused(unseen) == f"--rejects: {unseen} cannot be written (File name too long); nothing was submitted"
    link = tmp_path / "link.csv"
    link.symlink_to(reports)
    for same in (reports, link):
        assert refused(same) == f"--rejects: {same} is the file of the reports itself: name another"
    assert reports.read_text() == "{}\n"


def test_trying_where_rejects_can_be_written_changes_nothing(tmp_path: Path) -> None:
    reports, old, new, link, far = (
        tmp_path / name for name in ("reports.jsonl", "old.csv", "new.csv", "link.csv", "far.csv")
    )
    reports.write_text("{}\n")
    old.write_text("of another day")
    link.symlink_to(far)

    for path in (old, new, link):
        message = one_line(alur(*NOWHERE, "submit", str(reports), "--rejects", str(path)), 1)
        assert message.startswith("no Kafka broker answers")
    assert old.read_text() == "of another day"
    assert not new.exists()
    assert link.readlink() == far
    assert not far.exists()


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("/channels/sms", True),
        ("https://lapor.go.id:8443/a;b?c=d&e/f", True),
        ("urn:uuid:7f1c0f4e", True),
        ("mailto:a@b.go.id", True),
        ("//[::1]/a", True),
        ("relative/with:colon", True),
        ("/a%20b#c", True),
        ("1a:b", False),
        ("/a%2", False),
        ("/saluran/é", False),
        ("/a[b]", False),
        ("/a\n", False),
        ("/" + "a" * 1_000, False),
    ],
)
def test_a_source_is_a_uri_reference(value: str, *, right: bool) -> None:
    if right:
        assert source(value) == value
    else:
        with pytest.raises(typer.BadParameter):
            source(value)


def test_a_file_that_cannot_be_written_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "missing" / "laporan.csv"

    with pytest.raises(Failure, match=f"^{re.escape(str(out))}: No such file or directory$"), _writer(out):
        pass


def test_a_table_without_texts_names_its_columns() -> None:
    result = alur(*NOWHERE, "submit", "-", text="a,b\n1,2\n")

    assert one_line(result, 2).endswith("the columns are a, b")


def test_options_of_tables_are_not_for_json() -> None:
    result = alur(*NOWHERE, "submit", "-", "--source", "/channels/x", "--class", "aspiration", text="{}\n")

    assert one_line(result, 2).startswith("--source, --class: only for tables and Open311")


def test_policies_are_checked_as_the_stages_read_them(tmp_path: Path) -> None:
    checked = alur("policy", "check", "lapor")
    assert checked.exit_code == 0
    assert "lapor/2025-01-01" in checked.output
    assert "5 working days" in checked.output

    broken = tmp_path / "ours.toml"
    broken.write_text('name = "ours"\nversions = []\n')
    assert one_line(alur("policy", "check", str(broken)), 1).startswith(f"{broken}: versions: ")


def test_it_prints_its_version() -> None:
    result = alur("version")

    assert result.exit_code == 0
    assert result.output.startswith("alur ")


def test_the_console_script_is_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["alur", "fly"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert capsys.readouterr().err == "alur: No such command 'fly' (see alur --help)\n"


def test_an_option_without_its_value_names_the_help_of_its_command() -> None:
    for words in (("send", "close-complaint", "--complaint"), ("list", "--office")):
        command = " ".join(words[:-1])
        expected = f"Option '{words[-1]}' requires an argument (see alur {command} --help)"
        assert one_line(alur(*words), 2) == expected
    assert one_line(alur("--broker"), 2).endswith("(see alur --help)")


def test_a_message_shows_the_beginning_of_a_long_word() -> None:
    message = one_line(alur(*NOWHERE, "policy", "check", "a" * 3000), 1)

    assert len(message) < 700
    assert f"{'a' * 400}" in message
    assert "… " in message


@pytest.mark.parametrize(("moment", "year"), [("2026-12-31T16:59:59Z", "2026"), ("2026-12-31T17:00:00Z", "2027")])
def test_a_calendar_is_of_this_year_in_the_capital_unless_another_is_named(
    moment: str, year: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Moment(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromisoformat(moment).astimezone(tz)

    monkeypatch.setattr("agents.cli.calendar.datetime", Moment)
    this_year, named = alur(*NOWHERE, "calendar", "show"), alur(*NOWHERE, "calendar", "show", "2025")
    assert this_year.stdout.splitlines()[-1].startswith(f"{year}: ")
    assert named.stdout.splitlines()[-1].startswith("2025: ")


def test_a_number_has_its_noun() -> None:
    assert [number_of(count, "complaint") for count in (0, 1, 2000)] == [
        "0 complaints",
        "1 complaint",
        "2,000 complaints",
    ]
    assert [number_of(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]


@pytest.mark.parametrize("before", [None, 2])
def test_a_report_for_a_narrow_screen_has_a_row_for_each_figure(
    before: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = REPORTS[Report.OFFICES].figures
    values: dict[str, Any] = dict.fromkeys(figures, 1)
    lines = [Line("denpasar", 12, values, dict.fromkeys(figures, before), {}, {})]
    screen = Console(width=60, highlight=False)
    monkeypatch.setattr("agents.cli.report.console", lambda: screen)

    _print(lines, Period.parse("2026"), Grouping.OFFICE, None)

    title, *rest = capsys.readouterr().out.splitlines()
    assert title == f"complaints received in 2026, {'none before' if before is None else 'beside 2025'}"
    assert max(map(len, rest)) <= 60
    assert [line.split()[0] for line in rest if line.startswith("  ")] == list(figures)


@pytest.mark.parametrize(
    ("words", "completed"), [("run", list(STAGES)), ("run s", ["sla"]), ("run sla es", ["escalation"]), ("run x", [])]
)
def test_a_shell_completes_the_names_of_stages(words: str, completed: list[str]) -> None:
    typed = ["alur", *words.split()]
    at = len(typed) if words == "run" else len(typed) - 1
    env = {"_ALUR_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(typed), "COMP_CWORD": str(at)}
    result = RUNNER.invoke(application(), [], env=env, prog_name="alur")
    assert result.stdout.split() == completed


def test_a_command_to_copy_has_the_options_of_this_call() -> None:
    refused = "nothing was erased: use `alur {}privacy erase " + COMPLAINT
    for options, repeated in ((), ""), (("--prefix", "a b.", "--broker", "k:1"), "--broker k:1 --prefix 'a b.' "):
        assert one_line(alur(*options, "identity", "erase", COMPLAINT), 1).startswith(refused.format(repeated))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("start them with: alur run", "start them with: alur --prefix t. run"),
        ("`alur topics create`, then alur audit", "`alur --prefix t. topics create`, then alur --prefix t. audit"),
        ("start one with `alur broker start`", "start one with `alur broker start`"),
        ("see /opt/alur docs and the alur", "see /opt/alur docs and the alur"),
    ],
)
def test_only_commands_get_options(message: str, expected: str) -> None:
    context = typer.Context(typer.main.get_command(application()), obj=Overrides({"ALUR_PREFIX": "t."}))
    assert (proposed(message, context), proposed(message, None)) == (expected, message)
