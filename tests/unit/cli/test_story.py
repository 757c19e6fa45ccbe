"""Default title and answer of `alur story publish`."""

from dataclasses import replace

import pytest

from agents.cli.errors import Failure
from agents.cli.story import words_to_publish
from events.client import ComplaintHistory
from events.texts import put_together, take_apart
from events.vocabulary import Status
from tests.support.worlds import FOLLOW_UP, to_status


def closed() -> ComplaintHistory:
    world = to_status(Status.CLOSED, title="Jalan berlubang")
    return ComplaintHistory(world.id, list(world.history))


def test_the_title_of_the_report_and_the_last_answer_are_published() -> None:
    assert words_to_publish(closed(), None, None) == ("Jalan berlubang", FOLLOW_UP.text)
    assert words_to_publish(closed(), "Lain", "Lain juga") == ("Lain", "Lain juga")


def test_words_that_are_not_there_are_never_published() -> None:
    found = closed()
    apart = replace(found, history=[take_apart(each)[0] for each in found.history])
    with pytest.raises(Failure, match=r"--title: that of the complaint is in complaints\.texts, and cannot be read"):
        words_to_publish(apart, None, "Sudah ditambal.")
    with pytest.raises(Failure, match=r"--answer: that of the complaint is in complaints\.texts"):
        words_to_publish(apart, "Jalan", None)
    erased = replace(apart, history=[put_together(each, None) for each in apart.history])
    with pytest.raises(Failure, match="--title: that of the complaint is erased; give one"):
        words_to_publish(erased, None, None)
