"""The history of a complaint on the dashboard: facts and times, and of texts only what is public."""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic_core import to_json

from agents.dashboard.complaint_history import MOST_FACTS, HistoryResult, render_history, sender_kind
from agents.dashboard.complaint_page import _reason, complaint_page
from agents.dashboard.complaint_row import read_row
from agents.dashboard.figures import DisplayContext, Sources
from agents.dashboard.layout import View
from agents.dashboard.words import Words
from events import commands as c
from events.client import ComplaintHistory, RefusedCommand
from events.codec.encode import encode_complaint, encode_snapshot
from events.outcomes import Rejection
from events.reports import Location
from events.vocabulary import Refusal, Status
from tests.support.worlds import (
    CITIZEN,
    CLOSE,
    COMPLETE,
    DISPOSE,
    LAPOR,
    MONDAY,
    PANRB,
    PUPR,
    RATE,
    REPLY,
    RETURN,
    World,
    to_status,
)
from workflow.reports.day_breakdown import Day
from workflow.reports.explain import explain

AROUND = DisplayContext(ZoneInfo("Asia/Jakarta"), {"denpasar-pupr": "Dinas PUPR Kota Denpasar"})

SIGNED: dict[str, Any] = {
    "title": "Jalan berlubang",
    "body": "Tertanda, Ni Luh Contoh, 0812-0000-000",
    "location": Location(province="Bali", city="Denpasar", village="Dauh Puri", lat=-8.65, lon=115.21),
}


def rendered(world: World) -> dict[str, Any]:
    standing = read_row(encode_snapshot(world.complaint, encode_complaint(world.complaint)))
    found = HistoryResult(ComplaintHistory(world.id, list(world.history)), complete=True)
    answer: dict[str, Any] = json.loads(to_json(render_history(found, standing, AROUND)))
    return answer


def a_life(**report: Any) -> World:
    world = to_status(Status.DISPOSED, **SIGNED | report)
    world.send(RETURN, PUPR)
    world.send(DISPOSE, PANRB)
    world.send(c.RequestExtension(working_days=2, reason="Alasan petugas"), PUPR)
    world.send(c.DecideExtension(approved=True, reason="Alasan atasan"), "/offices/denpasar")
    world.send(c.RecordFollowUp(text="Sudah ditambal.", evidence=("https://example.org/1.jpg",)), PUPR)
    world.send(REPLY, "/citizens/3273-ni-luh")
    world.send(c.RecordFollowUp(text="Ditambal lagi."), PUPR)
    world.send(CLOSE, PANRB)
    world.send(c.RateResolution(rating=2, text="Kecewa"), "/citizens/3273-ni-luh")
    return world


NEVER = (
    "Ni Luh",
    "0812",
    "ni-luh",
    "officers",
    "Masih berlubang",
    "Alasan",
    "Bukan wewenang kami",
    "Kecewa",
    "example",
)
CONTENT = ("Jalan berlubang", "Sudah ditambal", "Ditambal lagi", "infrastruktur", "Bali", "Denpasar,")


def test_of_texts_only_title_and_answers_are_shown() -> None:
    answer = rendered(a_life())
    text = json.dumps(answer, ensure_ascii=False)
    assert [word for word in NEVER if word in text] == []
    assert [word for word in ("Dauh Puri", "-8.65", "115.21") if word in text] == []
    assert (answer["title"], answer["category"], answer["place"]) == (
        "Jalan berlubang",
        "infrastruktur-jalan",
        "Denpasar, Bali",
    )
    assert [fact["text"] for fact in answer["facts"] if "text" in fact] == ["Sudah ditambal.", "Ditambal lagi."]


def test_no_content_of_a_secret_complaint_is_shown() -> None:
    answer = rendered(a_life(secret=True))
    text = json.dumps(answer, ensure_ascii=False)
    assert [word for word in (*NEVER, *CONTENT) if word in text] == []
    assert answer["secret"]
    assert answer["facts"][-1]["fact"] == "rated"


def test_a_complaint_that_becomes_secret_is_secret_from_its_beginning() -> None:
    world = to_status(Status.POSTPONED, **SIGNED)
    world.send(c.CompleteReport(secret=True), CITIZEN)
    text = json.dumps(rendered(world), ensure_ascii=False)
    assert [word for word in (*NEVER, *CONTENT) if word in text] == []


def test_secrecy_that_is_newer_than_what_was_read_counts() -> None:
    world = to_status(Status.POSTPONED, **SIGNED)
    before = list(world.history)
    world.send(c.CompleteReport(secret=True), CITIZEN)
    standing = read_row(encode_snapshot(world.complaint, encode_complaint(world.complaint)))
    answer = render_history(HistoryResult(ComplaintHistory(world.id, before), complete=False), standing, AROUND)
    assert answer["title"] is None
    assert not answer["whole"]


def test_each_fact_has_action_and_actor() -> None:
    facts = rendered(a_life())["facts"]
    assert [fact["version"] for fact in facts] == list(range(1, len(facts) + 1))
    by_name = {fact["fact"]: fact for fact in facts}
    assert by_name["disposed"] | {"at": None} == {
        "version": 5,
        "at": None,
        "fact": "disposed",
        "by": {"kind": "office", "name": "panrb"},
        "office": "Dinas PUPR Kota Denpasar",
        "round": 2,
    }
    assert by_name["followed-up"]["by"] == {"kind": "office", "name": "Dinas PUPR Kota Denpasar"}
    assert by_name["replied"]["by"] == {"kind": "citizen", "name": None}
    assert by_name["extended"]["working_days"] == 2
    assert by_name["rated"]["rating"] == 2


