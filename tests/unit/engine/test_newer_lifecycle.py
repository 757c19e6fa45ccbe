"""The present lifecycle is started on the state that a later version has written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from agents.runtime.stage import RefusedToStart
from events import provenance
from events.topics import STAGES, TopicName
from tests.support.engines import CITIZEN
from tests.support.in_memory import InMemoryEngine, in_memory
from tests.unit.engine.test_announced_holidays import announce, working_days_from_now

NEWER = provenance.WRITER + 1


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InMemoryEngine]:
    with in_memory(tmp_path, "demo", *(set(STAGES) - {"lifecycle"})) as engine:
        yield engine


@contextmanager
def lifecycle(engine: InMemoryEngine, number: int) -> Iterator[None]:
    """Run lifecycle as the version with that writer number."""
    mark = (provenance.WRITER_HEADER, str(number).encode())
    with patch.multiple(provenance, WRITER=number, _MARK=mark), patch("agents.stages.lifecycle.WRITER", number):
        engine.start("lifecycle")
        yield
        engine.stop("lifecycle")


def assert_refused(engine: InMemoryEngine) -> None:
    with pytest.raises(RefusedToStart, match=r"newer version \(writer 2, this one is 1\)"):
        engine.start("lifecycle")


def test_its_complaint_is_not_written_over(engine: InMemoryEngine) -> None:
    with lifecycle(engine, provenance.WRITER):
        complaint = engine.report("newer")
        engine.await_status(complaint, "disposed")
    with lifecycle(engine, NEWER):
        engine.command("withdraw-complaint", complaint, CITIZEN)
        engine.await_status(complaint, "withdrawn")
    written = [provenance.writer_of(record.headers) for record in engine.kit.records(TopicName.STATE)]
    assert written == sorted(written, key=lambda number: number or 0)
    assert set(written) == {provenance.WRITER, NEWER}
    assert_refused(engine)
    with lifecycle(engine, NEWER):
        engine.await_status(engine.report("another"), "disposed")


def test_nor_its_calendar(engine: InMemoryEngine) -> None:
    with lifecycle(engine, NEWER):
        announced = announce(engine, working_days_from_now(20))
        assert announced.exit_code == 0, announced.output
    assert_refused(engine)
