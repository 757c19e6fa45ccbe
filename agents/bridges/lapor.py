"""Rows of the LAPOR export as reports of the contract.

The columns are those that the export is known to have; how it heads them is told for some of them only, so that a few
spellings of each are known.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from agents.bridges.columns import ALIASES, BadMapping, Columns, choose_columns
from agents.bridges.formulas import as_written
from agents.bridges.items import Settled, Unusable
from agents.bridges.reports import TableOptions
from agents.bridges.rows import cells_of, quoted, read
from events.client.channel import report_event

SOURCE: Final = "/channels/lapor"
"""One for all rows, whichever channel they came from first: a Tracking ID is unique among them."""

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("tracking_id", "id_tracking", "trackingid", *ALIASES["id"]),
    "received": (
        *("tanggal_laporan_masuk", "tanggal_dan_waktu_laporan_masuk", "waktu_laporan_masuk", "tanggal_masuk"),
        *("tanggal_laporan", "tanggal_diterima", "waktu_diterima", "tanggal", "received_at"),
    ),
    "name": ("pelapor", "nama_pelapor", "reporter"),
    "class": ("klasifikasi_laporan", "klasifikasi", "jenis_laporan", "class"),
    "category": ("kategori", "kategori_laporan", "topik", "category"),
    "title": ("judul_laporan", "judul", "title"),
    "body": ("isi_laporan_awal", "isi_awal", "isi_laporan", "first_text"),
    "final": ("isi_laporan_akhir", "isi_akhir", "final_text"),
    "privacy": ("anonim_rahasia", "kerahasiaan", "sifat_laporan"),
    "anonymous": ("anonim", "anonymous"),
    "secret": ("rahasia", "secret"),
    "status": ("status_laporan", "status"),
    "province": ALIASES["province"],
    "city": ALIASES["city"],
    "district": ALIASES["district"],
    "village": ALIASES["village"],
    "office": (),
}
"""What is taken of a row, each with the names that its column may have.

`office`, the one that the reporter chose, is taken only from a column that `--map` names: the export says where a
report was sent, and not where its reporter wanted it."""

SETTLED: Final = ("ditutup", "diarsipkan", "ditarik")
"""How a status begins after which nothing is left to do."""

_TRACKING_ID: Final = re.compile(r"[0-9]{1,20}")
_NOBODY: Final = frozenset({"", "-", "anonim", "rahasia", "anonymous"})
_NOT_GIVEN: Final = frozenset({"", "-"})
_NOT_PRIVATE: Final = frozenset({"", "-", "tidak", "normal", "publik", "terbuka"})
_PARTS: Final = re.compile(r"[,;/&+]|\bdan\b")
_MOMENT: Final = re.compile(
    r"(?:(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<d2>\d{1,2})[/.-](?P<m2>\d{1,2})[/.-](?P<y2>\d{4}))"
    r"(?:[T, ]+(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:\.\d+)?)?)?"
    r"\s*(?P<zone>WIB|WITA|WIT|Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_HOURS: Final = {"WIB": 7, "WITA": 8, "WIT": 9, "Z": 0}


def lapor_columns(header: Sequence[str], wanted: Sequence[str] = ()) -> Columns:
    """Find the columns of the export.

    Raises:
        BadMapping: there is none for the Tracking ID, or none for a text, or a wanted one does not exist.
    """
    columns = choose_columns(header, wanted, FIELDS)
    if "id" not in columns.positions:
        raise BadMapping(
            "no column is known to hold the Tracking ID, by which a row is known again: name it with --map id=COLUMN; "
            f"the columns are {', '.join(columns.header)}"
        )
    return columns


class LaporRows:
    """Makes reports of rows of the export. The same Tracking ID is the same report, in whichever file."""

    def __init__(self, columns: Columns, options: TableOptions, now: datetime) -> None:
        self.columns = columns
        self._options = options
        self._now = now

    def report(self, row: Sequence[str]) -> dict[str, Any]:
        """Return the report as JSON will hold it; what is in it is for the contract's model to judge.

        Raises:
            Unusable: a cell cannot be read as what its column holds.
            Settled: it was closed, archived or taken back there.
        """
        cells = {field: as_written(cell) for field, cell in cells_of(self.columns, row).items()}
        if not _TRACKING_ID.fullmatch(cells["id"]):
            raise Unusable(
                f"id: {quoted(cells['id'])} is no Tracking ID (digits); if a spreadsheet has changed it, export anew "
                "and leave that column as text"
            )
        if not self._options.settled and cells.get("status", "").casefold().startswith(SETTLED):
            raise Settled
        received = _moment(cells.get("received", ""), self._now)
        data = self._data({field: cell for field, cell in cells.items() if cell not in _NOT_GIVEN})
        return report_event(self._options.source or SOURCE, cells["id"], data, received)

    def _data(self, cells: dict[str, str]) -> dict[str, Any]:
        anonymous, secret = _privacy(cells)
        data: dict[str, Any] = {
            "class": read("class", cells["class"]) if "class" in cells else self._options.complaint_class,
            "title": cells.get("title"),
            # as the citizen wrote it; what an administrator made of it is theirs to do again
            "body": cells.get("body") or cells.get("final"),
            "anonymous": anonymous,
            "secret": secret,
        }
        if "category" in cells:
            data["category"] = read("category", cells["category"])
        if "office" in cells:
            data["office"] = cells["office"]
        if place := {part: cells[part] for part in ("province", "city", "district", "village") if part in cells}:
            data["location"] = place
        if (name := cells.get("name", "")).casefold() not in _NOBODY:
            data["reporter"] = {"name": name}
        return data


def _privacy(cells: dict[str, str]) -> tuple[bool, bool]:
    """Return whether a report is anonymous and whether it is secret, of one column for both or of one each."""
    said = {part.strip().casefold() for part in _PARTS.split(cells.get("privacy", ""))} - _NOT_PRIVATE
    if strange := said - {"anonim", "rahasia"}:
        # guessed wrongly, it would give somebody away
        raise Unusable(f"privacy: {quoted(min(strange))} is neither Anonim nor Rahasia nor empty")
    return (
        "anonim" in said or bool(read("anonymous", cells.get("anonymous", ""))),
        "rahasia" in said or bool(read("secret", cells.get("secret", ""))),
    )


def _moment(cell: str, now: datetime) -> datetime:
    """Read when a report came in, in WIB unless the cell says another zone; `now` if it says nothing."""
    if cell in _NOT_GIVEN:
        return now
    if found := _MOMENT.fullmatch(cell):
        year, month, day = (int(found[part] or found[f"{part}2"]) for part in "ymd")
        hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
        # such as 31 February
        with suppress(ValueError, OverflowError):
            return datetime(year, month, day, hour, minute, second, tzinfo=_zone(found["zone"])).astimezone(UTC)
    raise Unusable(
        f"received: {quoted(cell)} is no date (YYYY-MM-DD or DD/MM/YYYY, a time and WIB, WITA or WIT may follow)"
    )


def _zone(name: str | None) -> timezone:
    named = (name or "WIB").upper()
    if named in _HOURS:
        return timezone(timedelta(hours=_HOURS[named]))
    sign = -1 if named.startswith("-") else 1
    return timezone(sign * timedelta(hours=int(named[1:3]), minutes=int(named[-2:])))