def test_the_clocks_stand_beside_it() -> None:
    world = to_status(Status.DISPOSED)
    clocks = {clock["clock"]: clock for clock in rendered(world)["clocks"]}
    assert set(clocks) == {"follow_up", "settlement"}
    assert clocks["follow_up"]["due_at"].startswith(f"{world.due('follow_up'):%Y-%m-%dT%H:%M:%S}")
    assert clocks["follow_up"]["zone"] == "Asia/Makassar"


def test_a_title_that_was_completed_is_the_title() -> None:
    world = to_status(Status.POSTPONED)
    world.send(c.CompleteReport(title="Jalan rusak"), CITIZEN)
    assert rendered(world)["title"] == "Jalan rusak"
    world = to_status(Status.POSTPONED)
    world.send(COMPLETE, CITIZEN)
    assert rendered(world)["title"] == "Jalan berlubang di depan Pasar Badung"


def test_a_requested_office_beyond_the_directory_is_shown() -> None:
    report = SIGNED | {"office": "Dinas Atlantis"}
    assert rendered(to_status(Status.REGISTERED, **report))["asked_office"] == "Dinas Atlantis"
    assert rendered(to_status(Status.REGISTERED, **report, secret=True))["asked_office"] is None
    assert rendered(to_status(Status.REGISTERED, **SIGNED | {"office": "denpasar-pupr"}))["asked_office"] is None
    assert rendered(to_status(Status.REGISTERED, **SIGNED))["asked_office"] is None


@pytest.mark.long
def test_a_long_history_is_shown_from_its_end() -> None:
    world = to_status(Status.DISPOSED)
    for _ in range(MOST_FACTS):
        world.send(c.RecordFollowUp(text="x" * 4_000), PUPR)
    answer = rendered(world)
    assert (len(answer["facts"]), answer["earlier"]) == (MOST_FACTS, 3)
    assert len(json.dumps(answer)) < 200_000


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/citizens/0812-000", ("citizen", None)),
        ("/citizens/anonymous", ("citizen", None)),
        ("/offices/denpasar-pupr/officers/7", ("office", "denpasar-pupr")),
        ("/stages/sla", ("stage", "sla")),
        ("/channels/sms", ("channel", "sms")),
        ("/people/ni-luh", ("unknown", None)),
        ("ni-luh", ("unknown", None)),
        ("", ("unknown", None)),
    ],
)
def test_of_a_sender_no_person_is_named(source: str, expected: tuple[str, str | None]) -> None:
    assert tuple(sender_kind(source).values()) == expected


def test_a_rating_needs_no_text() -> None:
    world = to_status(Status.CLOSED)
    world.send(RATE, CITIZEN)
    assert rendered(world)["rating"] == 4


def test_the_page_explains_each_deadline_day_by_day_and_shows_what_was_refused() -> None:
    world = World(policy=LAPOR)
    history = list(world.history)
    rejection = Rejection(
        command_id="1",
        command_type="lapor.command.record-follow-up.v1",
        command_source="/offices/denpasar-pupr/officers/7",
        code=Refusal.NOT_PERMITTED,
        message="Alasan petugas",
    )
    known = ComplaintHistory(world.id, history, [RefusedCommand(rejection, MONDAY)])
    clocks = history[-1].complaint.clocks
    found = HistoryResult(known, True, tuple(explain(history, name, LAPOR) for name in clocks))  # noqa: FBT003 -- complete
    standing = read_row(encode_snapshot(world.complaint, encode_complaint(world.complaint)))
    rendered = render_history(found, standing, AROUND)
    for language, words in (
        ("en", ("Verification: day by day", "the day on which it starts is not counted", "working day", "Saturday")),
        ("id", ("Verifikasi: hari demi hari", "hari mulai tidak dihitung", "hari kerja", "Sabtu")),
    ):
        view = View(Words(language, AROUND.zone, MONDAY), AROUND, Sources(reading=False), "/complaints/1000000")
        page = complaint_page(view, rendered)
        assert [word for word in words if word not in page] == []
        assert "record-follow-up" in page
        assert "not-permitted" in page
        assert re.search(r'<section[^>]* id="refused" class="broad"', page), "four columns need the room of two"
        assert "Dinas PUPR Kota Denpasar" in page
        assert "Alasan petugas" not in page
        assert "officers" not in page


def test_without_the_right_to_refusals_that_is_said() -> None:
    world = to_status(Status.CLOSED)
    found = HistoryResult(ComplaintHistory(world.id, list(world.history)), complete=True, refused=False)
    rendered = render_history(
        found, read_row(encode_snapshot(world.complaint, encode_complaint(world.complaint))), AROUND
    )
    view = View(Words("en", AROUND.zone, MONDAY), AROUND, Sources(reading=False), "/complaints/1000000")
    assert "not available: this board may not see it" in complaint_page(view, rendered)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("working day", "hari kerja"),
        ("Hari Raya Natal", "Hari Raya Natal"),
        ("the day on which it starts is not counted (Sunday)", "hari mulai tidak dihitung (Minggu)"),
        ("the day on which it resumes is not counted (Hari Buruh)", "hari dilanjutkan tidak dihitung (Hari Buruh)"),
        ("paused (followed_up); Saturday", "dijeda (Ditindaklanjuti oleh instansi); Sabtu"),
        ("8 working hours", "8 jam kerja"),
    ],
)
def test_why_a_day_counts_is_said_in_the_language_of_the_page(reason: str, shown: str) -> None:
    view = View(Words("id", AROUND.zone, MONDAY), AROUND, Sources(reading=False), "/complaints/1")
    assert _reason(view, Day(MONDAY.date(), counted=False, reason=reason)) == shown
