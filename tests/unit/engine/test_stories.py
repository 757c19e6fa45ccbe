"""A story is published on purpose, after a scan, and taken back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from events.topics import STAGES
from tests.support.engines import Engine, eventually
from tests.support.in_memory import in_memory

ADMIN = "/offices/panrb"
HOLDER = "/offices/denpasar-pupr/officers/7"
ANSWER = "Ibu Ni Luh Contoh sudah dihubungi di 0812-3456-7890."


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with in_memory(tmp_path, "lapor", *STAGES) as engine:
        yield engine


def story(engine: Engine, *arguments: str) -> Result:
    environment = engine.settings.to_environment()
    return CliRunner(env=environment).invoke(application(), ["story", *arguments])


def closed(engine: Engine, name: str, **report: Any) -> str:
    complaint = engine.report(name, **report)
    engine.await_status(complaint, "registered")
    for command, by, data, status in (
        ("verify-complaint", ADMIN, {}, "disposed"),
        ("record-follow-up", HOLDER, {"text": ANSWER}, "followed_up"),
        ("close-complaint", ADMIN, {}, "closed"),
    ):
        engine.command(command, complaint, by, data)
        engine.await_status(complaint, status)
    return complaint


def published(engine: Engine, complaint: str, count: int) -> Any:
    def probe() -> Any:
        found = engine.events("complaints.resolutions", complaint)
        return [each["data"]["story"] for each in found] if len(found) == count else None

    return eventually(f"{count} resolutions", probe)


def test_a_story_goes_public_after_a_scan_and_goes_again(engine: Engine) -> None:
    complaint = closed(engine, "story")
    assert published(engine, complaint, 1) == [None]

    stopped = story(engine, "publish", complaint)
    assert stopped.exit_code == 1
    assert "answer: phone 0812-3456-7890" in stopped.stdout
    assert "answer: reporter-name ni luh contoh" in stopped.stdout
    assert "nothing is published: 1 x phone, 2 x reporter-name found" in stopped.stderr
    assert len(engine.events("complaints.resolutions", complaint)) == 1

    done = story(engine, "publish", complaint, "--answer", "Pelapor sudah dihubungi.")
    assert done.exit_code == 0, done.output
    assert published(engine, complaint, 2)[-1] == {
        "title": "Jalan berlubang di depan Pasar Badung",
        "answer": "Pelapor sudah dihubungi.",
    }

    assert story(engine, "publish", complaint, "--despite-findings").exit_code == 0
    assert published(engine, complaint, 3)[-1]["answer"] == ANSWER
    fact = engine.events(complaint=complaint)[-1]
    assert fact["data"]["findings"] == [{"kind": "phone", "count": 1}, {"kind": "reporter-name", "count": 2}]

    assert story(engine, "unpublish", complaint, "--reason", "menyebut nama").exit_code == 0
    assert published(engine, complaint, 4)[-1] is None
    assert story(engine, "unpublish", complaint).exit_code == 1


def test_of_a_secret_complaint_no_story_is_published(engine: Engine) -> None:
    complaint = closed(engine, "secret-story", secret=True)
    refused = story(engine, "publish", complaint, "--answer", "Sudah.")
    assert refused.exit_code == 1
    assert "its reporter asked for secrecy" in refused.stderr
    [resolution] = engine.events("complaints.resolutions", complaint)
    assert [resolution["data"][name] for name in ("category", "city", "office", "story")] == [None] * 4
