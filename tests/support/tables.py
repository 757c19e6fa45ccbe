"""Tables of cases as one test: cases that differ only in values share one collection, setup and report."""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import pytest


class Rows(list[Any]):
    """An axis of `every` whose values are tuples: each element is an argument of its own."""


def every(*axes: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn the test of a case into one of all combinations of `axes`; a failure names each case that fails.

    Raises:
        ValueError: there is no combination: the test could not fail.
    """
    if not (cases := [_arguments(axes, values) for values in product(*axes)]):
        raise ValueError("no cases")

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        def run(*this: Any) -> None:
            failed = []
            for case in cases:
                try:
                    check(*this, *case)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 -- named below
                    failed.append(f"[{'-'.join(map(_name, case))}] {type(error).__name__}: {error}")
            assert not failed, f"{len(failed)} of {len(cases)} cases fail:\n" + "\n".join(failed)

        run.__name__, run.__doc__, run.__module__ = check.__name__, check.__doc__, check.__module__
        return run

    return decorate


def _arguments(axes: Iterable[Iterable[Any]], values: Iterable[Any]) -> list[Any]:
    """Return the arguments of a case."""
    parts = (value if isinstance(axis, Rows) else [value] for axis, value in zip(axes, values, strict=True))
    return [argument for part in parts for argument in part]


def _name(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else str(value)
