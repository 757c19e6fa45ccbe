"""Rows of the LAPOR export are reports of the contract, complaints are rows of it, and neither reveals a reporter."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.integrations import lapor_rows
from agents.integrations.entries import BadLayout, Ignored, Item, Report, Skipped
from agents.integrations.import_file import LAPOR
from agents.integrations.lapor_rows import HEADER, RowTexts, row, texts_after
from agents.integrations.sheet_writer import CsvWriter
from events import commands as c
from events.cloudevents import unseen
from events.codec.decode import decode_report
from events.facts import ComplaintRegistered
from events.ids import complaint_id
from events.reports import Location, ReportSubmitted
from events.vocabulary import ArchiveReason, ComplaintClass, Status
from tests.support.table_files import opened, table
from tests.support.tables import Rows, every
from tests.support.worlds import (
    ARCHIVE,
    CITIZEN,
    CLOSE,
    DEMO,
    DISPOSE,
    FOLLOW_UP,
    PANRB,
    PUPR,
    RATE,
    VERIFICATION,
    World,
    days,
    to_status,
)
from workflow.machine.waiting import WHY

NOW = datetime(2026, 3, 16, 2, 11, tzinfo=UTC)
WIB = ZoneInfo("Asia/Jakarta")
OFFICES = {
    "denpasar-pupr": ("Dinas PUPR Kota Denpasar", "Pemerintah Kota Denpasar"),
    "panrb": ("Kementerian PANRB", ""),
}
PLAIN = {
    "Tracking ID": "1041007",
    "Tanggal Laporan Masuk": "16/03/2026 09:11",
    "Pelapor": "Ni Made Contoh",
    "Klasifikasi Laporan": "Pengaduan Berkadar Pengawasan",
    "Kategori": "Infrastruktur Jalan",
    "Judul Laporan": "Jalan berlubang",
    "Isi Laporan Awal": "Lubang besar; sejak dua pekan.",
    "Isi Laporan Akhir": "Terdapat lubang.",
    "Anonim/Rahasia": "",
    "Status Laporan": "Terverifikasi",
    "Provinsi": "Bali",
    "Kota/Kabupaten": "Denpasar",
    "Rating": "",
}


def items(*rows: dict[str, str], header: tuple[str, ...] = (), **options: Any) -> list[Item]:
    names = header or tuple(rows[0])
    return list(opened(table([names, *([each[name] for name in names] for each in rows)]), form=LAPOR, **options).items)


def taken(**changes: str) -> ReportSubmitted:
    [found] = items(PLAIN | changes)
    assert isinstance(found, Report), found
    return decode_report(found.value)


def reason(**changes: str) -> str:
    [found] = items(PLAIN | changes)
    assert isinstance(found, Skipped), found
    assert "\n" not in found.reason
    return found.reason


class TestReading:
    def test_a_row_is_a_report(self) -> None:
        found = taken()

        assert (found.source, found.id, found.complaint_id) == (
            "/channels/lapor",
            "1041007",
            complaint_id("/channels/lapor", "1041007"),
        )
        # 09:11 on a wall in Jakarta
        assert found.time == datetime(2026, 3, 16, 2, 11, tzinfo=UTC)
        assert found.data.class_ is ComplaintClass.COMPLAINT_INSPECTION
        assert (found.data.title, found.data.body) == ("Jalan berlubang", "Lubang besar; sejak dua pekan.")
        assert found.data.category == "infrastruktur-jalan"
        assert found.data.location is not None
        assert (found.data.location.province, found.data.location.city) == ("Bali", "Denpasar")
        assert found.data.reporter is not None
        assert found.data.reporter.name == "Ni Made Contoh"
        # where it was sent is not where its reporter wanted it
        assert found.data.office is None

    def test_without_the_first_text_the_final_one_is_taken(self) -> None:
        assert taken(**{"Isi Laporan Awal": " "}).data.body == "Terdapat lubang."

    @pytest.mark.parametrize(
        ("cell", "flags"),
        [
            ("", (False, False)),
            ("-", (False, False)),
            ("Anonim", (True, False)),
            ("RAHASIA", (False, True)),
            ("Anonim, Rahasia", (True, True)),
            ("anonim dan rahasia", (True, True)),
            ("Rahasia/Anonim", (True, True)),
        ],
    )
    def test_privacy_is_read_from_one_column(self, cell: str, flags: tuple[bool, bool]) -> None:
        found = taken(**{"Anonim/Rahasia": cell}).data
        assert (found.anonymous, found.secret) == flags

    def test_privacy_is_read_from_two_columns(self) -> None:
        rest = {name: cell for name, cell in PLAIN.items() if name != "Anonim/Rahasia"}
        [found] = items(rest | {"Anonim": "Ya", "Rahasia": "Tidak"})
        assert isinstance(found, Report)
        data = decode_report(found.value).data
        assert (data.anonymous, data.secret) == (True, False)

    @pytest.mark.parametrize("cell", ["Anonim", "-", "", "anonim"])
    def test_anonim_is_no_name(self, cell: str) -> None:
        assert taken(Pelapor=cell).data.reporter is None

    @pytest.mark.parametrize(
        ("column", "cell", "message"),
        [
            ("Tracking ID", "", "id: empty"),
            ("Tracking ID", "1,04E+06", "id: '1,04E+06' was rounded by a spreadsheet"),
            ("Tracking ID", "1.041", "id: '1.041' is not a Tracking ID (digits)"),
            ("Anonim/Rahasia", "barangkali", "privacy: 'barangkali' is neither Anonim nor Rahasia nor empty"),
            ("Klasifikasi Laporan", "Keluhan", "class: 'Keluhan' is not a class; use one of complaint"),
            ("Judul Laporan", "x" * 301, "title: String should have at most 300 characters"),
            ("Provinsi", "x" * 101, "location.province: "),
        ],
    )
    def test_a_cell_that_cannot_be_read_spoils_its_row_and_is_named(self, column: str, cell: str, message: str) -> None:
        assert reason(**{column: cell}).startswith(message)

    @pytest.mark.parametrize(
        ("cell", "utc"),
        [
            ("2026-03-16", "2026-03-15T17:00"),
            ("2026-03-16 09:11:05", "2026-03-16T02:11:05"),
            ("16-03-2026 09.11 WITA", "2026-03-16T01:11"),
            ("2026-03-16T09:11:05+07:00", "2026-03-16T02:11:05"),
            ("2026-03-16T02:11:05Z", "2026-03-16T02:11:05"),
        ],
    )
    def test_times_are_of_wib_unless_they_say_otherwise(self, cell: str, utc: str) -> None:
        assert taken(**{"Tanggal Laporan Masuk": cell}).time == datetime.fromisoformat(f"{utc}+00:00")

    def test_the_time_of_day_may_have_a_column_of_its_own(self) -> None:
        found = items(PLAIN | {"Tanggal Laporan Masuk": "06 Agu 2026", "Waktu Laporan Masuk": "07:05"})
        assert isinstance(found[0], Report)
        assert decode_report(found[0].value).time == datetime(2026, 8, 6, 0, 5, tzinfo=UTC)

    @pytest.mark.parametrize("status", ["Ditutup oleh Sistem", "Diarsipkan oleh Admin", "DITUTUP OLEH ADMIN"])
    def test_settled_entries_are_skipped_by_default(self, status: str) -> None:
        assert items(PLAIN | {"Status Laporan": status}) == [Ignored(2)]
        [found] = items(PLAIN | {"Status Laporan": status}, settled=True)
        assert isinstance(found, Report)

    def test_good_rows_go_whatever_stands_between_them(self) -> None:
        found = items(PLAIN, PLAIN | {"Tracking ID": "x"}, PLAIN | {"Tracking ID": "1042007"})
        assert [type(each) for each in found] == [Report, Skipped, Report]
        assert [each.line for each in found] == [2, 3, 4]

    def test_the_same_row_is_the_same_report_in_any_file(self) -> None:
        [first], [again] = items(PLAIN), items(PLAIN | {"Status Laporan": "", "Rating": "4"})
        assert isinstance(first, Report)
        assert isinstance(again, Report)
        assert first.complaint == again.complaint

    @pytest.mark.parametrize(
        ("missing", "message"), [("Tracking ID", "--map id=COLUMN"), ("Judul Laporan", None), ("Provinsi", None)]
    )
    def test_only_the_tracking_id_cannot_be_missing(self, missing: str, message: str | None) -> None:
        header = tuple(name for name in PLAIN if name != missing)
        if message is None:
            assert isinstance(items(PLAIN, header=header)[0], Report)
        else:
            with pytest.raises(BadLayout, match=message):
                items(PLAIN, header=header)

    @pytest.mark.parametrize(
        "header",
        ["Tipe Laporan (Anonim/Rahasia)", "Anonim/Rahasia", "anonim / rahasia", "Kerahasiaan", "Sifat Laporan"],
    )
    def test_the_column_of_privacy_is_found_by_any_of_its_names(self, header: str) -> None:
        renamed = {header if name == "Anonim/Rahasia" else name: cell for name, cell in PLAIN.items()}
        [found] = items(renamed | {header: "Rahasia"})
        assert isinstance(found, Report)
        assert decode_report(found.value).data.secret

    def test_without_one_it_is_refused_unless_that_is_meant(self) -> None:
        header = tuple(name for name in PLAIN if name != "Anonim/Rahasia")
        with pytest.raises(BadLayout, match=r"none is known here: .*--map privacy=COLUMN, or say .* privacy="):
            items(PLAIN, header=header)
        assert isinstance(items(PLAIN, header=header, columns=("privacy=",))[0], Report)

    def test_who_is_called_anonim_is_anonymous(self) -> None:
        assert taken(Pelapor="Anonim").data.anonymous

    def test_the_real_export_is_known_without_being_named(self) -> None:
        found = opened(
            f"Judul Laporan;Rekap\nNama Instansi;Contoh\n\n{table([tuple(PLAIN), tuple(PLAIN.values())], ';')}"
        )
        assert found.notes[0].startswith("the header is in row 4; skipped above it: Judul Laporan, Nama Instansi")
        assert found.notes[1] == "layout: the LAPOR export, as from /channels/lapor"
        [one] = found.items
        assert isinstance(one, Report)
        assert one.complaint == complaint_id("/channels/lapor", "1041007")

    @given(st.dictionaries(st.sampled_from(sorted(PLAIN)), st.text(max_size=60)))
    def test_no_cell_is_too_strange(self, cells: dict[str, str]) -> None:
        clean = {name: cell.encode(errors="replace").decode() for name, cell in cells.items()}
        try:
            found = items(PLAIN | clean, dict.fromkeys(PLAIN, "x"))
        except BadLayout:
            return  # an unknown status, or a date in either order
        assert all(isinstance(each, Report | Skipped | Ignored) for each in found)


def exported(world: World, reporter: str | None = None) -> dict[str, str]:
    texts = RowTexts()
    for recorded in world.history:
        texts = texts_after(texts, recorded.fact)
    cells = row(world.complaint, texts, offices=OFFICES, zone=WIB, reporter=reporter)
    return dict(zip(HEADER, cells, strict=True))


class TestWriting:
    def test_the_document_names_each_column(self) -> None:
        out = (
            (Path(__file__).parents[3] / "docs" / "how-to" / "exchange-files.md")
            .read_text()
            .split("## The LAPOR export, out", 1)[1]
        )
        table = [line.split("|")[1] for line in out.split("| status |", 1)[0].splitlines() if line.startswith("|")]
        assert [name.strip() for names in table[2:] for name in names.split(",")] == list(HEADER)

    @every(
        Rows(
            [
                (Status.REGISTERED, "Menunggu Verifikasi"),
                (Status.POSTPONED, "Ditunda"),
                (Status.VERIFIED, "Terverifikasi"),
                (Status.RETURNED, "Terverifikasi"),
                (Status.DISPOSED, "Terdisposisi ke Dinas PUPR Kota Denpasar"),
                (Status.FOLLOWED_UP, "Ditindaklanjuti oleh Instansi"),
                (Status.REPLIED, "Ditanggapi oleh Pelapor"),
                (Status.CLOSED, "Ditutup oleh Admin"),
                (Status.ARCHIVED, "Diarsipkan oleh Admin"),
                (Status.WITHDRAWN, "Ditarik oleh Pelapor"),
            ]
        )
    )
    def test_each_status_has_its_word(self, status: Status, word: str) -> None:
        assert exported(to_status(status))["Status Laporan"] == word

    @pytest.mark.parametrize(
        ("status", "clock", "word"),
        [
            (Status.FOLLOWED_UP, "citizen_reply", "Ditutup oleh Sistem"),
            (Status.POSTPONED, "completion", "Ditarik oleh Sistem"),
        ],
    )
    def test_what_a_deadline_ended_the_system_has_ended(self, status: Status, clock: str, word: str) -> None:
        world = to_status(status)
        world.notice(clock, at=world.due(clock) + days(1))
        assert exported(world)["Status Laporan"] == word

    def test_what_a_machine_archived_the_system_has_archived(self) -> None:
        world = World(DEMO)
        world.send(ARCHIVE, VERIFICATION)
        cells = exported(world)
        assert (cells["Status Laporan"], cells["Alasan Tunda/Arsip"]) == ("Diarsipkan oleh Sistem", "Tidak jelas")

    def test_both_texts_the_office_and_the_rating_are_exported(self) -> None:
        world = to_status(Status.POSTPONED, location=None)
        assert exported(world)["Alasan Tunda/Arsip"] == "Mohon lengkapi lokasi."
        world.send(c.CompleteReport(body="Di depan pasar.", location=Location(city="Denpasar")), CITIZEN)
        world.send(c.VerifyComplaint(edited_text="Terdapat lubang."), PANRB)
        for command, by in ((DISPOSE, PANRB), (FOLLOW_UP, PUPR), (CLOSE, PANRB), (RATE, CITIZEN)):
            world.send(command, by)
        cells = exported(world)

        assert cells == {
            "Tracking ID": "1000000",
            "Tanggal Laporan Masuk": "2026-03-02 09:00:00",
            "Pelapor": "",
            "Klasifikasi Laporan": "Pengaduan Tidak Berkadar Pengawasan",
            "Kategori": "Infrastruktur Jalan",
            "Judul Laporan": "Jalan berlubang di depan Pasar Badung",
            "Isi Laporan Awal": "Di depan pasar.",
            "Isi Laporan Akhir": "Terdapat lubang.",
            "Anonim/Rahasia": "",
            "Sumber Laporan": "sms",
            "Instansi Induk": "Pemerintah Kota Denpasar",
            "Instansi Terdisposisi": "Dinas PUPR Kota Denpasar",
            "Status Laporan": "Ditutup oleh Admin",
            "Alasan Tunda/Arsip": "",
            "Provinsi": "",
            "Kota/Kabupaten": "Denpasar",
            "Kecamatan": "",
            "Kelurahan/Desa": "",
            "Rating": "4",
            "Menunggu": "",
        }

    @pytest.mark.parametrize(
        ("status", "changes", "words"),
        [
            (Status.REGISTERED, {}, "Verifikasi oleh Kementerian PANRB"),
            (Status.POSTPONED, {}, "Pelapor melengkapi laporan"),
            (
                Status.VERIFIED,
                {"category": "gempa-bumi", "location": Location(city="Biak")},
                "Belum ada instansi berwenang untuk gempa bumi di Biak: disposisi manual oleh Kementerian PANRB",
            ),
            (
                Status.VERIFIED,
                {"category": "gempa-bumi", "location": Location(lat=-8.65, lon=115.2167)},
                (
                    "Belum ada instansi berwenang untuk gempa bumi di tempat yang tidak disebut: disposisi manual oleh "
                    "Kementerian PANRB"
                ),
            ),
            (Status.DISPOSED, {}, "Tindak lanjut oleh Dinas PUPR Kota Denpasar"),
            (Status.DISPOSED, {"secret": True}, ""),
            (Status.FOLLOWED_UP, {}, "Tanggapan pelapor"),
        ],
    )
    def test_whom_an_open_complaint_waits_for(self, status: Status, changes: dict[str, Any], words: str) -> None:
        assert exported(to_status(status, **changes))["Menunggu"] == words

    def test_each_code_has_its_words(self) -> None:
        words = lapor_rows.WORDS
        assert words["waiting"].keys() == WHY.keys()
        assert words["class"].keys() == set(ComplaintClass)
        assert words["reason"].keys() == set(ArchiveReason)
        assert words["standing"].keys() | words["ended"].keys() | {Status.DISPOSED} == set(Status)

    def test_the_reporter_is_exported_only_if_read_and_not_anonymous(self) -> None:
        open_, hidden = World(), World(anonymous=True)

        assert exported(open_)["Pelapor"] == ""
        assert exported(open_, "Ni Made Contoh")["Pelapor"] == "Ni Made Contoh"
        assert exported(hidden)["Pelapor"] == "Anonim"
        assert exported(hidden, "Ni Made Contoh")["Pelapor"] == "Anonim"

    def test_of_a_secret_complaint_only_the_status_is_exported(self) -> None:
        place = Location(province="Bali", city="Denpasar", district="Denpasar Barat", village="Pemecutan")
        world = World(secret=True, location=place)
        world.send(c.PostponeComplaint(missing=("body",), reason="Isi tidak jelas."), PANRB)
        cells = exported(world)

        assert {name for name, cell in cells.items() if cell} == {
            *("Tracking ID", "Tanggal Laporan Masuk", "Klasifikasi Laporan", "Anonim/Rahasia"),
            "Status Laporan",
        }
        assert (cells["Anonim/Rahasia"], cells["Status Laporan"]) == ("Rahasia", "Ditunda")

    def test_a_complaint_without_anything_has_a_row_all_the_same(self) -> None:
        cells = exported(World(category=None, location=None, title="Halo", body=""))
        assert (cells["Kategori"], cells["Provinsi"], cells["Isi Laporan Awal"]) == ("", "", "")

    @example("=", "'=", True)  # noqa: FBT003 -- as drawn
    @example("0'@", "0'@", False)  # noqa: FBT003 -- as drawn
    @example("'+", "''-1", False)  # noqa: FBT003 -- as drawn
    @given(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200),
        st.booleans(),
    )
    def test_what_was_written_is_read_again(self, title: str, body: str, anonymous: bool) -> None:  # noqa: FBT001 -- drawn
        world = World(title=f"{title}.".strip(), body=body.strip(), anonymous=anonymous)
        text = io.StringIO(newline="")
        writer = CsvWriter(text)
        writer.write(HEADER)
        writer.write(tuple(exported(world, "Ni Made Contoh").values()))
        [found] = opened(text.getvalue()).items

        assert isinstance(found, Report), found
        data, before = decode_report(found.value).data, world.history[0].fact
        assert isinstance(before, ComplaintRegistered)
        # a dash alone is how people write that there is nothing, and so is what cannot be seen
        assert (data.title, data.body) == tuple(
            "" if text == "-" or unseen(text) else text for text in (before.report.title, before.report.body)
        )
        assert data.anonymous is anonymous
        assert data.category == before.report.category
        assert data.location == before.report.location
        assert (data.reporter is None) is anonymous
