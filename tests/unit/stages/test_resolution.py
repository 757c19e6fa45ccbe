"""What is published of a settled complaint, and what is not."""

import json
from datetime import timedelta

import pytest

from events import commands as c
from events import facts as f
from events.codec.encode import encode_resolution
from events.outcomes import Story
from events.vocabulary import Detail, Refusal, Status
from tests.support.tables import every
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
    World,
    days,
    to_status,
)
from workflow.machine.handlers import Rejected
from workflow.stages.resolution import PUBLISHED, publishes, resolution, story_after

PUBLISH = c.PublishStory(title="Jalan berlubang", answer="Sudah ditambal.", findings=())
STORY = Story(title="Jalan berlubang", answer="Sudah ditambal.")


def story_of(world: World) -> Story | None:
    story: Story | None = None
    for recorded in world.history:
        story = story_after(story, recorded)
    return story


@every(Status)
def test_no_story_is_published_by_default(status: Status) -> None:
    assert story_of(to_status(status)) is None


def test_a_published_story_is_shown_until_taken_back() -> None:
    world = to_status(Status.CLOSED)
    world.send(PUBLISH, PANRB)
    assert (story_of(world), world.complaint.story_published) == (STORY, True)
    world.send(RATE, CITIZEN)
    assert story_of(world) == STORY
    world.send(PUBLISH.model_copy(update={"title": "Jalan rusak"}), PANRB)
    assert story_of(world) == Story(title="Jalan rusak", answer="Sudah ditambal.")
    world.send(c.UnpublishStory(), PANRB)
    assert (story_of(world), world.complaint.story_published) == (None, False)
    assert world.refuse(c.UnpublishStory(), PANRB) is Refusal.INVALID_DATA


@pytest.mark.parametrize("status", [Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN])
def test_a_story_that_a_release_before_has_published_can_be_taken_back(status: Status) -> None:
    world = to_status(status)
    world.send(c.UnpublishStory(reason="Menyebut nama."), PANRB)
    assert publishes(world.history[-1])


def test_of_a_secret_complaint_no_story_is_published() -> None:
    world = to_status(Status.CLOSED, secret=True)
    answer = world.ask(PUBLISH, PANRB)
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.NOT_PERMITTED, Detail.SECRECY)
    assert resolution(world.complaint, STORY, LAPOR).story is None


@pytest.mark.parametrize("by", [PUPR, DENPASAR, CITIZEN])
def test_only_an_administrator_publishes(by: str) -> None:
    world = to_status(Status.CLOSED)
    assert world.refuse(PUBLISH, by) is Refusal.NOT_PERMITTED
    assert world.refuse(c.UnpublishStory(), by) is Refusal.NOT_PERMITTED


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.WITHDRAWN])
def test_of_what_was_archived_or_withdrawn_no_story_is_published(status: Status) -> None:
    assert to_status(status).refuse(PUBLISH, PANRB) is Refusal.NOT_ALLOWED_IN_STATUS


@every(Status)
def test_privacy_is_changed_in_any_status_and_what_is_public_follows(status: Status) -> None:
    world = to_status(status)
    if status is Status.CLOSED:
        world.send(PUBLISH, PANRB)
    clocks = world.complaint.clocks
    assert world.send(c.ChangePrivacy(secret=True, anonymous=False), CITIZEN) == ["privacy-changed"]
    assert (world.complaint.secret, world.complaint.anonymous, world.complaint.status) == (True, False, status)
    assert world.complaint.clocks == clocks
    settled = world.complaint.outcome is not None
    assert publishes(world.history[-1]) is settled
    if settled:
        shown = resolution(world.complaint, story_of(world), LAPOR)
        assert (shown.category, shown.city, shown.office, shown.story) == (None,) * 4
    world.send(c.ChangePrivacy(secret=False), CITIZEN)
    assert story_of(world) is None, "it is not told again by itself"
    if settled:
        assert resolution(world.complaint, None, LAPOR).category == "infrastruktur-jalan"


