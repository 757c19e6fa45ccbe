"""Where log lines go, whoever exchanges or closes standard error meanwhile."""

import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from agents import library_logs, logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_lines_go_where_they_went_when_logging_was_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust puts a stream of its own in the place of standard error, which would log our lines, not write them."""
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    logs.configure("json")
    monkeypatch.setattr(sys, "stderr", second)
    structlog.get_logger().info("poll", read=3)
    line = json.loads(first.getvalue())
    assert (line["event"], line["read"], line["level"]) == ("poll", 3, "info")
    assert second.getvalue() == ""


def test_lines_of_a_program_that_has_called_a_command_and_closed_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    closed, own = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    monkeypatch.setattr(sys, "__stderr__", own)
    logs.configure("json")
    closed.close()
    structlog.get_logger().info("poll")
    assert json.loads(own.getvalue())["event"] == "poll"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the process logs from now on, its libraries too, with windows of a tenth of a second."""
    handlers, disabled, out = list(logging.root.handlers), logging.root.manager.disable, io.StringIO()
    monkeypatch.setattr(library_logs, "WINDOW_SECONDS", 0.1)
    logs.configure("json", out, stage="sla")
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    for handler in set(logging.root.handlers) - set(handlers):
        handler.close()
    logging.root.handlers[:] = handlers
    logging.disable(disabled)


def _said(lines: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    return [(line["message"], line.get("repeated")) for line in lines]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_library_that_repeats_itself_is_counted(lines: Callable[[], list[dict[str, Any]]]) -> None:
    client = logging.getLogger("aiokafka.client")
    for _ in range(500):
        client.error("Unable connect to node with id %s", 1)
    client.error("Unable connect to node with id %s", 2)
    assert _said(lines()) == [("Unable connect to node with id 1", None), ("Unable connect to node with id 2", None)]
    _until(lambda: len(lines()) > 2)
    assert _said(lines())[2:] == [("Unable connect to node with id 1", 499)]
    assert {(line["event"], line["library"], line["stage"], line["level"]) for line in lines()} == {
        ("library", "aiokafka.client", "sla", "error")
    }


def test_what_ended_and_comes_again_is_told_at_once(lines: Callable[[], list[dict[str, Any]]]) -> None:
    handler = next(each for each in logging.root.handlers if isinstance(each, library_logs.LibraryLines))
    logging.getLogger("mode").error("crashed")
    _until(lambda: handler.idle)
    logging.getLogger("mode").error("crashed")
    assert _said(lines()) == [("crashed", None)] * 2


def test_lines_that_all_differ_are_bounded_too_and_none_goes_uncounted(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    for number in range(1_000):
        logging.getLogger("asyncio").error("task %s", number)
    logging.getLogger("faust").error("another part has its own")
    assert len(lines()) == library_logs.KINDS_PER_LIBRARY + 1
    logging.getLogger("asyncio").error("task %s", 0)
    for handler in logging.root.handlers:
        handler.flush()
    told = _said(lines())[library_logs.KINDS_PER_LIBRARY + 1 :]
    assert sorted(told) == [("(other messages)", 1_000 - library_logs.KINDS_PER_LIBRARY), ("task 0", 1)]


def test_a_librarys_traceback_stands_in_the_line(lines: Callable[[], list[dict[str, Any]]]) -> None:
    for reason in ("one", "other", "one"):
        error = ValueError(reason)
        logging.getLogger("aiokafka").error("Unexpected error in coordinator routine", exc_info=error)
    found = lines()
    assert [line["exception"].splitlines()[-1] for line in found] == ["ValueError: one", "ValueError: other"]
