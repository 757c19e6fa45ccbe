"""`alur migrate`: an installation moves to another prefix and number of partitions, and goes on as if it had not."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from tests.support.engines import Engine, new_engine

ADMIN = "/offices/panrb"
HOLDER = "/offices/denpasar-pupr"
CITIZEN = "/citizens/anonymous"


def alur(settings: Settings, *arguments: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("alur")), *arguments],
        env={**settings.to_environment(), "ALUR_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        check=False,
    )


def moved(engine: Engine, partitions: int) -> Engine:
    settings = replace(engine.settings, prefix=f"t{uuid.uuid4().hex[:12]}.", partitions=partitions)
    return Engine(settings, engine.log.with_name("moved.log"))


def migrating(engine: Engine, target: Engine, *more: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    count = str(target.settings.partitions)
    arguments = ("migrate", "--to", target.settings.prefix, "--partitions", count, *more)
    return alur(engine.settings, *arguments, failpoint=failpoint)


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    for stage in list(engine.processes):
        engine.kill(stage)


def test_what_is_in_the_way_is_named(engine: Engine) -> None:
    engine.start()
    engine.await_status(engine.report("one"), "registered")
    engine.await_quiet()
    engine.stop()
    target, used = moved(engine, 3), moved(engine, 3)
    ensure_topics(used.settings)
    used.report("another")
    assert "is in use, and not by a migration" in migrating(engine, used).stderr
    assert migrating(engine, engine).returncode == 2
    assert migrating(engine, target, failpoint="migrate:after-commit:3").returncode == -signal.SIGKILL
    assert "other numbers of partitions" in migrating(engine, replace_partitions(target, 4)).stderr
    engine.report("late")
    assert "intake has 1 records of" in migrating(engine, target).stderr
    engine.start()
    engine.await_quiet()
    engine.stop()
    late = migrating(engine, target)
    assert "records have come to the topics of" in late.stderr
    assert "and begin anew" in late.stderr


def replace_partitions(engine: Engine, partitions: int) -> Engine:
    return Engine(replace(engine.settings, partitions=partitions), engine.log)
