"""Tables cut no text, however narrow the terminal is."""

import io

import pytest
from rich.console import Console

from agents.cli.list import table
from agents.cli.tables import grid, new_table
from tests.unit.dashboard.test_listing import CONTEXT, NOW, an_open

ID = "1044000002"


def drawn(table: object, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_an_id_stays_whole_and_the_rest_folds(width: int) -> None:
    table = new_table("complaint", "due", "office", "reason", "number", unwrapped=["complaint"], right=["number"])
    table.add_row(ID, "2026-11-30 15:38:24 WIB", "kabupaten-jayapura-pupr", "a reason of many words", "1,234")
    text = drawn(table, width)
    assert ID in text
    assert "2026-11-30" in text
    assert "1,234" in text
    assert "…" not in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_grid_keeps_each_character(width: int) -> None:
    table = grid(2, time=0)
    table.add_row("2026-11-30 15:38:24 WIB", "x" * 300)
    text = drawn(table, width)
    assert text.count("x") == 300
    assert "2026-11-30" in text


@pytest.mark.parametrize(
    ("office", "why", "secret", "shown"),
    [
        ("badung", "follow-up", False, "badung"),
        (None, "no-competent-office", False, "(no-competent-office)"),
        (None, None, False, "-"),
        ("badung", "follow-up", True, "-"),
        (None, "verification", True, "-"),
    ],
)
def test_a_reason_is_not_taken_for_an_office(office: str | None, why: str | None, secret: bool, shown: str) -> None:  # noqa: FBT001
    text = drawn(table([an_open(office=office, why=why, secret=secret)], NOW, CONTEXT), 200)
    assert text.splitlines()[-1].split()[1] == shown
