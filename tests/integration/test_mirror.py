"""`alur mirror` on a real Kafka, into DuckDB and a real PostgreSQL, killed at each step."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.local_broker.node import free_ports
from agents.mirror.definitions import REPORTS, Grouping
from agents.mirror.figures import Period, report
from agents.mirror.service import Mirror
from agents.mirror.site import build
from agents.mirror.stores import MirrorError, Reading, open_store
from tests.support.engines import Engine, eventually
from tests.support.forked_stage import run_alur

ALUR = str(Path(sys.executable).with_name("alur"))
TABLES = ("facts", "complaints", "clocks", "resolutions", "offices", "positions", "unread")


def mirror(engine: Engine, *arguments: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **engine.settings.to_environment(), "ALUR_FAILPOINT": failpoint}
    return run_alur(environment, "mirror", *arguments)


def dump(target: str) -> dict[str, list[tuple[Any, ...]]]:
    with Reading(target) as reading:
        return {table: sorted(reading.rows(f"SELECT * FROM {table}"), key=repr) for table in TABLES}  # noqa: S608


def test_it_is_copied_once_wherever_it_is_killed(stopped_engine: Engine, postgres: str, tmp_path: Path) -> None:
    engine = stopped_engine
    engine.start()
    duck = str(tmp_path / "mirror.duckdb")
    for point in ("after-produce:1", "after-commit:1", "after-produce:1", "after-commit:1"):
        for number in range(5):
            engine.report(f"{point}-{number}-{len(engine.events())}", title=f"Jalan {number}")
        engine.await_quiet()
        for target in (duck, postgres):
            killed = mirror(engine, "sync", target, failpoint=f"mirror:{point}")
            assert killed.returncode == -signal.SIGKILL, killed.stderr
    engine.await_quiet()
    engine.stop()
    for target in (duck, postgres):
        done = mirror(engine, "sync", target)
        assert done.returncode == 0, done.stderr
    facts = {(each["subject"], int(each["sequence"])) for each in engine.events()}
    for target in (duck, postgres):
        found = dump(target)
        assert {row[:2] for row in found["facts"]} == facts
        assert len(found["facts"]) == len(facts)
        assert len(found["complaints"]) == 20
        assert mirror(engine, "sync", target, "--rebuild").returncode == 0
        assert dump(target) == found
    assert dump(duck) == dump(postgres)


def test_it_is_copied_once_whenever_it_is_killed(stopped_engine: Engine, postgres: str, tmp_path: Path) -> None:
    """`make kills TIMES=100` kills more often than the default."""
    engine, lots = stopped_engine, random.Random(1708)  # noqa: S311 -- no secret
    engine.start()
    duck = str(tmp_path / "killed.duckdb")
    environment = {**os.environ, **engine.settings.to_environment()}
    assert mirror(engine, "sync", postgres, "--rebuild").returncode == 0
    for number in range(int(os.environ.get("TIMES", "5"))):
        for each in range(5):
            engine.report(f"killed-{number}-{each}", title=f"Jalan {number} {each}")
        with (
            subprocess.Popen([ALUR, "mirror", "run", postgres], env=environment) as running,
            subprocess.Popen([ALUR, "mirror", "sync", duck], env=environment) as syncing,
        ):
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(lots.uniform(1.0, 4.0))
            assert running.poll() is None
            running.kill()
            syncing.kill()
    engine.await_quiet()
    engine.stop()
    facts = {(each["subject"], int(each["sequence"])) for each in engine.events()}
    for target in (duck, postgres):
        done = mirror(engine, "sync", target)
        assert done.returncode == 0, done.stderr
        found = dump(target)
        assert sorted(row[:2] for row in found["facts"]) == sorted(facts)
        assert mirror(engine, "sync", target, "--rebuild").returncode == 0
        assert dump(target) == found
    assert dump(duck) == dump(postgres)


def test_it_runs_on_beside_readers(engine: Engine, postgres: str, tmp_path: Path) -> None:
    port = str(free_ports(1)[0])
    environment = {**os.environ, **engine.settings.to_environment()}
    with subprocess.Popen([ALUR, "mirror", "run", postgres, "--rebuild", "--port", port], env=environment) as running:
        try:
            first = engine.report("first")
            eventually("the complaint is there", lambda: first in known(postgres))
            with Reading(postgres) as reading:
                for name in REPORTS:
                    (line,) = report(reading, name, Period.parse(f"{datetime.now(UTC):%Y}"), by=Grouping.TOTAL)
                    assert line.size in {1, 2}
                assert build(reading, tmp_path / "site").quarters == 0
            with pytest.raises(MirrorError, match="another mirror writes to this database"):
                open_store(postgres, rebuild=False)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                metrics = answer.read().decode()
            assert "alur_mirror_records_total" in metrics
            assert "alur_mirror_lag_records" in metrics
            for question in ("live", "ready"):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{question}", timeout=10) as answer:
                    assert json.load(answer) == {question: True}
        finally:
            running.terminate()
        assert running.wait(30) == 0


def test_readers_keep_the_old_tables_until_the_new_ones_are_complete(engine: Engine, postgres: str) -> None:
    complaint = engine.report("rebuilt")
    engine.await_status(complaint, "registered")
    assert mirror(engine, "sync", postgres, "--rebuild").returncode == 0
    with open_store(postgres, rebuild=False) as store:
        store.execute("INSERT INTO unread VALUES ('of the old tables', 0, 0, 'kept')")
    with open_store(postgres, rebuild=True) as store:
        ending = threading.Event()
        running = Mirror(engine.settings, store).run(ending.is_set)
        assert next(running).records
        assert dump(postgres)["unread"] == [("of the old tables", 0, 0, "kept")]
        eventually("the new tables are there", lambda: (next(running), dump(postgres)["unread"])[1] == [])
        assert complaint in known(postgres)
        ending.set()
        assert list(running) == []


def known(target: str) -> set[str]:
    try:
        with Reading(target) as reading:
            return {row[0] for row in reading.rows("SELECT complaint_id FROM complaints")}
    except MirrorError:  # before its first transaction
        return set()


def test_a_file_has_no_continuous_mirror(engine: Engine, tmp_path: Path) -> None:
    done = mirror(engine, "run", str(tmp_path / "mirror.duckdb"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "run needs PostgreSQL" in done.stderr
