"""A policy that recognizes reporters needs the keys of the installation."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually, new_engine


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    engine.kill_all()


def test_without_a_key_file_a_stage_does_not_start(engine: Engine) -> None:
    other = Engine(replace(engine.settings, key_file=None), engine.log)
    other.start("lifecycle")
    eventually("it is refused", lambda: not other.alive())
    assert other.processes["lifecycle"].returncode == 78
    assert "ALUR_KEY_FILE is not set" in engine.log.read_text()
