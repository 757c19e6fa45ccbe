"""Where log lines go while other code replaces or closes standard error."""

import io
import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from agents.observability import library_logs, logs


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


@dataclass
class Log:
    """What the process has logged, its libraries too; the test ends a window."""

    out: io.StringIO
    handler: library_logs.LibraryLines

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def said(self) -> list[tuple[str, int | None]]:
        return [(line["message"], line.get("repeated")) for line in self.lines()]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    handlers, disabled, out = list(logging.root.handlers), logging.root.manager.disable, io.StringIO()
    monkeypatch.setattr(library_logs, "WINDOW_SECONDS", 3_600.0)
    logs.configure("json", out, stage="sla")
    [handler] = [each for each in logging.root.handlers if isinstance(each, library_logs.LibraryLines)]
    yield Log(out, handler)
    handler.close()
    logging.root.handlers[:] = handlers
    logging.disable(disabled)


def test_a_library_that_repeats_itself_is_counted(log: Log) -> None:
    client = logging.getLogger("aiokafka.client")
    for _ in range(500):
        client.error("Unable connect to node with id %s", 1)
    client.error("Unable connect to node with id %s", 2)
    assert log.said() == [("Unable connect to node with id 1", None), ("Unable connect to node with id 2", None)]
    log.handler.end_window()
    assert log.said()[2:] == [("Unable connect to node with id 1", 499)]
    assert {(line["event"], line["library"], line["stage"], line["level"]) for line in log.lines()} == {
        ("library_message", "aiokafka.client", "sla", "error")
    }


def test_a_lasting_message_is_logged_once_a_window_and_a_returning_one_at_once(log: Log) -> None:
    for _ in range(3):
        logging.getLogger("mode").error("crashed")
    log.handler.end_window()
    logging.getLogger("mode").error("crashed")
    assert log.said() == [("crashed", None), ("crashed", 2)], "it has not stopped"
    log.handler.end_window()
    assert log.said()[2:] == [("crashed", 1)]
    log.handler.end_window()
    logging.getLogger("mode").error("crashed")
    assert log.said()[3:] == [("crashed", None)], "it had"


def test_a_window_ends_by_itself(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_logs, "WINDOW_SECONDS", 0.01)
    for _ in range(3):
        logging.getLogger("mode").error("crashed")
    deadline = time.monotonic() + 10
    # wherever a window may have ended, each of the three is in one line
    while sum(times or 1 for _, times in log.said()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_that_all_differ_are_bounded_too_and_none_goes_uncounted(log: Log) -> None:
    for number in range(1_000):
        logging.getLogger("asyncio").error("task %s", number)
    logging.getLogger("faust").error("another part has its own")
    assert len(log.lines()) == library_logs.KINDS_PER_LIBRARY + 1
    logging.getLogger("asyncio").error("task %s", 0)
    log.handler.flush()
    events = log.said()[library_logs.KINDS_PER_LIBRARY + 1 :]
    assert sorted(events) == [("(other messages)", 1_000 - library_logs.KINDS_PER_LIBRARY), ("task 0", 1)]


def test_messages_that_are_counted_together_have_the_highest_of_their_levels(log: Log) -> None:
    library = logging.getLogger("concurrent.futures")
    for number in range(library_logs.KINDS_PER_LIBRARY + 1):
        library.warning("task %s", number)
    library.error("task was destroyed")
    library.warning("task again")
    log.handler.flush()
    library.warning("task once more")
    log.handler.flush()
    events = [(line["message"], line["repeated"], line["level"]) for line in log.lines()[-2:]]
    assert events == [("(other messages)", 3, "error"), ("(other messages)", 1, "warning")]


def test_a_librarys_traceback_stands_in_the_line(log: Log) -> None:
    for reason in ("one", "other", "one"):
        error = ValueError(reason)
        logging.getLogger("aiokafka").error("Unexpected error in coordinator routine", exc_info=error)
    found = log.lines()
    assert [line["exception"].splitlines()[-1] for line in found] == ["ValueError: one", "ValueError: other"]
