"""A table that is one test names each case that fails."""

import pytest

from tests.support.tables import Rows, every


def test_each_failing_case_is_named() -> None:
    @every([1, 2, 3], ["a", int])
    def check(number: int, kind: object) -> None:
        assert number != 2
        if kind is int and number == 3:
            pytest.fail("of pytest")

    with pytest.raises(AssertionError, match=r"3 of 6 cases fail:\n\[2-a\] .*\n\[2-int\] .*\n\[3-int\] Failed: of p"):
        check()


def test_each_element_of_a_row_is_an_argument() -> None:
    class Checks:
        @every([1], Rows([("a", 2), ("b", 3)]))
        def check(self, number: int, name: str, other: int) -> None:
            assert (number, name, other) == (1, "a", 2)

    with pytest.raises(AssertionError, match=r"1 of 2 cases fail:\n\[1-b-3\] "):
        Checks().check()


def test_where_none_fails_it_passes() -> None:
    every([1], [2])(lambda *_: None)()


def test_a_table_without_cases_is_refused() -> None:
    with pytest.raises(ValueError, match="no cases"):
        every([1], [])
