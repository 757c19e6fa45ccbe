"""Tables in CSV, as Excel and others write them: every row is read, or refused with a reason."""

import csv
import io
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.integrations.entries import BadLayout, Ignored, Report, Skipped, UnreadableFile
from agents.integrations.import_file import TableOptions, open_import
from agents.integrations.report_rows import ImportOptions
from events.codec.decode import decode_report
from tests.support.table_files import NOW, items, opened, report, reports, table
from tests.support.tables import Rows, every

HEADER = "Nomor;Judul;Isi;Kota"
ROW = "7;Jalan rusak;Lubang besar, dalam;Denpasar"


class TestDialects:
    @every(
        [
            f"{HEADER}\n{ROW}\n",
            f"{HEADER}\r\n{ROW}\r\n",
            f"{HEADER}\r{ROW}\r",
            f"\ufeff{HEADER}\n{ROW}",
            f"sep=;\n{HEADER}\n{ROW}\n",
            f'\ufeff"sep=;"\r\n{HEADER}\r\n{ROW}\r\n',
            f"\n\n{HEADER}\n\n{ROW}\n",
            f"{HEADER};;\n{ROW};;\n",
            f"{HEADER}\n{ROW};;;\n",
            f"{HEADER}\n{ROW}\n".replace(";", "\t"),
            f"{HEADER}\n{ROW}\n".replace(";", "|"),
            'Nomor;Judul;"Isi (apa, siapa, kapan)";Kota\n' + ROW,
            f"{HEADER}\n{HEADER}\n{ROW}\n",
        ]
    )
    def test_separators_of_lines_and_columns_are_detected(self, content: str) -> None:
        found = report(content)
        assert (found.id, found.data.title, found.data.body) == ("7", "Jalan rusak", "Lubang besar, dalam")

    def test_commas_in_every_text_do_not_separate_columns(self) -> None:
        rows = "".join(f"{n};Jalan, rusak;Lubang, besar\n" for n in range(50))
        assert len(reports(f"Nomor;Judul;Isi\n{rows}")) == 50


class TestEncodings:
    TEXT = f"{HEADER}\n7;Jalan café;Lubang “besar” — São;Denpasar\n"

    @pytest.mark.parametrize(
        ("encoding", "message"),
        [
            ("utf-8", None),
            ("utf-8-sig", None),
            ("cp1252", "read as cp1252 (--encoding names another)"),
            ("utf-16", "read as utf-16 (--encoding names another)"),
            ("utf-16-le", "read as utf-16-le (--encoding names another)"),
        ],
    )
    def test_it_is_detected_and_reported(self, encoding: str, message: str | None) -> None:
        found = opened(self.TEXT.encode(encoding))
        assert (message in found.notes) if message else not any("encoding" in line for line in found.notes)
        [one] = found.items
        assert isinstance(one, Report)
        assert decode_report(one.value).data.body == "Lubang “besar” — São"

    def test_it_can_be_named(self) -> None:
        assert report(self.TEXT.encode("mac_roman"), encoding="mac_roman").data.title == "Jalan café"
        with pytest.raises(UnreadableFile, match="--encoding klingon: there is no such encoding"):
            opened(self.TEXT, encoding="klingon")

    def test_one_bad_row_of_utf_8_costs_one_row(self) -> None:
        rows = "".join(f"{n};Jalan café;Isi;Denpasar\n" for n in range(5)).encode()
        found = items(HEADER.encode() + b"\n" + rows + b"8;caf\xe9;Isi;Denpasar\n9;baik;Isi;Denpasar\n")
        assert [type(each) for each in found] == [*[Report] * 5, Skipped, Report]
        assert isinstance(found[5], Skipped)
        assert found[5].reason == "is not in the encoding of the file (--encoding names another)"

    def test_bad_rows_do_not_make_another_encoding_of_the_rest(self) -> None:
        bad = b"".join(b"%d;caf\xe9;Isi;Denpasar\n" % n for n in range(10))
        found = items(f"{HEADER}\n99;公园;Isi;Denpasar\n".encode() + bad)
        assert [type(each) for each in found] == [Report, *[Skipped] * 10]


