"""Names of release 0.1.0 stay importable from the client kit, with a warning."""

import pytest

import events.client


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Gateway", "CommandClient"),
        ("Order", "CommandRequest"),
        ("Outcome", "CommandResult"),
        ("Dossier", "ComplaintHistory"),
        ("read_dossier", "read_history"),
    ],
)
def test_an_old_name_is_the_new_one(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{old} is {new} now"):
        assert getattr(events.client, old) is getattr(events.client, new)


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        getattr(events.client, "nothing_like_it")  # noqa: B009 -- mypy would refuse the attribute
