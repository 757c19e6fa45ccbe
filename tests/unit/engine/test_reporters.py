"""Only the reporter speaks for a complaint, from the intake to the fact."""

import json
from pathlib import Path

from tests.support.engines import Engine
from tests.support.in_memory import in_memory

REPORTER = {"name": "Ni Luh Contoh", "phone": "0800-000-000", "subject": "r-7f3a91c0d2"}


def test_a_stranger_is_refused_and_reporter_and_channel_are_accepted(tmp_path: Path) -> None:
    with in_memory(tmp_path, "lapor", "intake", "lifecycle") as engine:
        _speak(engine)


def _speak(engine: Engine) -> None:
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
