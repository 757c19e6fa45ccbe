"""A table that is one test names each case that fails."""

import pytest

from tests.support.tables import every


def test_each_failing_case_is_named() -> None:
    @every([1, 2, 3], ["a", int])
    def check(number: int, kind: object) -> None:
        assert number != 2
        if kind is int and number == 3:
            pytest.fail("of pytest")

    with pytest.raises(AssertionError, match=r"3 of 6 cases fail:\n\[2-a\] .*\n\[2-int\] .*\n\[3-int\] Failed: of p"):
        check()


def test_where_none_fails_it_passes() -> None:
    every([1], [2])(lambda *_: None)()


def test_a_table_without_cases_is_refused() -> None:
    with pytest.raises(ValueError, match="no cases"):
        every([1], [])
