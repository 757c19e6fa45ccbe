"""Durations: parsing those of a policy, and refusing impossible ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import Rows, every
from workflow.deadlines.durations import Duration, Unit

MILLISECONDS_OF_A_CENTURY = 36_525 * 86_400_000


@every(
    Rows(
        [
            ("3 working days", Duration(3, Unit.WORKING_DAYS)),
            ("1 working day", Duration(1, Unit.WORKING_DAYS)),
            ("30 days", Duration(30, Unit.DAYS)),
            ("1 day", Duration(1, Unit.DAYS)),
            ("20 seconds", Duration(20, Unit.SECONDS)),
            ("1 second", Duration(1, Unit.SECONDS)),
            ("0.25 seconds", Duration(0.25, Unit.SECONDS)),
            ("2 minutes", Duration(120, Unit.SECONDS)),
            ("1.5 hours", Duration(5400, Unit.SECONDS)),
            ("  5   Working  Days ", Duration(5, Unit.WORKING_DAYS)),
            ("0 working days", Duration(0, Unit.WORKING_DAYS)),
        ]
    )
)
def test_a_duration_is_read_as_it_is_written(text: str, expected: Duration) -> None:
    assert Duration.parse(text) == expected


@every(["", "5", "days", "5 workingdays", "-1 days", "3 weeks", "1e3 seconds", "٣ days", "3,5 days", "nan seconds"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r'is not a duration \(write "3 working days"'):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["36526 days", "36526 working days", f"{'9' * 400} seconds", "900000 hours"])
def test_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not between 0 and"):
        Duration.parse(text)


@pytest.mark.parametrize("unit", [Unit.WORKING_DAYS, Unit.DAYS])
def test_days_are_whole(unit: Unit) -> None:
    with pytest.raises(ValueError, match="days are counted whole"):
        Duration(1.5, unit)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf")])
def test_an_amount_is_a_number_that_is_not_negative(amount: float) -> None:
    with pytest.raises(ValueError, match="is not between 0 and"):
        Duration(amount, Unit.SECONDS)


def test_seconds_are_kept_to_the_millisecond() -> None:
    assert Duration(1.23456, Unit.SECONDS) == Duration(1.235, Unit.SECONDS)
    assert str(Duration(20.0, Unit.SECONDS)) == "20 seconds"


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (Duration(1, Unit.WORKING_DAYS), "1 working day"),
        (Duration(3, Unit.WORKING_DAYS), "3 working days"),
        (Duration(0, Unit.DAYS), "0 days"),
        (Duration(1, Unit.SECONDS), "1 second"),
        (Duration(0.5, Unit.SECONDS), "0.5 seconds"),
    ],
)
def test_a_duration_is_written_as_a_policy_writes_it(duration: Duration, text: str) -> None:
    assert str(duration) == text


def test_a_duration_repeats() -> None:
    assert Duration.parse("1 working day") * 5 == Duration.parse("5 working days")
    assert Duration.parse("0.5 seconds") * 4 == Duration.parse("2 seconds")


@given(
    st.builds(Duration, st.integers(0, 36_525), st.sampled_from([Unit.WORKING_DAYS, Unit.DAYS]))
    | st.integers(0, MILLISECONDS_OF_A_CENTURY).map(lambda ms: Duration(ms / 1000, Unit.SECONDS))
)
def test_what_is_written_is_read_back(duration: Duration) -> None:
    assert Duration.parse(str(duration)) == duration