def test_privacy_that_is_so_already_is_refused() -> None:
    assert World(secret=True).refuse(c.ChangePrivacy(secret=True), CITIZEN) is Refusal.INVALID_DATA
    fact = to_status(Status.CLOSED, secret=True).ask(c.ChangePrivacy(secret=True, anonymous=True), CITIZEN)
    assert isinstance(fact, tuple)
    assert fact[0].fact == f.PrivacyChanged(by=CITIZEN, anonymous=True)


def test_a_completion_never_switches_privacy_off() -> None:
    world = to_status(Status.POSTPONED, anonymous=True, secret=True)
    world.send(c.CompleteReport(title="Jalan rusak", anonymous=False, secret=False), CITIZEN)
    assert (world.complaint.anonymous, world.complaint.secret) == (True, True)
    world.send(POSTPONE, PANRB)
    assert world.refuse(c.CompleteReport(anonymous=False), CITIZEN) is Refusal.INVALID_DATA


def test_what_is_published() -> None:
    world = to_status(Status.DISPOSED)
    world.send(FOLLOW_UP, PUPR, at=world.due("follow_up") + timedelta(milliseconds=1))
    world.send(CLOSE, PANRB, after=days(1))
    world.send(PUBLISH, PANRB)
    published = resolution(world.complaint, story_of(world), LAPOR)
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
        "story": {"title": "Jalan berlubang", "answer": "Sudah ditambal."},
    }


@pytest.mark.parametrize(("status", "outcome"), [("closed", "resolved"), ("archived", "archived"), ("withdrawn",) * 2])
def test_archived_is_not_resolved(status: str, outcome: str) -> None:
    assert resolution(to_status(Status(status)).complaint, None, LAPOR).outcome == outcome


def test_the_day_of_receipt_is_not_counted() -> None:
    assert resolution(to_status(Status.ARCHIVED).complaint, None, LAPOR).working_days == 0


def test_a_lapse_is_settled_when_it_passed_not_when_it_was_noticed() -> None:
    world = to_status(Status.FOLLOWED_UP)
    due = world.due("citizen_reply")
    world.notice("citizen_reply", at=due + days(30))
    published = resolution(world.complaint, None, LAPOR)
    assert (published.closed_at, published.on_time) == (due, True)


def test_a_complaint_without_place_or_office_is_published_without() -> None:
    published = resolution(to_status(Status.ARCHIVED, location=None).complaint, None, LAPOR)
    assert (published.province, published.city, published.office) == (None, None, None)


def test_what_is_open_is_not_published() -> None:
    with pytest.raises(ValueError, match="disposed, not settled"):
        resolution(to_status(Status.DISPOSED).complaint, None, LAPOR)


def test_a_settlement_and_each_rating_after_it_are_published() -> None:
    world = to_status(Status.CLOSED)
    world.send(RATE, CITIZEN)
    names = [recorded.fact.NAME for recorded in world.history if publishes(recorded)]
    assert names == ["closed", "rated"]
    assert set(PUBLISHED) == {
        f.ComplaintClosed,
        f.ComplaintArchived,
        f.ComplaintWithdrawn,
        f.ResolutionRated,
        f.PrivacyChanged,
        f.StoryPublished,
        f.StoryUnpublished,
        f.DataErased,
        f.ComplaintReopened,
        f.ComplaintRestored,
    }


def test_neither_complaint_text_nor_reporter_can_be_published() -> None:
    world = to_status(Status.FOLLOWED_UP, body="Saya Wayan dari Ubung.")
    world.send(c.ReplyToFollowUp(text="Saya Wayan, belum selesai."), CITIZEN)
    world.send(CLOSE, PANRB)
    published = resolution(world.complaint, story_of(world), LAPOR)
    written = encode_resolution(published, subject=world.id, version=world.complaint.version, time=MONDAY)
    assert b"Wayan" not in written
    assert json.loads(written)["sequence"] == "0000000006"
