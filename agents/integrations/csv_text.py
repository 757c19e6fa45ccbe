"""CSV in which no spreadsheet runs a cell as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from events.wording import defused


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV in which no text is a formula; lines end with a line feed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([defused(each) if isinstance(each, str) else each for each in row] for row in rows)
    return text.getvalue()
