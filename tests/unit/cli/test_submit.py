"""`alur submit`: output about a file, before and after sending, and the reject file."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.cli.errors import Failure
from agents.cli.import_options import offices_of
from agents.cli.import_report import KnownBefore, Tally, report_lines
from agents.cli.submit import _conclude
from agents.integrations.entries import Report, Skipped, UnreadableFile
from agents.integrations.file_source import source_of
from agents.integrations.import_file import Import
from events.client.errors import KafkaFailure
from events.ids import complaint_id
from tests.support.table_files import HALF_READ, opened, report, workbook

GONE = KafkaFailure("Kafka at kafka:9092 does not answer.")
BEFORE = " (before that 1 was submitted; doing it again does no harm)"
TOLD = "line 3: nothing in it\nsubmitted 1, skipped 1\n"
RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
TABLE = Import((), header=("id", "title"))


def alur(*arguments: str, text: str | bytes | None = None) -> Result:
    return RUNNER.invoke(application(), ["--broker", "127.0.0.1:1", *arguments], input=text)


def dry(content: str | bytes, tmp_path: Path, *options: str, name: str = "laporan.csv") -> Result:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return alur("submit", "--dry-run", str(file), *options)


def tally() -> Tally:
    """One report that Kafka has acknowledged, and one invalid line."""
    return Tally(
        handed_over=1, accepted=1, complaints=Counter(["one"]), skipped=[Skipped(3, "nothing in it", ["2", ""])]
    )


@pytest.mark.parametrize(
    ("ended_by", "raised"), [(GONE, Failure), (UnreadableFile("line 4 is no CSV"), UnreadableFile)], ids=type
)
def test_entries_skipped_before_a_failure_are_reported_and_written(
    ended_by: UnreadableFile | KafkaFailure, raised: type[Exception], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(raised) as failure:
        _conclude(tally(), rejects, TABLE, ended_by, None)
    assert str(failure.value) == f"{ended_by}{BEFORE}"
    assert capsys.readouterr().out == TOLD
    assert rejects.read_text() == "alurline,alurreason,alursource,id,title\n3,nothing in it,,2,\n"


def test_where_kafka_fails_before_anything_was_read_there_is_nothing_else_to_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(Failure) as failure:
        _conclude(Tally(), rejects, TABLE, GONE, None)
    assert str(failure.value) == str(GONE)
    assert capsys.readouterr().out == ""
    assert not rejects.exists()


def test_rejects_that_cannot_be_written_hide_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unwritten = f"--rejects: {tmp_path} cannot be written (Is a directory); what was submitted is submitted"
    with pytest.raises(Failure) as failure:
        _conclude(tally(), tmp_path, TABLE, None, None)
    assert (str(failure.value), capsys.readouterr().out) == (unwritten, TOLD)

    with pytest.raises(Failure) as failure:
        _conclude(tally(), tmp_path, TABLE, GONE, None)
    assert (str(failure.value), capsys.readouterr().out) == (f"{GONE}{BEFORE}", f"{TOLD}{unwritten}\n")


@pytest.mark.parametrize(
    ("left_out", "accepted", "message"),
    [
        (1, 0, "1 of 1 report was not submitted"),
        (1, 2, "1 of 3 reports was not submitted"),
        (2, 1, "2 of 3 reports were not submitted"),
    ],
)
def test_one_report_that_is_left_out_was_not_submitted(left_out: int, accepted: int, message: str) -> None:
    counted = Tally(handed_over=accepted, accepted=accepted, skipped=[Skipped(3, "nothing in it", [])] * left_out)
    with pytest.raises(Failure, match=f"^{message}$"):
        _conclude(counted, None, TABLE, None, None)


def test_files_without_entries_are_refused_in_the_same_words(tmp_path: Path) -> None:
    for name, content in (("a.csv", ""), ("b.csv", "id,title\n"), ("c.xlsx", workbook([])), ("d.xlsx", "")):
        assert dry(content, tmp_path, name=name).stderr.endswith(": there is nothing in it\n"), name


def test_a_message_with_a_subject_that_names_a_person_is_submitted_with_a_note(tmp_path: Path) -> None:
    data = {"class": "complaint", "title": "Jalan", "reporter": {"subject": "3171234567890123"}}
    head = {"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": "/channels/sms", "id": "1"}
    done = dry(json.dumps(head | {"data": data}), tmp_path, name="report.json")
    assert "would submit 1" in done.output
    note = "looks like a phone number, a NIK or an e-mail address: no command of the reporter will count"
    assert f"line 1: reporter.subject: {note}\n" in done.output


def test_a_file_without_a_name_is_refused() -> None:
    done = alur("submit", "")
    assert done.exit_code == 2
    assert done.stderr == "alur: the name of the file is empty: name one, or - for standard input\n"


def test_an_unknown_code_of_a_dead_letter_is_refused() -> None:
    done = alur("dead", "list", "--code", "foo")
    assert (done.exit_code, done.stderr[:45]) == (2, "alur: --code: there is no code 'foo'; use one")


def test_new_known_and_changed_are_counted_with_a_few_ids() -> None:
    found = tally()
    found.lines = [(2, "one")]
    assert list(report_lines(found, "row", KnownBefore(known=1, changed=1), all_written=False))[1:] == [
        "row 2 is complaint one",
        "new 0, known 1, of these changed 1",
        "submitted 1, skipped 1",
    ]
    undecided = list(report_lines(found, "row", KnownBefore(known=1), all_written=False))
    assert undecided[-2] == "new 0, known 1, of these changed 0 so far"
    refused = list(report_lines(found, "row", KnownBefore(unknown_why="no right to read"), all_written=False))
    assert refused[-2] == "which of them are new could not be looked up: no right to read"


def test_an_office_that_is_kept_is_not_said_to_be_left_out(tmp_path: Path) -> None:
    result = dry("id,judul,instansi tujuan\n1,Jalan,Dinas Atlantis\n", tmp_path)
    assert result.exit_code == 0
    assert "line 2: office: 'Dinas Atlantis' is not in the directory of lapor/" in result.stdout
    assert "left out" not in result.stdout


def test_frequent_omissions_are_shown_a_few_times_and_counted(tmp_path: Path) -> None:
    result = dry("id,judul,lat,lon\n" + "".join(f"{n},Jalan,52.5,13.4\n" for n in range(30)), tmp_path)
    assert result.stdout.count("left out: lat, lon: 52.5, 13.4 lies outside Indonesia") == 5
    assert "in all: 30 of lat, lon\n" in result.stdout


class TestDryRun:
    CSV = (
        "id,judul,anonim,tanggal kejadian,kota\n1,Jalan,ya,2026-03-14,Denpasar\n2,Lampu,mungkin,,\n3,Got,,3020-01-01,\n"
    )

    def test_it_shows_the_first_rows_and_counts_without_a_broker(self, tmp_path: Path) -> None:
        result = dry(self.CSV, tmp_path)
        assert result.exit_code == 1
        layout, columns, header, first, third, *rest = result.stdout.splitlines()
        source = source_of(str(tmp_path / "laporan.csv"))
        assert layout == f"layout: a table, as from {source}"
        assert columns.startswith("columns: id=id, title=judul, event_date=tanggal kejadian")
        assert header.split() == [
            "line",
            "id",
            "reported",
            "happened",
            "class",
            "privacy",
            "place",
            "title",
            "reporter",
        ]
        assert first.split()[0:2] + first.split()[3:] == [
            "2",
            "1",
            "2026-03-14",
            "complaint",
            "anonymous",
            "Denpasar",
            "Jalan",
        ]
        assert third.split()[:2] == ["4", "3"]
        assert rest == [
            "line 3: anonymous: 'mungkin' is neither yes nor no",
            "line 4: left out: event_date: '3020-01-01' is after the report, or in the future",
            f"line 2 is complaint {complaint_id(source, '1')}",
            f"line 4 is complaint {complaint_id(source, '3')}",
            "would submit 2, skipped 1",
        ]
        assert result.stderr == "alur: 1 of 3 reports would not be submitted\n"

    def test_a_sum_is_named_and_what_a_citizen_wrote_beside_one_is_a_reject(self, tmp_path: Path) -> None:
        rows = ("1,Jalan,rusak,,", "---,---,---,---,---", "R-17,---,---,Budi,081234567", "Total,1,,,")
        table = "\n".join(["id,judul,isi,pelapor,telepon", *rows])
        rejects = tmp_path / "rejects.csv"
        result = dry(table, tmp_path, "--rejects", str(rejects))
        assert result.exit_code == 1
        assert "skipped, because no report: 2 lines of sums or rules (3, 5)\n" in result.stdout
        assert [row[:1] + row[3:] for row in csv.reader(rejects.read_text().splitlines())][1:] == [
            ["4", "R-17", "'---", "'---", "Budi", "081234567"]
        ]

        many = "id,judul\n1,Jalan\n" + "---,---\n" * 30
        result = dry(many, tmp_path)
        assert result.exit_code == 0
        numbers = ", ".join(map(str, range(3, 23)))
        assert f"skipped, because no report: 30 lines of sums or rules ({numbers}, …)\n" in result.stdout

    def test_reporters_who_asked_for_privacy_are_not_named(self, tmp_path: Path) -> None:
        rows = ["1,Jalan,Wayan,ya,", "2,Lampu,Made,,ya", "3,Got,Ketut,,", "4,Pasar,,ya,"]
        result = dry("\n".join(["id,judul,nama,anonim,rahasia", *rows]), tmp_path)
        assert [line.split()[-1] for line in result.stdout.splitlines()[3:7]] == [
            "(given)",
            "(given)",
            "Ketut",
            "Pasar",
        ]
        assert "Wayan" not in result.output
        assert "Made" not in result.output

    @pytest.mark.parametrize("content", ["", "\n", "id,judul\n", "[]", '{"service_requests": []}'])
    def test_an_empty_file_fails(self, content: str, tmp_path: Path) -> None:
        result = dry(content, tmp_path)
        assert (result.exit_code, result.stderr) == (1, f"alur: {tmp_path / 'laporan.csv'}: there is nothing in it\n")

    def test_a_decision_that_is_needed_is_one_line_and_misuse(self, tmp_path: Path) -> None:
        result = dry("id,judul,created_at\n1,Jalan,03/04/2026\n", tmp_path)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
        assert "--dates dmy or --dates mdy" in result.stderr
        assert dry("id,judul,created_at\n1,Jalan,03/04/2026\n", tmp_path, "--dates", "dmy").exit_code == 0

    def test_every_option_decides_something(self, tmp_path: Path) -> None:
        header = "x;y\nRekap;\nJudul;Diubah;Tanggal Laporan;Status;Bujur;Lintang\n"
        content = f"{header}Jalan;kemarin;16 Mar 2026 09:11;Sortir;13,4;52,5\n"
        options = ("--no-id", "--ignore", "Diubah", "--header-row", "3", "--open-as", "sortir", "--anywhere")
        result = dry(content.encode("cp1252"), tmp_path, *options, "--zone", "Asia/Makassar", "--encoding", "cp1252")
        assert result.exit_code == 0, result.stderr
        assert "2026-03-16T01:11:00" in result.stdout
        assert "52.5 13.4" in result.stdout

    def test_an_unknown_time_zone_is_refused(self, tmp_path: Path) -> None:
        assert "'Asia/Atlantis' is not a time zone" in dry(self.CSV, tmp_path, "--zone", "Asia/Atlantis").stderr


class TestRejects:
    def test_they_are_for_their_owner_only(self, tmp_path: Path) -> None:
        rejects = tmp_path / "rest.csv"
        dry("id,judul,anonim\n1,Jalan,mungkin\n", tmp_path, "--rejects", str(rejects))
        assert rejects.stat().st_mode & 0o777 == 0o600

    def test_those_of_a_table_are_rows_to_be_mended_and_submitted(self, tmp_path: Path) -> None:
        rejects = tmp_path / "rest.csv"
        assert dry(TestDryRun.CSV, tmp_path, "--rejects", str(rejects)).exit_code == 1
        with rejects.open(newline="") as stream:
            [row] = csv.DictReader(stream)
        assert row == {
            "alurline": "3",
            "alurreason": "anonymous: 'mungkin' is neither yes nor no",
            "alursource": source_of(str(tmp_path / "laporan.csv")),
            "id": "2",
            "judul": "Lampu",
            "anonim": "mungkin",
            "tanggal kejadian": "",
            "kota": "",
        }
        mended = rejects.read_text().replace(",mungkin,", ",ya,")
        [found] = opened(mended).items
        assert isinstance(found, Report)
        assert found.complaint == complaint_id(source_of(str(tmp_path / "laporan.csv")), "2")

    def test_those_of_a_file_of_rejects_keep_their_channel_and_hold_no_formula(self, tmp_path: Path) -> None:
        first, second = tmp_path / "rest.csv", tmp_path / "rest of rest.csv"
        dry("id,judul,anonim\n1,=1+1,mungkin\n", tmp_path, "--rejects", str(first))
        assert ",1,'=1+1,mungkin" in first.read_text()
        dry(first.read_bytes(), tmp_path, "--rejects", str(second), name="rest.csv")
        assert second.read_text().splitlines()[1:] == first.read_text().splitlines()[1:]
        found = report(second.read_text().replace("mungkin", "ya"))
        assert (found.source, found.data.title) == (source_of(str(tmp_path / "laporan.csv")), "=1+1")

    def test_those_of_a_workbook_are_too(self, tmp_path: Path) -> None:
        rejects = tmp_path / "rest.csv"
        dry(
            workbook(["id", "judul", "anonim"], ["0042", "Lampu", "mungkin"]),
            tmp_path,
            "--rejects",
            str(rejects),
            name="a.xlsx",
        )
        assert rejects.read_text().splitlines()[1].endswith(",0042,Lampu,mungkin")

    def test_a_row_that_could_not_be_read_is_kept_as_far_as_it_was(self, tmp_path: Path) -> None:
        rejects = tmp_path / "rest.csv"
        dry('id,judul,isi\n1,"Jalan,rusak\n2,Lampu,mati\n', tmp_path, "--rejects", str(rejects))
        [_, row] = csv.reader(rejects.read_text().splitlines())
        assert row[3:] == ["1", '"Jalan', "rusak"]

    @pytest.mark.parametrize("form", ["json", "open311"])
    def test_those_of_json_are_objects_to_be_mended_and_submitted(self, form: str, tmp_path: Path) -> None:
        rejects = tmp_path / "rest.jsonl"
        entries = HALF_READ[form]
        dry(json.dumps(entries), tmp_path, "--rejects", str(rejects), name="a.json")
        [line] = rejects.read_text().splitlines()
        kept = json.loads(line)
        assert kept.pop("alurreason")
        assert kept.pop("alursource", "") == ("/channels/open311" if form == "open311" else "")
        assert kept == entries[1]
        whole = json.loads(line.replace('"mungkin"', "false"))
        [found] = opened(json.dumps(whole)).items
        assert isinstance(found, Report)
        assert b"alurreason" not in found.value


def test_an_office_is_found_by_its_id_or_its_name_and_kept_as_text_if_it_is_not() -> None:
    find = offices_of("lapor")
    assert find("denpasar-pupr") == ("denpasar-pupr", None)
    assert find("dinas pekerjaan umum dan penataan ruang KOTA DENPASAR") == ("denpasar-pupr", None)
    text, why = find("Dinas Atlantis")
    assert text == "Dinas Atlantis"
    assert why is not None
    assert why.startswith("'Dinas Atlantis' is not in the directory of lapor/")
