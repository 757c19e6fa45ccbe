"""Names of release 0.1.0 stay importable from the client kit, with a warning."""

import pytest

import events.client
from events.topics import TopicName


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Gateway", "CommandClient"),
        ("Order", "CommandRequest"),
        ("Outcome", "CommandResult"),
        ("Dossier", "ComplaintHistory"),
        ("read_dossier", "read_history"),
        ("Place", "RecordPosition"),
    ],
)
def test_an_old_name_is_the_new_one(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{old} is {new} now"):
        assert getattr(events.client, old) is getattr(events.client, new)


def test_a_result_still_has_the_place_of_its_command() -> None:
    request = events.client.CommandRequest("close-complaint", "c", "/offices/panrb", "m1", {})
    at = events.client.RecordPosition(TopicName.COMMANDS, 0, 7)
    assert events.client.CommandResult(request, at, 0.0).place == at


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        getattr(events.client, "nothing_like_it")  # noqa: B009 -- mypy would refuse the attribute
