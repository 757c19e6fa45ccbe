"""The examples of docs/how-to/test-your-integration.md run as they stand."""

import os
import re
from pathlib import Path

import pytest

from agents.testing import Engine

PAGE = (Path(__file__).parents[3] / "docs/how-to/test-your-integration.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- tried: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
SHOWN = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def test_every_example_is_tried() -> None:
    assert set(EXAMPLES) == {"engine", "replay"}
    assert PAGE.count("```python") == len(EXAMPLES)
    assert len(PAGE.split()) <= 350 + sum(len(each.split()) for each in EXAMPLES.values())


def test_the_engine_shows_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    exec(EXAMPLES["engine"], {})  # noqa: S102 -- our own page
    assert capsys.readouterr().out == SHOWN[0]


def test_the_replay_finds_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Engine() as engine:
        for name, value in engine.settings.to_environment().items():
            monkeypatch.setitem(os.environ, name, value)
        exec(EXAMPLES["replay"], {})  # noqa: S102 -- as above
    assert capsys.readouterr().out == "0 complaints, 0 decided otherwise\n"
