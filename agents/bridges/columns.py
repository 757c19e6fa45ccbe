"""Which column of a table is which field of a report.

Columns are found by the names that exports of complaint systems commonly give them, in Indonesian and English; what is
named by `--map` goes before what is found.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "id": (
        *("id", "tracking_id", "report_id", "complaint_id", "ticket_id", "unique_key", "id_laporan", "nomor_laporan"),
        *("no_laporan", "nomor_tiket", "no_tiket", "nomor", "kode"),
    ),
    "title": ("title", "judul", "judul_laporan", "subject", "perihal", "summary", "ringkasan"),
    "body": (
        *("body", "description", "isi_laporan_awal", "isi_laporan", "isi", "deskripsi", "uraian", "kronologi"),
        *("text", "content", "details", "laporan", "keluhan"),
    ),
    "class": ("class", "klasifikasi", "klasifikasi_laporan", "jenis_laporan", "jenis"),
    "category": ("category", "kategori", "kategori_laporan", "topik", "topic"),
    "event_date": (
        *("event_date", "tanggal_kejadian", "tgl_kejadian", "date", "tanggal", "created_at", "created_date"),
        *("submitted_at", "requested_datetime", "tanggal_laporan", "tanggal_masuk", "tanggal_diterima"),
    ),
    "province": ("province", "provinsi", "propinsi"),
    "city": (
        *("city", "kota", "kabupaten", "kabupaten_kota", "kota_kabupaten", "kab_kota", "kota_kab", "regency"),
        "city_regency",
    ),
    "district": ("district", "kecamatan", "distrik"),
    "village": ("village", "kelurahan", "desa", "desa_kelurahan", "kelurahan_desa"),
    "lat": ("lat", "latitude", "lintang"),
    "lon": ("lon", "lng", "long", "longitude", "bujur"),
    "office": ("office", "instansi_tujuan", "instansi"),
    "anonymous": ("anonymous", "anonim"),
    "secret": ("secret", "rahasia"),
    "name": ("reporter_name", "nama_pelapor", "pelapor", "reporter", "nama"),
    "phone": ("phone", "telepon", "no_telepon", "nomor_telepon", "no_hp", "telp", "hp"),
    "email": ("email", "e_mail", "surel"),
    "attachments": ("attachments", "attachment", "lampiran", "foto", "photo"),
}
"""The fields of a report, each with the names its column may have, the likeliest first."""


class BadMapping(Exception):
    """The columns do not fit; the message is one line that says which do."""


@dataclass(frozen=True)
class Columns:
    """Where in a row each field stands; fields without a column are left out."""

    header: tuple[str, ...]
    positions: Mapping[str, int]

    @property
    def unused(self) -> list[str]:
        """The columns that no field takes."""
        taken = set(self.positions.values())
        return [name for position, name in enumerate(self.header) if position not in taken]

    def __str__(self) -> str:
        """Say which field takes which column."""
        pairs = ", ".join(f"{field}={self.header[position]}" for field, position in self.positions.items())
        return pairs + (f" (not used: {', '.join(self.unused)})" if self.unused else "")


def choose_columns(
    header: Sequence[str], wanted: Sequence[str] = (), known: Mapping[str, Sequence[str]] = ALIASES
) -> Columns:
    """Find the column of each field that is `known`; `wanted` are `field=column`, or `field=` for none.

    Raises:
        BadMapping: a wanted field or column does not exist, or no column holds a title or a body.
    """
    names = tuple(name.strip() for name in header)
    chosen = dict(_wanted(names, known, pair) for pair in wanted)
    plain = {_plain(name): position for position, name in reversed(list(enumerate(names)))}
    taken = {position for position in chosen.values() if position is not None}
    for field, aliases in known.items():
        if field in chosen:
            continue
        found = (plain[alias] for alias in aliases if alias in plain)
        chosen[field] = next((position for position in found if position not in taken), None)
    positions = {field: chosen[field] for field in known}
    columns = Columns(names, {field: position for field, position in positions.items() if position is not None})
    if not {"title", "body"} & columns.positions.keys():
        raise BadMapping(
            f"no column is known to hold a title or a body: name them with --map title=COLUMN or --map body=COLUMN; "
            f"the columns are {', '.join(names)}"
        )
    return columns


def _wanted(names: tuple[str, ...], known: Mapping[str, Sequence[str]], pair: str) -> tuple[str, int | None]:
    field, equals, column = (part.strip() for part in pair.partition("="))
    if not equals:
        raise BadMapping(f"--map {pair}: write it as field=column")
    if field not in known:
        raise BadMapping(f"--map {pair}: there is no field {field!r}; there are {', '.join(known)}")
    if not column:
        return field, None
    if column not in names:
        raise BadMapping(f"--map {pair}: there is no column {column!r}; there are {', '.join(names)}")
    return field, names.index(column)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
