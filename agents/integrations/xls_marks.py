"""What an .xls says of its cells beside their values; run as a program, with little memory.

python-calamine and xlrd take a file's word for its size, and a program that gets no memory ends: this one may.
"""

import io
import json
import sys
from typing import Any, Final

from agents.integrations.workbook_xml import Marks, leading_zeros
from agents.integrations.xlsb_marks import ERRORS

_MEMORY: Final = 2 << 30
_NUMBER, _ERROR = 2, 5
"""Types of cells in xlrd."""


def _sheet(book: Any, sheet: Any) -> dict[str, Any]:  # noqa: ANN401 -- xlrd ships no types
    digits, shown = [], []
    for row in range(sheet.nrows):
        for column, kind in enumerate(sheet.row_types(row)):
            if kind == _ERROR:
                shown.append((row, column, ERRORS.get(sheet.cell_value(row, column), "#N/A")))
            elif kind == _NUMBER:
                style = book.xf_list[sheet.cell_xf_index(row, column)]
                if zeros := leading_zeros(book.format_map[style.format_key].format_str):
                    digits.append((row, column, zeros))
    hidden = [row for row, each in sheet.rowinfo_map.items() if each.hidden]
    return {"hidden": hidden, "digits": digits, "shown": shown}


def marks_from(text: bytes) -> dict[str, Marks]:
    """Return the marks that the program has written."""
    found: dict[str, Marks] = {}
    for name, each in json.loads(text).items():
        marks = found[name] = Marks(
            set(each["hidden"]), {(row, column): zeros for row, column, zeros in each["digits"]}
        )
        for row, column, shown in each["shown"]:
            marks.show(row, column, shown)
    return found


def _main() -> None:
    import resource  # noqa: PLC0415 -- of this program only

    import xlrd  # noqa: PLC0415
    from python_calamine import CalamineWorkbook  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    content = sys.stdin.buffer.read()
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    for name in workbook.sheet_names:
        workbook.get_sheet_by_name(name)
    book = xlrd.open_workbook(file_contents=content, formatting_info=True, logfile=io.StringIO())
    json.dump({sheet.name: _sheet(book, sheet) for sheet in book.sheets()}, sys.stdout)


if __name__ == "__main__":
    _main()