class TestNoTables:
    @every(
        Rows(
            [
                (b"%PDF-1.7\n%\xe2\xe3", "is a PDF"),
                (b"\x89PNG\r\n\x1a\n", "is a picture"),
                (b"\x1f\x8b\x08\x00", "is a compressed file"),
                (b"<html><table><tr><td>Judul</td></tr></table></html>", "is a web page"),
                (b"\xef\xbb\xbf\n <!DOCTYPE html>\n<html>", "is a web page"),
                (
                    b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
                    "is a workbook written as XML",
                ),
                (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DTDForbidden"),
                (b"<a", "is not readable XML"),
                (bytes(range(256)) * 20, "is not text"),
                (b"", "there is nothing in it"),
                (b" \n \r\n", "there is nothing in it"),
                (b"id,title\n", "there is nothing in it"),
                (b"id,title\n\n,\n", "there is nothing in it"),
            ]
        )
    )
    def test_a_file_is_refused_by_what_it_is(self, content: bytes, message: str) -> None:
        with pytest.raises((UnreadableFile, BadLayout)) as refusal:
            opened(content)
        assert message in str(refusal.value)
        assert str(refusal.value).isprintable()

    def test_a_cell_that_is_not_printed_is_not_printed(self) -> None:
        [found] = items("id,title,class\n1,Jalan,\x1b[31m\x07\n")
        assert isinstance(found, Skipped)
        assert found.reason.isprintable()


class TestFindingTheHeader:
    BLOCK = "Judul Laporan;Rekap\nNama Instansi;Pemerintah Contoh\n\n;;\n"

    def test_a_title_block_is_skipped_and_reported(self) -> None:
        found = opened(f"{self.BLOCK}{HEADER}\n{ROW}\n")
        assert found.notes[0] == "the header is in row 5; skipped above it: Judul Laporan, Nama Instansi"
        assert [each.line for each in found.items] == [6]

    def test_a_torn_line_above_it_is_named(self) -> None:
        found = opened('"Rekap\nid,title\n1,Jalan\n')
        reason = "not a row of a table: opens a quote that is not closed"
        assert found.notes[0] == f"the header is in row 2; skipped above it: row 1, which is {reason}"
        assert [each.line for each in found.items] == [3]

    def test_its_row_can_be_named(self) -> None:
        text = f"a;b;c;d\n{HEADER}\n{ROW}\n"
        assert report(text, header_row=2).id == "7"
        with pytest.raises(BadLayout, match=r"no column is known to hold a title.* with --header-row; "):
            opened(text, header_row=1)
        with pytest.raises(BadLayout, match="--header-row 9: there is nothing in that row"):
            opened(text, header_row=9)

    def test_names_that_are_mapped_make_a_header(self) -> None:
        text = "Rekap\nx;y;z\n1;Jalan;Isi\n"
        assert report(text, columns=("id=x", "title=y")).data.title == "Jalan"


class TestQuotes:
    ROWS = tuple(f"{n},Laporan nomor {n},Uraian yang panjang,Denpasar" for n in range(1, 101))

    def lost(self, *rows: str) -> list[tuple[int, str]]:
        found = items("\n".join(["Nomor,Judul,Isi,Kota", *rows]) + "\n")
        return [(each.line, each.reason) for each in found if isinstance(each, Skipped)]

    def test_one_that_is_not_closed_costs_its_line(self) -> None:
        assert self.lost('0,"Lampu mati,Uraian,Denpasar', *self.ROWS) == [
            (2, "not a row of a table: opens a quote that is not closed")
        ]

    def test_one_that_another_row_closes_costs_both_lines_at_most(self) -> None:
        rows = [*self.ROWS]
        rows[10] = '11,"Lampu mati,Uraian,Denpasar'
        rows[60] = '61,Lampu mati,Uraian,"Denpasar'
        assert [line for line, _ in self.lost(*rows)] == [12, 62]
        rows[60] = '61,Lampu mati,Uraian,Denpasar"'
        [(line, reason)] = self.lost(*rows)
        assert (line, "across other rows" in reason) == (12, True)

    def test_the_same_without_numbers_to_tell_rows_by(self) -> None:
        rows = [f"Laporan nomor {n},Uraian yang panjang,Denpasar" for n in range(100)]
        rows[10], rows[60] = '"Lampu mati,Uraian,Denpasar', 'Lampu mati,Uraian,Denpasar"'
        found = items("\n".join(["Judul,Isi,Kota", *rows]), no_id=True)
        assert [each.line for each in found if isinstance(each, Skipped)] == [12]
        assert len(found) == 100

    def test_inches_and_texts_over_several_lines_are_no_mistakes(self) -> None:
        rows = ['1,Pipa 5" bocor,Isi,Denpasar', '2,"Pipa 5"" bocor","Dua baris:\n\nsatu, dua, tiga",Denpasar']
        first, second = reports("\n".join(["Nomor,Judul,Isi,Kota", *rows]))
        assert (first.data.title, second.data.title) == ('Pipa 5" bocor', 'Pipa 5" bocor')
        assert second.data.body == "Dua baris:\n\nsatu, dua, tiga"

    def test_lines_are_counted_as_an_editor_does(self) -> None:
        found = items('id,title,body\n1,Judul,"dua\nbaris"\n\n2,,\n')
        assert [each.line for each in found] == [2, 5]


def _damaged(line: str, lots: random.Random) -> str:
    """A row as disks, editors and people spoil them."""
    at = lots.randrange(len(line))
    cells = next(csv.reader([line]))
    match lots.randrange(8):
        case 0:
            return line[:at] + '"' + line[at:]
        case 1:
            return line[:at] + "," + line[at:]
        case 2:
            return line[:at]
        case 3:
            return line[:at] + lots.choice("\x00\x1b\udc80;\t|'\\") + line[at + 1 :]
        case 4:
            cells[lots.randrange(1, len(cells))] = lots.choice(
                ["", "NULL", "99/99/9999", "3020-01-01", "#REF!", "-", "x" * 500]
            )
        case 5:
            cells.insert(lots.randrange(len(cells)), "sisipan")
        case 6:
            cells.pop(lots.randrange(len(cells)))
        case 7:
            lots.shuffle(cells)
    return table([cells]).rstrip("\r\n")


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 12))])
def test_of_a_file_with_half_its_rows_damaged_every_row_is_accounted_for(seed: int) -> None:
    lots = random.Random(seed)  # noqa: S311 -- to be drawn alike each time
    rows = [
        table(
            [
                (
                    str(n),
                    f"Laporan {n}",
                    lots.choice(["Lubang besar, dalam", 'Pipa 5" bocor', "Dua\u00a0kata", "Sudah lama."]),
                    lots.choice(["baru", "selesai", "diproses"]),
                    f"2026-0{lots.randrange(1, 10)}-1{lots.randrange(10)}T08:00:00Z",
                    "-8.65",
                    "115.21",
                )
            ]
        ).rstrip("\r\n")
        for n in range(1, 241)
    ]
    spoilt = {n for n in range(240) if lots.random() < 0.5}
    lines = [_damaged(row, lots) if n in spoilt else row for n, row in enumerate(rows)]
    # a row of which nothing is left is none
    there = {n + 2 for n, line in enumerate(lines) if line.strip(" ,;\t|\0")}
    content = "\n".join(["id,title,description,status,created_at,latitude,longitude", *lines])
    found = items(content.encode("utf-8", "surrogateescape"))

    assert sorted(each.line for each in found) == sorted(there)
    by_line = {each.line: each for each in found}
    for n in set(range(240)) - spoilt:
        each = by_line[n + 2]
        assert isinstance(each, Report | Ignored), (each, lines[n - 1 : n + 1])
        if isinstance(each, Report):
            event = decode_report(each.value)
            assert (event.id, event.data.title, each.notes) == (str(n + 1), f"Laporan {n + 1}", ())


