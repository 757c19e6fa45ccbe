"""Planted names, numbers and words: searched for in all that an installation shows, before and after their erasure."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from events.client import read_all
from events.topics import STAGES, TOPICS, TopicName
from events.vocabulary import Detail, Refusal
from tests.integration.test_erasing import EXPIRING, force_compaction, segments
from tests.support.engines import WAIT_SECONDS, Engine, eventually, new_engine, ports_in_a_row
from tests.support.forked_stage import run_alur

CHANNEL, PANRB, PUPR = "/channels/sms", "/offices/panrb", "/offices/denpasar-pupr"
PERSON: Final = {
    "name": "Zqxketut Nama",
    "phone": "081299988877",
    "email": "zqxsurel@contoh.id",
    "subject": "zqxwarga-1",
}
REPORT: Final[dict[str, Any]] = {
    "title": "Zqxjudul lampu mati",
    "body": "Zqxisi: NIK 5171012501900007, rumah nomor sembilan, sudah dua pekan gelap.",
    "office": "Zqxkantor di ujung jalan",
    "attachments": ["https://contoh.example/zqxlampiran.jpg"],
    "reporter": PERSON,
    "anonymous": False,
}
LIFE: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("postpone-complaint", PANRB, {"missing": ["foto"], "reason": "Zqxkurang fotonya."}),
    ("complete-report", CHANNEL, {"title": "Zqxjudulbaru", "body": "Zqxisibaru, dengan alamat."}),
    ("verify-complaint", PANRB, {"edited_text": "Zqxdisunting."}),
    ("dispose-complaint", PANRB, {"office": "denpasar-pupr"}),
    ("return-disposition", PUPR, {"reason": "Zqxbukan wewenang."}),
    ("dispose-complaint", PANRB, {"office": "denpasar-pupr"}),
    ("request-extension", PUPR, {"working_days": 2, "reason": "Zqxperlu waktu."}),
    ("decide-extension", "/offices/denpasar", {"approved": False, "reason": "Zqxtidak perlu."}),
    ("record-follow-up", PUPR, {"text": "Zqxjawaban.", "evidence": ["https://contoh.example/zqxbukti.jpg"]}),
    ("reply-to-follow-up", CHANNEL, {"text": "Zqxbalasan."}),
    ("record-follow-up", PUPR, {"text": "Zqxjawabanlagi."}),
    ("close-complaint", PANRB, {"reason": "Zqxselesai."}),
    ("rate-resolution", CHANNEL, {"rating": 4, "text": "Zqxpuas."}),
    ("publish-story", PANRB, {"title": "Zqxkisah", "answer": "Zqxjawabkisah."}),
)  # fmt: skip
REFUSED: Final = "zqxtertolak"
"""Planted in messages that are of the wrong form."""
WORDS: Final = sorted({*re.findall(r"zqx[a-z]+", json.dumps([REPORT, LIFE]).lower()), "5171012501900007"} - {
    "zqxketut", "zqxsurel", "zqxwarga"
})  # fmt: skip
IDENTIFIERS: Final = ["zqxketut", "081299988877", "zqxsurel", "zqxwarga"]
STORY: Final = {"zqxkisah", "zqxjawabkisah"}
STREAM_SECONDS: Final = 1.5
_TOOLS: Final = (
    ("lag",),
    ("audit",),
    ("audit", "--identities"),
    ("watch", "--once"),
    ("dead", "list"),
    ("topics", "list"),
)


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    engine.kill_all()


def alur(engine: Engine, *arguments: str) -> str:
    done = run_alur({**os.environ, **engine.settings.to_environment()}, *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def fetched(address: str) -> str:
    """Return the response of an address; of a stream, what arrives within moments."""
    seconds = STREAM_SECONDS if address.endswith("/stream") else WAIT_SECONDS
    found, until = b"", time.monotonic() + seconds
    # an error while it reads, or a stream that is quiet
    with suppress(urllib.error.HTTPError, TimeoutError), urllib.request.urlopen(address, timeout=seconds) as answer:  # noqa: S310 -- an address of this test
        while (part := answer.read1(65_536)) and time.monotonic() < until:
            found += part
    return found.decode()


def topics(engine: Engine) -> dict[str, str]:
    """Return all that counts in each topic: keys, headers and values."""
    last: dict[object, tuple[TopicName, str]] = {}
    for record in read_all(engine.settings, [topic.name for topic in TOPICS]):
        compacted = record.topic not in EXPIRING and record.topic is not TopicName.EVENTS
        place = record.topic, record.partition, record.key if compacted else record.offset
        shown = repr((record.key, dict(record.headers))) if record.value is not None else ""
        last[place] = record.topic, f"{shown}\n{(record.value or b'').decode(errors='replace')}"
    found: dict[str, str] = {}
    for topic, text in last.values():
        found[topic] = found.get(topic, "") + text
    return found


def shown(engine: Engine, web: int, board: str, number: str) -> dict[str, str]:
    """Return what each surface shows, by its name."""
    found = topics(engine)
    for port, stage in enumerate(STAGES, web):
        for path in ("metrics", "health/live", "health/ready"):
            found[f"{stage} /{path}"] = fetched(f"http://127.0.0.1:{port}/{path}")
    for path in ("", "figures", "figures/stream", f"complaints/{number}", "health/ready"):
        found[f"board /{path.partition('/')[0] if number in path else path}"] = fetched(f"{board}{path}")
    for tool in (*_TOOLS, ("show", number), ("export", "--format", "lapor")):
        found[f"alur {' '.join(tool[:2] if tool[0] != 'show' else tool[:1])}"] = alur(engine, *tool)
    found["logs"] = engine.log.read_text(errors="replace")
    return found


def holding(surfaces: Mapping[str, str], planted: list[str]) -> dict[str, set[str]]:
    """Return the surfaces with a planted word, and which."""
    found = {name: {each for each in planted if each in text.lower()} for name, text in surfaces.items()}
    return {name: words for name, words in found.items() if words}


def test_planted_words_are_where_they_may_be_and_gone_once_they_are_erased(engine: Engine, tmp_path: Path) -> None:
    web = ports_in_a_row(len(STAGES))
    environment = {**os.environ, **engine.settings.to_environment(), "ALUR_WEB": f"127.0.0.1:{web}", "ALUR_LOG": "json"}
    program = Path(sys.executable).parent / "alur"
    engine.start_command(f"{program} run", environment)
    complaint = engine.report("planted", CHANNEL, **REPORT)
    engine.await_status(complaint, "registered")
    for name, by, data in LIFE:
        engine.await_answer(engine.command(name, complaint, by, data))
    for broken in (
        {"text": ["Zqxtertolak"]},
        {"text": "Zqxtertolak" * 500},
        {"text": "Zqxtertolak", "x": "Zqxtertolak"},
    ):
        engine.command("record-follow-up", complaint, PUPR, broken)
    for count, change in enumerate(({"secret": "Zqxtertolak"}, {"title": "Zqxtertolak" * 50}, {"x": "Zqxtertolak"})):
        engine.report(f"broken-{count}", CHANNEL, **change)
    engine.await_quiet()
    number = str((engine.snapshot(complaint) or {})["tracking_id"])
    with (tmp_path / "board.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "board", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        board = process.stdout.readline().split()[1]
        eventually("the board has read", lambda: '"reading":false' in fetched(f"{board}figures").replace(" ", ""))

        before = shown(engine, web, board, number)
        words_by_topic = holding(before, WORDS)
        reading = {"alur show", "alur export --format", "board /complaints"}
        assert set(words_by_topic) == {TopicName.INTAKE, TopicName.COMMANDS, TopicName.TEXTS, TopicName.STORIES,
                             TopicName.RESOLUTIONS, *reading}  # fmt: skip
        assert words_by_topic[TopicName.TEXTS] == set(WORDS)
        assert words_by_topic[TopicName.STORIES] == words_by_topic[TopicName.RESOLUTIONS] == STORY
        refused = {TopicName.INTAKE, TopicName.COMMANDS, TopicName.DEAD_LETTERS}
        assert set(holding(before, [REFUSED])) == refused
        assert set(holding(before, IDENTIFIERS)) == {TopicName.INTAKE, TopicName.IDENTITIES}

        output = alur(engine, "privacy", "erase", complaint, "--reason", "Zqxdiminta.", "--wait", "60")
        assert "complete on" in output, output
        engine.await_quiet()
        after = shown(engine, web, board, number)
        # why it was erased stays on record
        why = {TopicName.COMMANDS, TopicName.ERASURES, TopicName.TEXTS, "alur show"}
        assert set(holding(after, ["zqxdiminta"])) == why
        assert set(holding(after, WORDS)) == {TopicName.INTAKE, TopicName.COMMANDS}
        assert set(holding(after, IDENTIFIERS)) == {TopicName.INTAKE}
        assert holding({"board log": (tmp_path / "board.log").read_text()}, [*WORDS, *IDENTIFIERS]) == {}
    finally:
        process.terminate()
        process.wait(10)
    _no_segment_keeps_them(engine)


def _no_segment_keeps_them(engine: Engine) -> None:
    # nothing more is published here, so the segments of stories and resolutions are not rolled
    unmoved = {TopicName.STORIES, TopicName.RESOLUTIONS}
    kept = [each.name for each in TOPICS if each.name not in EXPIRING | unmoved]
    force_compaction(engine, *(each.name for each in TOPICS if each.config["cleanup.policy"] == "compact"))

    def compacted() -> bool:
        engine.report(f"other-{time.monotonic_ns()}", body=f"Lain {time.monotonic_ns()}", reporter={"name": "Lain"})
        planted = [each.encode() for each in (*WORDS, *IDENTIFIERS)]
        return not any(each in content.lower() for _, content in segments(engine, *kept) for each in planted)

    eventually("what was erased is on no disk", compacted, 150)


def test_two_complaints_of_one_person_have_no_more_in_common_than_those_of_two(engine: Engine) -> None:
    engine.start()
    one, same, other = (
        engine.report(
            name,
            CHANNEL,
            title=f"Perihal {name} di tempat lain",
            body=f"Uraian {name} yang cukup panjang untuk dibaca.",
            reporter={"name": person, "phone": f"08129998{person[-1]}877", "subject": person},
        )
        for name, person in (("satu", "pelapor-1"), ("dua", "pelapor-1"), ("tiga", "pelapor-2"))
    )
    for each in (one, same, other):
        engine.await_status(each, "registered")
        for name, by, data in LIFE[3:]:
            if name == "dispose-complaint":
                engine.command("verify-complaint", each, PANRB)
            engine.command(name, each, by, data)
    engine.await_quiet()

    def strings(complaint: str) -> set[str]:
        found: set[str] = set()
        for record in read_all(engine.settings, [t.name for t in TOPICS if t.name not in _OF_THE_REPORTER]):
            if (record.key or b"").decode().partition("/")[0] == complaint:
                text = (record.value or b"").decode() + repr(dict(record.headers))
                # two records may have one millisecond in common by chance
                text = _INSTANT.sub("", text)
                found |= set(re.findall(r"[A-Za-z0-9+/=_:.-]{6,}", text))
        assert found
        return found

    # whether a stage was overtaken by a person is chance, too, and depends on no reporter
    first, alike, unlike = strings(one), strings(same), strings(other)
    assert (first & alike) - unlike - set(Refusal) - set(Detail) == set()


_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d{13}\b")
_OF_THE_REPORTER: Final = {TopicName.INTAKE, TopicName.IDENTITIES}
"""Reports as they came, with the reporter; read by the auditors and the identity desk."""
