"""Half the rows of a table are damaged at random: each is accounted for, and no other row is affected."""

import csv
import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.integrations.entries import Ignored, Report
from events.codec.decode import decode_report
from tests.support.table_files import items

HEADER = ("id", "title", "description", "status", "created_at", "latitude", "longitude", "anonymous", "comments")
_WORDS = ("Lampu mati", "Jalan, rusak", 'Papan "Awas" jatuh', "Got; mampet", "Sampah\nmenumpuk\ndi pasar", "")
Damage = Callable[[random.Random, bytes], bytes]


def _stray_quote(lots: random.Random, row: bytes) -> bytes:
    cells = row.split(b",")
    at = lots.randrange(len(cells))
    return b",".join([*cells[:at], b'"' + cells[at], *cells[at + 1 :]])


def _lost_comma(lots: random.Random, row: bytes) -> bytes:
    cells = row.split(b",")
    at = lots.randrange(1, len(cells))
    return b",".join(cells[:at]) + b",".join(cells[at:])


def _at_random(change: Callable[[random.Random, bytes, int], bytes]) -> Damage:
    return lambda lots, row: change(lots, row, lots.randrange(1, max(2, len(row))))


DAMAGES: dict[str, Damage] = {
    "a quote that opens": _stray_quote,
    "a quote somewhere": _at_random(lambda _, row, at: row[:at] + b'"' + row[at:]),
    "a comma too many": _at_random(lambda _, row, at: row[:at] + b"," + row[at:]),
    "a comma too few": _lost_comma,
    "an end too early": _at_random(lambda _, row, at: row[:at]),
    "another encoding": _at_random(lambda _, row, at: row[:at] + "é".encode("cp1252") + row[at:]),
    "a NUL": _at_random(lambda _, row, at: row[:at] + b"\0" + row[at:]),
    "an end of line": _at_random(lambda _, row, at: row[:at] + b"\n" + row[at:]),
    "an old end of line": _at_random(lambda _, row, at: row[:at] + b"\r" + row[at:]),
    "noise": _at_random(lambda lots, row, at: row[:at] + lots.randbytes(8) + row[at + 8 :]),
    "nothing left": lambda _lots, row: b"," * row.count(b","),
}


def _made_up(count: int, lots: random.Random) -> list[tuple[str, ...]]:
    return [
        (
            *(str(number), f"Laporan {number}", lots.choice(_WORDS), lots.choice(("submitted", "closed", "open"))),
            *(f"2026-03-{lots.randint(1, 31):02}T10:00:00Z", "-8.65", "115.21", lots.choice(("", "ya", "tidak")), "0"),
        )
        for number in range(1, count + 1)
    ]


def _table() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A table with texts over several lines; or that of a file, for a try by hand."""
    if path := os.environ.get("ALUR_DAMAGED_TABLE"):
        with Path(path).open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        return tuple(header), [tuple(row) for row in rows]
    return HEADER, _made_up(400, random.Random(7))  # noqa: S311 -- drawn alike each time


def _written(row: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().removesuffix("\n").encode()


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 12))])
def test_every_row_is_accounted_for(seed: int) -> None:
    header, rows = _table()
    lots = random.Random(seed)  # noqa: S311 -- drawn alike each time
    damaged = set(lots.sample(range(len(rows)), len(rows) // 2))
    lines, number = [_written(header)], 2
    where: dict[int, int] = {}
    for at, row in enumerate(rows):
        raw = _written(row)
        if at in damaged:
            raw = DAMAGES[lots.choice(sorted(DAMAGES))](lots, raw)
        count = len(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
        where |= dict.fromkeys(range(number, number + count), at)
        number += count
        lines.append(raw)

    found: dict[int, list[object]] = {}
    for each in items(b"\n".join(lines) + b"\n", settled=True, anywhere=True):
        assert not isinstance(each, Ignored)
        assert each.line in where, each
        found.setdefault(where[each.line], []).append(each)

    for at, row in enumerate(rows):
        if at in damaged:
            assert at in found or not any(cell.strip() for cell in lines[at + 1].decode("cp1252", "replace").split(","))
            continue
        assert len(found.get(at, [])) == 1, (lines[at : at + 2], found.get(at))
        [whole] = found[at]
        assert isinstance(whole, Report), (row, whole)
        assert decode_report(whole.value).id == row[0]


def test_two_halves_of_a_quote_in_two_damaged_rows_do_not_make_one_row() -> None:
    whole = [f"{number},Jalan,Rusak,baru" for number in range(34_540, 34_545)]
    opens, closes = '34545,Lampu,"mati di jalan', '34546,Got,mampet, lalu meluap",baru'
    found = items("\n".join(["id,title,description,status", *whole, opens, closes, "34547,Papan,jatuh,baru"]))
    assert [each.line for each in found] == list(range(2, 10))
    assert [each.line for each in found if not isinstance(each, Report)] == [7, 8]
