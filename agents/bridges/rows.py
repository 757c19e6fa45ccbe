"""A row of a table as a report of the contract."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Final

from agents.bridges.columns import Columns
from agents.bridges.items import Unusable
from events.client.channel import report_event
from events.vocabulary import ComplaintClass

_YES: Final = frozenset({"1", "true", "t", "yes", "y", "ya"})
_NO: Final = frozenset({"0", "false", "f", "no", "n", "tidak", ""})
_INDONESIAN: Final = {
    "pengaduan": ComplaintClass.COMPLAINT,
    "pengaduan tidak berkadar pengawasan": ComplaintClass.COMPLAINT,
    "pengaduan berkadar pengawasan": ComplaintClass.COMPLAINT_INSPECTION,
    "aspirasi": ComplaintClass.ASPIRATION,
    "permintaan informasi": ComplaintClass.INFORMATION_REQUEST,
}
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?!\d)")
_YEAR_FIRST: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")


class Rows:
    """Makes reports of rows; two rows without an id of their own are two reports, even if they say the same.

    A row's id without a column for it is made from what stands in it, so that the same file gives the same ids again.
    """

    def __init__(self, columns: Columns, *, source: str, complaint_class: ComplaintClass, now: datetime) -> None:
        self.columns = columns
        self._source = source
        self._class = complaint_class
        self._now = now
        self._seen: dict[str, int] = {}

    def report(self, row: Sequence[str]) -> dict[str, Any]:
        """Return the report as JSON will hold it; what is in it is for the contract's model to judge.

        Raises:
            Unusable: a cell cannot be read as what its column holds.
        """
        cells = cells_of(self.columns, row)
        return report_event(self._source, self._id(row, cells), self._data(cells), self._now)

    def _id(self, row: Sequence[str], cells: dict[str, str]) -> str:
        if "id" in self.columns.positions:
            if not cells.get("id"):
                raise Unusable("id: empty")
            return cells["id"]
        said = blake2b("\x1f".join(row).encode(errors="surrogateescape"), digest_size=12).hexdigest()
        self._seen[said] = self._seen.get(said, 0) + 1
        return said if self._seen[said] == 1 else f"{said}-{self._seen[said]}"

    def _data(self, cells: dict[str, str]) -> dict[str, Any]:
        found = {field: read(field, cell) for field, cell in cells.items() if cell and field != "id"}
        data: dict[str, Any] = {"class": self._class}
        data |= {field: found[field] for field in _DATA if field in found}
        for whole, parts in _NESTED.items():
            if given := {part: found[part] for part in parts if part in found}:
                data[whole] = given
        return data


def cells_of(columns: Columns, row: Sequence[str]) -> dict[str, str]:
    """Return what stands in the row for each field.

    Raises:
        Unusable: the row is not as wide as the header, or not text.
    """
    width = len(columns.header)
    if len(row) != width:
        # the rest of a text that was cut in two by a stray quote would else become a complaint
        raise Unusable(f"has {len(row)} cells under {width} columns")
    cells = {field: row[position].strip() for field, position in columns.positions.items()}
    if any("\udc80" <= letter <= "\udcff" for cell in cells.values() for letter in cell):
        raise Unusable("is not UTF-8")
    return cells


_DATA: Final = ("class", "title", "body", "category", "event_date", "office", "anonymous", "secret", "attachments")
_NESTED: Final = {
    "location": ("province", "city", "district", "village", "lat", "lon"),
    "reporter": ("name", "phone", "email"),
}


def read(field: str, cell: str) -> object:
    """Return what a cell says of a field, as the contract has it.

    Raises:
        Unusable: it cannot be read so.
    """
    reader = _READERS.get(field)
    try:
        return cell if reader is None else reader(cell)
    except ValueError as error:
        raise Unusable(f"{field}: {quoted(cell)} is no {error}") from None


def quoted(cell: str, longest: int = 40) -> str:
    """Return a cell for a message: in quotes, and not all of it if it is long."""
    return repr(cell if len(cell) <= longest else f"{cell[:longest]}...")


def _complaint_class(cell: str) -> str:
    plain = " ".join(re.sub(r"[\W_]+", " ", cell.casefold()).split())
    found = _INDONESIAN.get(plain) or next((each for each in ComplaintClass if each.replace("_", " ") == plain), None)
    if found is None:
        raise ValueError(f"class; there are {', '.join(ComplaintClass)}")
    return found


def _category(cell: str) -> str:
    # categories are slugs in the contract, and titles in most exports
    return re.sub(r"[\W_]+", "-", cell.casefold()).strip("-") or cell


def _day(cell: str) -> str:
    """Take the day of a date or a timestamp as it is written; no zone moves it."""
    try:
        if found := _YEAR_FIRST.match(cell):
            return date.fromisoformat(found.group()).isoformat()
        if found := _DAY_FIRST.match(cell):
            day, month, year = map(int, found.groups())
            return date(year, month, day).isoformat()
    except ValueError:
        pass  # such as 31 February: said below, in the same words
    raise ValueError("date (YYYY-MM-DD or DD/MM/YYYY, a time may follow)")


def _degrees(cell: str) -> float:
    try:
        degrees = float(cell.replace(",", ".") if "." not in cell else cell)
    except ValueError:
        degrees = math.nan
    if not math.isfinite(degrees):
        raise ValueError("number of degrees")
    return degrees


def _flag(cell: str) -> bool:
    plain = cell.casefold()
    if plain not in _YES | _NO:
        raise ValueError("yes or no")
    return plain in _YES


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "class": _complaint_class,
    "category": _category,
    "event_date": _day,
    "lat": _degrees,
    "lon": _degrees,
    "anonymous": _flag,
    "secret": _flag,
    "attachments": str.split,
}
