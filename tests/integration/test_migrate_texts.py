"""`alur migrate --texts apart`: what people wrote before can be erased, and what was erased before stays behind."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.config.settings import Settings
from agents.ops.audit import audit
from agents.ops.erasures import keep_texts
from events.client import read_all
from events.client.reader import installation_values
from events.codec.decode import decode_texts
from events.installation import TEXTS_APART, TEXTS_IN_FACTS, TEXTS_KEY
from events.topics import INWARD, TOPICS, TopicName
from tests.integration.test_erasing import holding
from tests.integration.test_migrate import CHANNEL, CLOSED, HOLDER, VERIFIED, Step, alur, go, migrating, moved
from tests.support.engines import Engine, eventually, new_engine
from workflow.audit.complaint_history import Code

PLACE: dict[str, Any] = {"category": "infrastruktur-jalan", "location": {"province": "Bali", "city": "Denpasar"}}
ERASED, LATER, ASKED, KEPT = "kudaterhapus", "kudakemudian", "kudadiminta", "kudatetap"
"""Planted in all texts of a complaint: erased before the migration, written after that, erased afterwards, kept."""


def body(planted: str) -> str:
    return f"Lubang sedalam satu jengkal di depan rumah {planted} nomor sembilan."


def reported(engine: Engine, planted: str) -> str:
    return engine.report(f"report-{len(planted)}", body=body(planted), **PLACE)


def answered(planted: str) -> Step:
    return ("record-follow-up", HOLDER, {"text": f"Sudah ditambal untuk {planted}."}, "followed_up")


def replied(planted: str) -> Step:
    return ("reply-to-follow-up", CHANNEL, {"text": f"Belum selesai bagi {planted}."}, "replied")


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    engine.kill_all()


@pytest.fixture
def target(engine: Engine) -> Iterator[Engine]:
    target = moved(engine, 7)
    yield target
    target.kill_all()


def keep(engine: Engine, where: str) -> None:
    """Set where texts are kept, and wait until lifecycle does so: it follows the installation record."""
    keep_texts(engine.settings, where)
    engine.stop("lifecycle")
    engine.start("lifecycle")


def erase(settings: Settings, complaint: str) -> subprocess.CompletedProcess[str]:
    return alur(settings, "privacy", "erase", complaint, "--reason", "Diminta pelapor.", "--wait", "60")


def shown(engine: Engine, complaint: str) -> str:
    done = alur(engine.settings, "show", complaint, "--json")
    assert done.returncode == 0, done.stderr
    return done.stdout


def anywhere(engine: Engine, words: str) -> set[TopicName]:
    """The topics with these words in any record, also one that compaction will remove."""
    records = read_all(engine.settings, [topic.name for topic in TOPICS])
    return {each.topic for each in records if words.encode() in (each.value or b"")}


def test_texts_move_out_of_facts_and_can_be_erased(engine: Engine, target: Engine) -> None:
    keep_texts(engine.settings, TEXTS_IN_FACTS)
    engine.start()
    lives = {planted: reported(engine, planted) for planted in (ERASED, ASKED, KEPT)}
    for planted, complaint in lives.items():
        engine.await_status(complaint, "registered")
        go(engine, complaint, [VERIFIED, answered(planted), replied(planted)])
    keep(engine, TEXTS_APART)
    assert "still hold their words" in erase(engine.settings, lives[ERASED]).stderr
    keep(engine, TEXTS_IN_FACTS)
    go(engine, lives[ERASED], [answered(LATER)])
    engine.await_quiet()
    engine.stop()
    assert anywhere(engine, ERASED) >= {TopicName.EVENTS}  # what no erasure reached

    apart = ("--texts", "apart")
    assert "without what was erased of 1 complaint\n" in migrating(engine, target, *apart, "--dry-run").stdout
    for failpoint in ("after-produce:3", "after-commit:2"):
        killed = migrating(engine, target, *apart, failpoint=f"migrate:{failpoint}")
        assert killed.returncode == -signal.SIGKILL
    assert "began with --texts apart" in migrating(engine, target).stderr
    done = migrating(engine, target, *apart)
    assert done.returncode == 0, done.stderr
    assert "the audits agree: 3 complaints" in done.stdout
    assert installation_values(target.settings)[TEXTS_KEY] == TEXTS_APART
    assert anywhere(target, ERASED) == set()
    for planted in (LATER, ASKED, KEPT):
        assert anywhere(target, planted) == {TopicName.TEXTS}

    target.start()
    for planted in (ASKED, KEPT):
        assert body(planted) in shown(target, lives[planted])
        assert shown(target, lives[planted]).count(planted) >= 3
    assert "[erased]" in shown(target, lives[ERASED])
    assert LATER in shown(target, lives[ERASED])
    go(target, lives[KEPT], [answered(KEPT), CLOSED])

    repeated = target.report("again", "/channels/web", body=body(KEPT), **PLACE)
    target.await_status(repeated, "registered")
    signatures = {
        (each.key or b"").decode().removesuffix("/1"): decode_texts(each.value).signature
        for each in read_all(target.settings, [TopicName.TEXTS])
        if each.value is not None
    }
    assert signatures[repeated] == signatures[lives[KEPT]] != signatures[lives[ASKED]]

    erased = erase(target.settings, lives[ASKED])
    assert erased.returncode == 0, erased.stderr
    for planted in (ERASED, ASKED):  # a report that comes again brings nothing back
        assert reported(target, planted) == lives[planted]
    target.await_quiet()
    eventually("the erasure shows", lambda: ASKED not in shown(target, lives[ASKED]))
    for planted in (ERASED, ASKED):
        assert holding(target, planted) <= INWARD
    assert TopicName.EVENTS not in anywhere(target, ASKED)
    assert holding(target, KEPT) >= {TopicName.TEXTS}
    target.await_settled()
    assert {each.code for each in audit(engine.settings).violations} == {Code.TEXT_KEPT}  # which the target has not


def test_texts_stay_in_facts_unless_asked_for(engine: Engine, target: Engine) -> None:
    keep_texts(engine.settings, TEXTS_IN_FACTS)
    engine.start()
    engine.await_status(reported(engine, KEPT), "registered")
    engine.await_quiet()
    engine.stop()
    done = migrating(engine, target)
    assert done.returncode == 0, done.stderr
    assert "it cannot be erased" in done.stdout
    assert installation_values(target.settings)[TEXTS_KEY] == TEXTS_IN_FACTS
    assert anywhere(target, KEPT) == {TopicName.EVENTS}
