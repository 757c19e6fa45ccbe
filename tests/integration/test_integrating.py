"""The examples of docs/how-to/integrate.md run in their order, under a policy in days."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.integrations.file_source import source_of
from agents.integrations.lapor_rows import HEADER
from agents.integrations.sheet_writer import XlsxWriter
from events.ids import complaint_id
from tests.support.engines import Engine, eventually

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = DOCS / "how-to" / "integrate.md"
FILES = sorted((DOCS / "examples").iterdir())
EXAMPLES = dict(re.findall(r"<!-- tried: ([\w-]+) -->\n```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))
EXAMPLES |= {path.stem: path.read_text() for path in FILES}
NODE = {name for name in EXAMPLES if name.startswith("node-")}
COMPLAINT = "419535e9-5c83-5206-857a-a7517e758cf7"

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def run(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run an example as a program of its own, in one directory for all of them; return what it prints."""
    directory = tmp_path_factory.mktemp("integrating")

    def started(name: str) -> str:
        done = subprocess.run(
            [*(("node", "-e") if name in NODE else (sys.executable, "-c")), EXAMPLES[name]],
            env={**os.environ, **engine.settings.to_environment()},
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return started


@pytest.fixture(scope="module")
def closed(engine: Any, run: Run) -> dict[str, str]:
    """A complaint goes from its report to its end, by the examples; what each of them printed."""
    said = {"channel": run("channel"), "channel-plain": run("channel-plain")}
    engine.await_status(COMPLAINT, "registered")
    said["complaints"] = run("complaints")
    engine.command("verify-complaint", COMPLAINT, "/offices/panrb")
    engine.await_status(COMPLAINT, "disposed")
    said["officer"] = run("officer")
    said["officer-plain"] = run("officer-plain")
    eventually("the resolution is published", lambda: engine.events("complaints.resolutions", COMPLAINT))
    return said


def test_every_example_is_tried() -> None:
    text = DOCUMENT.read_text()
    assert len(EXAMPLES) == text.count("```python") + len(FILES)
    assert all(f"(../examples/{path.name})" in text for path in FILES)
    assert set(EXAMPLES) - NODE == {
        f"{who}{how}" for who in ("channel", "officer", "resolutions", "complaints") for how in ("", "-plain")
    }


def test_a_report_becomes_a_complaint_of_a_known_id(engine: Engine, closed: dict[str, str], run: Run) -> None:
    assert closed["channel"] == f"{COMPLAINT}\n"
    other = closed["channel-plain"].strip()
    assert engine.facts(other)[0] == "registered"

    assert run("channel") == f"{COMPLAINT}\n"
    engine.await_quiet()
    assert engine.facts(COMPLAINT).count("registered") == 1


def test_a_command_is_answered(closed: dict[str, str]) -> None:
    assert closed["officer"] == "record-follow-up: followed-up\nthe complaint is followed_up\n"
    assert closed["officer-plain"] == "lapor.complaint.closed.v1\n"


def test_resolutions_are_processed_once(closed: dict[str, str], run: Run) -> None:
    assert closed
    first = run("resolutions")
    assert [line.split()[::2] for line in first.splitlines()] == [[COMPLAINT, "resolved"]]
    assert run("resolutions") == first
    assert [line.split()[::2] for line in run("resolutions-plain").splitlines()] == [[COMPLAINT, "resolved"]]


def test_the_present_and_then_the_facts(engine: Engine, closed: dict[str, str], run: Run) -> None:
    assert f"{COMPLAINT} 1 registered None\n" in closed["complaints"]
    after = run("complaints")
    types = [line.split()[2] for line in after.splitlines() if line.startswith(COMPLAINT)]
    # facts beside the standing: without the first, which was in the present, and each of the others once
    assert sorted(types) == sorted([*engine.facts(COMPLAINT)[1:], "closed"])
    assert run("complaints") == after

    mirrored = run("complaints-plain")
    version = len(engine.facts(COMPLAINT))
    assert f"{COMPLAINT} {version} closed\n" in mirrored
    assert run("complaints-plain") == mirrored


def has_kafkajs() -> bool:
    typed = ["node", "-e", "require('kafkajs')"]
    return which("node") is not None and subprocess.run(typed, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_kafkajs(), reason="needs Node with kafkajs, in NODE_PATH")
def test_another_language(engine: Engine, run: Run) -> None:
    complaint = run("node-channel").strip()
    engine.await_status(complaint, "postponed")
    assert "lapor.complaint.withdrawn.v1\n" in run("node-gateway")
    eventually("the resolution is published", lambda: engine.events("complaints.resolutions", complaint))
    assert f"{complaint} withdrawn\n" in run("node-resolutions")


def alur(engine: Engine, *arguments: str) -> Result:
    runner = CliRunner(env={**engine.settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    return runner.invoke(application(), list(arguments))


def rows_of(file: Path) -> dict[str, dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return {row["Tracking ID"]: row for row in csv.DictReader(stream)}


def test_lapor_rows_are_imported_once_and_exported_without_identities(
    engine: Engine, closed: dict[str, str], tmp_path: Path
) -> None:
    assert closed
    hidden, named = (complaint_id("/channels/lapor", number) for number in ("7001", "7002"))
    rows = (
        {"Tracking ID": "7001", "Pelapor": "Ni Ketut Rahasia", "Anonim/Rahasia": "Anonim", "Judul Laporan": "=1+1"},
        {"Tracking ID": "7002", "Pelapor": "I Wayan Terbuka", "Judul Laporan": "Lampu mati"},
        {"Tracking ID": "7.003", "Judul Laporan": "Nomor yang rusak"},
    )
    workbook, out = tmp_path / "laporan.xlsx", tmp_path / "keluar.csv"
    with workbook.open("wb") as stream, closing(XlsxWriter(stream)) as writer:
        for row in (dict(zip(HEADER, HEADER, strict=True)), *rows):
            writer.write([row.get(name, "") for name in HEADER])
    for _ in range(2):
        result = alur(engine, "submit", "--format", "lapor", str(workbook))
        assert result.stdout.splitlines()[-1] == "submitted 2, skipped 1"
        assert "line 4: id: '7.003' is not a Tracking ID" in result.stdout
        assert result.stderr == "alur: 1 of 3 reports was not submitted\n"
    for each in (hidden, named):
        engine.await_status(each, "postponed")
    engine.await_quiet()
    assert [engine.facts(each).count("registered") for each in (hidden, named)] == [1, 1]
    again = alur(engine, "submit", str(workbook)).stdout
    assert "layout: the LAPOR export, as from /channels/lapor\n" in again
    assert "new 0, known 2, of these changed 0 so far\n" in again

    exports = []
    for options in ((), ("--identities",)):
        result = alur(engine, "export", "--format", "lapor", "--out", str(out), *options)
        assert result.exit_code == 0, result.stderr
        assert "Ni Ketut" not in out.read_text()
        assert "Ni Made" not in out.read_text()
        found = rows_of(out)
        exports.append([found[engine.await_status(each, "postponed")["tracking_id"]] for each in (hidden, named)])
    assert [[row["Pelapor"] for row in each] for each in exports] == [["Anonim", ""], ["Anonim", "I Wayan Terbuka"]]
    [first, _], _ = exports
    assert (first["Judul Laporan"], first["Status Laporan"]) == ("'=1+1", "Ditunda")
    assert first["Alasan Tunda/Arsip"].startswith("Mohon lengkapi")
    ended = rows_of(out)[engine.await_status(COMPLAINT, "closed")["tracking_id"]]
    assert (ended["Status Laporan"], ended["Instansi Induk"]) == ("Ditutup oleh Admin", "Pemerintah Kota Denpasar")

    printed = alur(engine, "export", "--format", "lapor")
    assert len(list(csv.reader(io.StringIO(printed.stdout)))) == len(rows_of(out)) + 1


def test_service_requests_come_in(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "requests.json"
    request = {
        "service_request_id": 638344,
        "status": "open",
        "service_name": "Infrastruktur Jalan",
        "description": "Rusak.",
    }
    file.write_text(json.dumps([request, {"status": "open"}]))

    result = alur(engine, "submit", "--format", "open311", str(file))

    made = complaint_id("/channels/open311", "638344")
    assert result.stdout.splitlines()[-4:] == [
        "request 2: " + _MISSING,
        f"request 1 is complaint {made}",
        "new 1, known 0, of these changed 0",
        "submitted 1, skipped 1",
    ]
    snapshot = engine.await_status(made, "postponed")
    assert (snapshot["category"], snapshot["channel"]) == ("infrastruktur-jalan", "open311")

    engine.await_quiet()
    summaries = []
    for words in ("Rusak.", "Rusak berat."):
        file.write_text(json.dumps([request | {"description": words}]))
        summaries.append(alur(engine, "submit", str(file)).stdout.splitlines()[-2])
    assert summaries == ["new 0, known 1, of these changed 0 so far", "new 0, known 1, of these changed 1"]


def test_of_the_exports_of_two_days_nothing_is_doubled_and_nothing_reopened(engine: Engine, tmp_path: Path) -> None:
    rows = ["id,judul,isi,status", "1,Jalan,Berlubang,open", "2,Lampu,Mati,open", "3,Got,Mampet,submitted"]
    files = [tmp_path / f"laporan-2026-03-{day}.csv" for day in (16, 17)]
    files[0].write_text("\n".join(rows))
    first = alur(engine, "submit", str(files[0])).stdout.splitlines()
    assert first[-2:] == ["new 3, known 0, of these changed 0", "submitted 3, skipped 0"]
    made = [complaint_id(source_of(str(files[0])), number) for number in "123"]
    before = [engine.await_status(each, "postponed")["version"] for each in made]
    engine.await_quiet()

    rows = [
        rows[0],
        "1,Jalan,Berlubang,closed",
        "2,Lampu,Mati,in progress",
        "3,Got,Mampet lagi,open",
        "4,Pasar,Kotor,open",
    ]
    files[1].write_text("\n".join(rows))
    second = alur(engine, "submit", str(files[1])).stdout.splitlines()
    assert second[-2:] == ["new 1, known 2, of these changed 1 so far", "submitted 3, skipped 0"]
    assert "skipped, because settled at their source: 1 (--settled submits them too)" in second
    engine.await_status(complaint_id(source_of(str(files[1])), "4"), "postponed")
    engine.await_quiet()
    assert [engine.await_status(each, "postponed")["version"] for each in made] == before


_MISSING = "service_request_id: missing; without it the request would be another one each time it is sent"
