"""When intake reports backpressure."""

from agents.runtime.backpressure import StallTimer


def reported(timer: StallTimer, *answers: tuple[float, float]) -> list[bool]:
    return [timer.is_overdue(asked, answered) for asked, answered in answers]


def test_backpressure_is_reported_once_it_has_lasted() -> None:
    timer = StallTimer()
    assert reported(timer, (0.0, 0.1), (9.0, 9.1), (10.5, 10.6), (30.0, 30.1)) == [False, False, True, False]
    timer.reset()
    assert reported(timer, (31.0, 31.1), (41.5, 41.6)) == [False, True], "a new trouble is reported again"


def test_an_outage_of_the_broker_is_not_reported_as_lag() -> None:
    """The answer came when the broker was back: the time before is unknown."""
    assert reported(StallTimer(), (0.0, 0.1), (1.0, 31.0), (32.0, 32.1)) == [False, False, False]
    assert reported(StallTimer(), (0.0, 30.0), (39.0, 39.1), (40.0, 40.1)) == [False, False, True]
