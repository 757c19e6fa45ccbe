"""Tables cut no text, however narrow the terminal is."""

import io

import pytest
from rich.console import Console

from agents.cli.tables import grid, new_table

ID = "1044000002"


def drawn(table: object, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_an_id_stays_whole_and_the_rest_folds(width: int) -> None:
    table = new_table("complaint", "due", "office", "reason", "number", whole=["complaint"], right=["number"])
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