@given(st.binary(max_size=300), st.sampled_from([b"", b"id,title,body\n", b"judul;lat;tanggal\n", b"sep=x\n", b'"']))
def test_no_file_is_too_strange(content: bytes, header: bytes) -> None:
    with suppress(UnreadableFile, BadLayout):
        for found in items(header + content, no_id=True):
            assert isinstance(found, Report | Skipped | Ignored)


def test_a_pipe_is_read_as_a_file_is() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: Any) -> int:
            raise OSError

    found = open_import(Pipe(f"{HEADER}\n{ROW}\n".encode()), TableOptions(), ImportOptions(), NOW)
    assert [type(each) for each in found.items] == [Report]
    assert found.total == 1


class TestSeveralTables:
    FIRST = (["id", "judul", "anonim"], ["1", "Jalan", "ya"])

    @pytest.mark.parametrize("header", [["id", "judul", "rahasia"], ["Nama", "NIK", "Telepon"], ["judul", "id"]])
    def test_what_follows_the_header_of_another_one_is_no_row_of_this_one(self, header: list[str]) -> None:
        width = ["", "", ""]
        content = table([*self.FIRST, width, (header + width)[:3], ["2", "Lampu", "ya"], ["3", "Got", ""]])
        first, *rest = items(content)
        assert isinstance(first, Report)
        assert [each.line for each in rest] == [4, 5, 6]
        for each in rest:
            assert isinstance(each, Skipped)
            assert each.reason == "belongs to another table, whose header is in row 4: --header-row 4 reads it"

    def test_the_same_header_again_and_a_row_of_such_words_are_not_another_one(self) -> None:
        content = table([*self.FIRST, self.FIRST[0], ["2", "keluhan", "ya"], ["3", "status", "tidak"]])
        assert [each.id for each in reports(content)] == ["1", "2", "3"]

    def test_of_a_header_in_two_rows_the_finer_one_counts(self) -> None:
        content = table([["id", "Isi", "anonim"], ["id", "judul", "anonim"], ["1", "Jalan", "ya"]])
        found = report(content)
        assert (found.id, found.data.title, found.data.anonymous) == ("1", "Jalan", True)


def test_what_an_export_has_made_a_formula_of_is_its_text() -> None:
    found = report('id,judul\n"=""0042""","=""Jalan ""Baru"""""\n')
    assert found.id == "0042"


@pytest.mark.parametrize("head", ["<!-- x --><table>", "MIME-Version: 1.0\nX-Document-Type: Workbook\n"])
def test_a_web_page_with_another_extension_is_recognized(head: str) -> None:
    with pytest.raises(UnreadableFile, match="is a web page"):
        opened(head)


def test_no_message_repeats_a_whole_file() -> None:
    with pytest.raises(BadLayout) as refusal:
        opened("a=" + "[" * 100_000)
    assert len(str(refusal.value)) < 500


def test_a_few_lines_of_noise_cost_themselves() -> None:
    content = b"id,judul\n" + b"".join(b"%d,Jalan\n" % number for number in range(9)) + b"9,\x81\x8d\x8f\x90\xff\n"
    found = items(content)
    assert [type(each) for each in found] == [Report] * 9 + [Skipped]
