"""Progress of a group, from Kafka's offsets."""

import pytest

from agents.kafka.group_progress import GroupProgress, is_marked, mark


@pytest.mark.parametrize(
    ("progress", "next_offset", "lag", "expired"),
    [
        pytest.param(GroupProgress(5, 0, 9), 5, 4, 0, id="behind"),
        pytest.param(GroupProgress(9, 0, 9), 9, 0, 0, id="caught up"),
        pytest.param(GroupProgress(None, 0, 9), 0, 9, 0, id="never ran"),
        pytest.param(GroupProgress(None, 9, 9), 9, 0, 9, id="never ran, and all is gone"),
        pytest.param(GroupProgress(5, 7, 9), 7, 2, 2, id="retention has overtaken it"),
        pytest.param(GroupProgress(5, 9, 9), 9, 0, 4, id="emptied"),
        pytest.param(GroupProgress(12, 0, 9), 12, 0, 0, id="set behind the end"),
    ],
)
def test_progress(progress: GroupProgress, next_offset: int, lag: int, expired: int) -> None:
    assert (progress.next_offset, progress.lag, len(progress.expired)) == (next_offset, lag, expired)


@pytest.mark.parametrize(
    ("offset", "metadata", "marked"),
    [(5, mark(5), True), (5, mark(4), False), (5, "", False), (5, None, False), (5, "alur/2:5", False)],
)
def test_only_the_offset_that_was_committed_is_marked(offset: int, metadata: str | None, marked: bool) -> None:  # noqa: FBT001 -- a case
    assert is_marked(offset, metadata) is marked
