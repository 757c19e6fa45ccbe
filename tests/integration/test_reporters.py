"""Only the reporter speaks for a complaint, from the intake to the fact."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually, new_engine

REPORTER = {"name": "Ni Luh Contoh", "phone": "0800-000-000", "subject": "r-7f3a91c0d2"}


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    for stage in list(engine.processes):
        engine.kill(stage)


def test_a_stranger_is_refused_and_reporter_and_channel_are_accepted(engine: Engine) -> None:
    engine.start("intake", "lifecycle")
    first, second = (engine.report(name, reporter=REPORTER, source="/channels/web") for name in ("one", "two"))
    for complaint in (first, second):
        engine.await_status(complaint, "registered")

    for stranger in ("/citizens/r-another", "/channels/sms"):
        answer = engine.await_answer(engine.command("withdraw-complaint", first, stranger))
        assert (answer["data"]["code"], answer["data"]["detail"]) == ("not-permitted", "not-the-reporter")
    engine.command("withdraw-complaint", first, "/citizens/r-7f3a91c0d2")
    engine.await_status(first, "withdrawn")
    engine.command("withdraw-complaint", second, "/channels/web")
    engine.await_status(second, "withdrawn")

    digests = [str(engine.events(complaint=each)[0]["data"]["reporter_digest"]) for each in (first, second)]
    assert len(set(digests)) == 2
    quiet = [each for each in engine.read("complaints.events") if each.key() == second.encode()]
    assert not any(b"r-7f3a91c0d2" in each.value() for each in quiet)
    kept = [json.loads(each.value())["reporter"]["subject"] for each in engine.read("complaints.identities")]
    assert kept == ["r-7f3a91c0d2"] * 2


def test_without_a_key_file_a_stage_does_not_start(engine: Engine) -> None:
    other = Engine(replace(engine.settings, key_file=None), engine.log)
    other.start("lifecycle")
    eventually("it is refused", lambda: not other.alive())
    assert other.processes["lifecycle"].returncode == 78
    assert "ALUR_KEY_FILE is not set" in engine.log.read_text()
