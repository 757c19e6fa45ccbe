"""What the public learns, and what it does not."""

import json
from datetime import timedelta

import pytest

from events import commands as c
from events import facts as f
from events.codec.messages import encode_resolution
from events.outcomes import Story
from events.vocabulary import Status
from tests.support.worlds import (
    CITIZEN,
    CLOSE,
    DENPASAR,
    FOLLOW_UP,
    LAPOR,
    MONDAY,
    PANRB,
    POSTPONE,
    PUPR,
    RATE,
    REPLY,
    World,
    days,
    to_status,
)
from workflow.stages.resolution import publishes, resolution, told


def story_of(world: World) -> Story | None:
    story: Story | None = None
    for recorded in world.history:
        story = told(story, recorded)
    return story


def test_the_title_and_the_last_answer_are_told() -> None:
    world = to_status(Status.FOLLOWED_UP)
    assert story_of(world) == Story(title="Jalan berlubang di depan Pasar Badung", answer=FOLLOW_UP.text)
    world.tell(REPLY, CITIZEN)
    world.tell(c.RecordFollowUp(text="Sudah diaspal ulang."), PUPR)
    story = story_of(world)
    assert story is not None
    assert story.answer == "Sudah diaspal ulang."


def test_nothing_is_told_of_a_secret_complaint() -> None:
    world = to_status(Status.CLOSED, secret=True)
    assert story_of(world) is None
    assert resolution(world.stands, Story(title="from before", answer=None), LAPOR).story is None


def test_a_complaint_that_becomes_secret_is_told_of_no_more() -> None:
    world = to_status(Status.POSTPONED)
    assert story_of(world) is not None
    world.tell(c.CompleteReport(secret=True), CITIZEN)
    assert story_of(world) is None


def test_a_new_title_is_told() -> None:
    world = World()
    world.tell(POSTPONE, PANRB)
    world.tell(c.CompleteReport(title="Jalan rusak"), CITIZEN)
    assert story_of(world) == Story(title="Jalan rusak")


def test_what_is_published() -> None:
    world = to_status(Status.DISPOSED)
    world.tell(FOLLOW_UP, PUPR, at=world.due("follow_up") + timedelta(milliseconds=1))
    world.tell(CLOSE, PANRB, after=days(1))
    published = resolution(world.stands, story_of(world), LAPOR)
    assert published.model_dump(mode="json", by_alias=True) == {
        "tracking_id": "1000000",
        "outcome": "resolved",
        "class": "complaint",
        "category": "infrastruktur-jalan",
        "province": "Bali",
        "city": "Denpasar",
        "office": "denpasar-pupr",
        "received_at": "2026-03-02T02:00:00Z",
        "closed_at": "2026-03-10T16:00:00Z",
        "working_days": 6,
        "on_time": False,
        "breaches": 1,
        "escalations": 0,
        "rating": None,
        "story": {"title": "Jalan berlubang di depan Pasar Badung", "answer": FOLLOW_UP.text},
    }


@pytest.mark.parametrize(("status", "outcome"), [("closed", "resolved"), ("archived", "archived"), ("withdrawn",) * 2])
def test_archived_is_not_resolved(status: str, outcome: str) -> None:
    assert resolution(to_status(Status(status)).stands, None, LAPOR).outcome == outcome


def test_the_day_of_receipt_is_not_counted() -> None:
    assert resolution(to_status(Status.ARCHIVED).stands, None, LAPOR).working_days == 0


def test_a_lapse_is_settled_when_it_passed_not_when_it_was_noticed() -> None:
    world = to_status(Status.FOLLOWED_UP)
    due = world.due("citizen_reply")
    world.notice("citizen_reply", at=due + days(30))
    published = resolution(world.stands, None, LAPOR)
    assert (published.closed_at, published.on_time) == (due, True)


def test_no_place_is_no_place() -> None:
    published = resolution(to_status(Status.ARCHIVED, location=None).stands, None, LAPOR)
    assert (published.province, published.city, published.office) == (None, None, None)


def test_what_is_open_is_not_published() -> None:
    with pytest.raises(ValueError, match="disposed, not settled"):
        resolution(to_status(Status.DISPOSED).stands, None, LAPOR)


def test_a_settlement_and_each_rating_after_it_are_published() -> None:
    world = to_status(Status.CLOSED)
    world.tell(RATE, CITIZEN)
    names = [recorded.fact.NAME for recorded in world.history if publishes(recorded.fact)]
    assert names == ["closed", "rated"]
    assert {fact for fact in f.FACTS if publishes(fact.model_construct(by=DENPASAR))} == {
        f.ComplaintClosed,
        f.ComplaintArchived,
        f.ComplaintWithdrawn,
        f.ResolutionRated,
    }


def test_neither_complaint_text_nor_reporter_can_be_published() -> None:
    world = to_status(Status.FOLLOWED_UP, body="Saya Wayan dari Ubung.")
    world.tell(c.ReplyToFollowUp(text="Saya Wayan, belum selesai."), CITIZEN)
    world.tell(CLOSE, PANRB)
    published = resolution(world.stands, story_of(world), LAPOR)
    written = encode_resolution(published, subject=world.id, version=world.stands.version, time=MONDAY)
    assert b"Wayan" not in written
    assert json.loads(written)["sequence"] == "0000000006"
