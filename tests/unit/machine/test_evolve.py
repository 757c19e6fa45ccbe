"""Folding facts: the effect of each, from the facts alone."""

import json
from datetime import date
from typing import Any

import pytest

from events import commands as c
from events import facts as f
from events.codec.encode import encode_complaint
from events.ids import digest
from events.reports import Location
from events.snapshot import ReportReference
from events.vocabulary import ComplaintClass, Status
from tests.support.worlds import (
    CHANNEL,
    CITIZEN,
    INTAKE,
    MONDAY,
    PANRB,
    PUPR,
    VERIFY,
    World,
    days,
    report,
    to_status,
)
from workflow.machine.evolve import evolve, replay
from workflow.machine.transitions import IllegalTransition

CAUSE = f.Cause(PANRB, "x")


def test_a_new_complaint() -> None:
    complaint = World(office="denpasar", anonymous=True, event_date=date(2026, 3, 1)).complaint
    assert complaint.report == ReportReference(
        source=CHANNEL, id="1", revision=1, title_length=37, body_length=51, dated=True
    )
    assert (complaint.version, complaint.status, complaint.channel, complaint.policy) == (
        1,
        "registered",
        "sms",
        "lapor/2025-01-01",
    )
    assert (complaint.received_at, complaint.updated_at) == (MONDAY, MONDAY)
    assert (complaint.anonymous, complaint.secret, complaint.chosen_office, complaint.office) == (
        True,
        False,
        "denpasar",
        None,
    )
    assert complaint.recent == (digest(INTAKE, "m1"),)


@pytest.mark.parametrize(
    ("source", "channel"),
    [
        ("/channels/sms", "sms"),
        ("/agencies/denpasar", "agencies/denpasar"),
        ("https://example.org/a", "https://example.org/a"),
    ],
)
def test_the_channel_is_where_the_report_came_from(source: str, channel: str) -> None:
    world = to_status(Status.REGISTERED)
    registered = world.history[0].fact.model_copy(update={"source": source})
    assert evolve(None, registered, MONDAY, CAUSE, {}).channel == channel


def test_neither_free_text_nor_identity_is_in_a_snapshot() -> None:
    world = to_status(Status.DISPOSED, title="Jl. Rahasia", body="Nama saya Wayan, telepon 0812.", secret=True)
    world.send(c.RecordFollowUp(text="Sudah kami hubungi Wayan."), PUPR)
    world.send(c.ReplyToFollowUp(text="Belum, Wayan di sini."), CITIZEN)
    written = encode_complaint(world.complaint).decode()
    assert "Wayan" not in written
    assert "Rahasia" not in written


def test_a_completion_changes_what_it_names_and_nothing_else() -> None:
    world = to_status(Status.POSTPONED, location=None, office="denpasar")
    before = world.complaint
    world.send(c.CompleteReport(title="Baru", location=Location(lat=-8.65, lon=115.2), secret=True), CITIZEN)
    after = world.complaint
    assert after.report == before.report.model_copy(update={"revision": 2, "title_length": 4})
    assert (after.location, after.secret, after.anonymous) == (Location(lat=-8.65, lon=115.2), True, before.anonymous)
    assert (after.category, after.chosen_office) == (before.category, "denpasar")


def test_an_office_that_is_not_known_changes_no_choice() -> None:
    world = to_status(Status.POSTPONED, office="denpasar")
    world.send(c.CompleteReport(office="kantor-lurah"), CITIZEN)
    assert world.complaint.chosen_office == "denpasar"
    fact = world.history[-1].fact
    assert isinstance(fact, f.ReportCompleted)
    assert (fact.office, fact.chosen_office) == ("kantor-lurah", None)


def test_a_verifier_may_name_a_better_category() -> None:
    world = World(category=None)
    world.send(c.VerifyComplaint(category="drainase", edited_text="Disunting."), PANRB)
    assert world.complaint.category == "drainase"
    other = World()
    other.send(VERIFY, PANRB)
    assert other.complaint.category == "infrastruktur-jalan"


def test_a_rating_can_be_given_again_and_closes_nothing_anew() -> None:
    world = to_status(Status.CLOSED)
    closed = world.complaint.closed_at
    world.send(c.RateResolution(rating=2, text="Lama."), CITIZEN, after=days(1))
    world.send(c.RateResolution(rating=5), CITIZEN, after=days(1))
    assert (world.complaint.rating, world.complaint.closed_at, world.complaint.version) == (5, closed, 7)


def test_a_replay_gives_the_same_complaint_from_what_is_on_the_wire() -> None:
    world = to_status(Status.CLOSED, class_=ComplaintClass.ASPIRATION)
    assert replay(world.history) == world.complaint
    assert replay(()) is None


def test_a_history_that_cannot_be() -> None:
    history = to_status(Status.CLOSED).history
    with pytest.raises(IllegalTransition):
        replay(history[1:])
    with pytest.raises(IllegalTransition):
        replay([history[0], history[0]])
    with pytest.raises(IllegalTransition):
        replay([*history, history[-1]])


def test_values_do_not_change_once_made() -> None:
    complaint: Any = to_status(Status.DISPOSED).complaint
    with pytest.raises(ValueError, match="frozen"):
        complaint.office = "badung"


def test_a_snapshot_has_what_the_contract_names() -> None:
    written = json.loads(encode_complaint(to_status(Status.DISPOSED).complaint))
    assert written.keys() >= {
        *("complaint_id", "tracking_id", "version", "status", "class", "category", "location", "channel", "report"),
        *("anonymous", "secret", "office", "round", "returns", "rung", "policy", "received_at", "clocks", "breaches"),
        *("outcome", "closed_at", "rating"),
    }
    assert written["clocks"]["follow_up"].keys() >= {"started_at", "due_at", "warn_at", "warned", "breached"}
    assert written["report"].keys() >= {"source", "id", "revision"}
    assert written["tracking_id"].isdigit()
    assert report().title not in str(written)
