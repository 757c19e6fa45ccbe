"""What is due to be erased by the retention."""

from datetime import timedelta
from typing import Any

import pytest

from agents.ops.retention import due_among, erase_after
from events.announcements import CALENDAR_KEY
from events.client import Record
from events.codec.encode import encode_complaint, encode_snapshot
from events.installation import ERASE_AFTER_KEY
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import Status
from tests.support.worlds import MONDAY, to_status

LATER = MONDAY + timedelta(days=400)


def state(complaint: Complaint, **changes: Any) -> Record:
    changed = complaint.model_copy(update=changes)
    value = encode_snapshot(changed, encode_complaint(changed))
    return Record(TopicName.STATE, 0, 0, MONDAY, changed.complaint_id.encode(), value, {})


@pytest.fixture
def archived() -> Complaint:
    found = to_status(Status.ARCHIVED).complaint
    assert found is not None
    return found


def test_what_ended_before_is_due(archived: Complaint) -> None:
    assert archived.closed_at is not None
    [due] = due_among([state(archived)], LATER)
    assert (due.complaint_id, due.tracking_id, due.ended) == (
        archived.complaint_id,
        archived.tracking_id,
        archived.closed_at,
    )
    assert due_among([state(archived)], archived.closed_at) == []


def test_what_is_open_or_erased_is_not_due(archived: Complaint) -> None:
    assert due_among([state(archived, closed_at=None)], LATER) == []
    assert due_among([state(archived, erased=("identity", "texts"))], LATER) == []
    assert len(due_among([state(archived, erased=("identity",))], LATER)) == 1


def test_the_last_record_of_a_complaint_counts(archived: Complaint) -> None:
    tombstone = Record(TopicName.STATE, 0, 0, MONDAY, archived.complaint_id.encode(), None, {})
    assert due_among([state(archived), state(archived, erased=("identity", "texts"))], LATER) == []
    assert due_among([state(archived), tombstone], LATER) == []
    calendar = Record(TopicName.STATE, 0, 0, MONDAY, CALENDAR_KEY, b"{}", {})
    assert len(due_among([state(archived), calendar], LATER)) == 1


def test_what_ended_first_is_erased_first(archived: Complaint) -> None:
    other = "419535e9-5c83-5206-857a-a7517e758cf7"
    earlier = state(archived, complaint_id=other, closed_at=MONDAY - timedelta(days=30))
    assert [each.complaint_id for each in due_among([state(archived), earlier], LATER)] == [
        other,
        archived.complaint_id,
    ]


@pytest.mark.parametrize(("values", "kept"), [({}, None), ({ERASE_AFTER_KEY: 0}, None), ({ERASE_AFTER_KEY: 30}, 30)])
def test_retention_is_off_unless_it_is_set(values: dict[str, int], kept: int | None) -> None:
    assert erase_after(values) == (None if kept is None else timedelta(days=kept))
