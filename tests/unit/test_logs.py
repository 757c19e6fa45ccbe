"""Where log lines go, whoever exchanges or closes standard error meanwhile."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from agents import logs


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
