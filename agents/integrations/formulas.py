"""Cells that a spreadsheet would run as a formula: what is put before them on the way out, and taken off on the way in.

The apostrophe is the mark by which spreadsheets know text. A text that begins with one and would be a formula behind it
gets another one, so that it comes back as it was.
"""

import re
from typing import Final

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 -- wide forms, which some take for the others
_TEXT: Final = re.compile(r'="((?:[^"]|"")*)"')


def defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def as_written(cell: str) -> str:
    """Return the text that a cell was before it was defused, or made a formula of to keep its zeros: ="0042"."""
    if text := _TEXT.fullmatch(cell):
        return text[1].replace('""', '"')
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
