"""When intake says that it is held back."""

from agents.runtime.backpressure import StallTimer


def told(patience: StallTimer, *answers: tuple[float, float]) -> list[bool]:
    return [patience.is_overdue(asked, answered) for asked, answered in answers]


def test_being_held_is_told_once_it_has_lasted() -> None:
    patience = StallTimer()
    assert told(patience, (0.0, 0.1), (9.0, 9.1), (10.5, 10.6), (30.0, 30.1)) == [False, False, True, False]
    patience.reset()
    assert told(patience, (31.0, 31.1), (41.5, 41.6)) == [False, True], "a new trouble is told anew"


def test_an_outage_of_the_broker_is_not_told_as_a_stage_that_is_behind() -> None:
    """The answer came when the broker was back: nobody knows of the time before."""
    assert told(StallTimer(), (0.0, 0.1), (1.0, 31.0), (32.0, 32.1)) == [False, False, False]
    assert told(StallTimer(), (0.0, 30.0), (39.0, 39.1), (40.0, 40.1)) == [False, False, True]
