"""Properties of cells in an .xls; run as a program with limited memory.

python-calamine and xlrd trust the size that a file declares; only this process ends if it runs out of memory.
"""

import io
import sys
from typing import Any, Final

from pydantic import TypeAdapter

from agents.integrations.workbook_xml import Marks, mask_of
from agents.integrations.xlsb_marks import ERRORS

SHEETS: Final = TypeAdapter(dict[str, Marks])
"""The output of the program, as JSON."""
_MEMORY: Final = 2 << 30
_NUMBER, _ERROR = 2, 5
"""Types of cells in xlrd."""


def _sheet(book: Any, sheet: Any) -> Marks:  # noqa: ANN401 -- xlrd ships no types
    marks = Marks({row for row, each in sheet.rowinfo_map.items() if each.hidden})
    for row in range(sheet.nrows):
        for column, kind in enumerate(sheet.row_types(row)):
            if kind == _ERROR:
                marks.show(row, column, ERRORS.get(sheet.cell_value(row, column), "#N/A"))
            elif kind == _NUMBER:
                style = book.xf_list[sheet.cell_xf_index(row, column)]
                if mask := mask_of(book.format_map[style.format_key].format_str):
                    marks.mask(row, column, mask)
    return marks


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
    sys.stdout.buffer.write(SHEETS.dump_json({sheet.name: _sheet(book, sheet) for sheet in book.sheets()}))


if __name__ == "__main__":
    _main()
