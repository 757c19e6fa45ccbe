"""Columns are found by their usual names; unused ones that may matter stop the import."""

from zoneinfo import ZoneInfo

import pytest

from agents.integrations.columns import choose_columns
from agents.integrations.entries import BadLayout, Report, Skipped
from agents.integrations.layouts import Layout, catalogue, plain
from tests.support.table_files import items, notes, opened, report, reports, table
from tests.support.tables import Rows, every


def chosen(header: str, *wanted: str) -> dict[str, str]:
    names = header.split(",")
    return {field: names[position] for field, position in choose_columns(names, wanted).positions.items()}


def test_an_export_in_english_needs_no_mapping() -> None:
    header = "id,title,description,status,created_at,latitude,longitude,supporters,comments"

    assert chosen(header) == {
        "id": "id",
        "title": "title",
        "body": "description",
        "received": "created_at",
        "status": "status",
        "lat": "latitude",
        "lon": "longitude",
    }
    columns = choose_columns(header.split(","))
    assert [columns.header[position] for position in columns.unused] == ["supporters", "comments"]


def test_an_export_in_indonesian_needs_none_either() -> None:
    header = (
        "Nomor,Klasifikasi,Kategori,Judul Laporan,Isi Laporan Awal,Tanggal Kejadian,Provinsi,Kabupaten/Kota,"
        "Kecamatan,Kelurahan/Desa,Anonim,Rahasia,Pelapor"
    )

    assert set(chosen(header)) == {
        *("id", "class", "category", "title", "body", "event_date", "province", "city", "district", "village"),
        *("anonymous", "secret", "name"),
    }


def test_the_likelier_name_wins_whatever_the_order() -> None:
    assert chosen("id,created_at,received_at,judul")["received"] == "received_at"
    assert chosen("id,judul,title")["title"] == "title"
    assert chosen("id,judul,received,tanggal_laporan")["received"] == "received"
    assert chosen('id,Judul,"Isi (apa; siapa)"'.replace('"', ""))["body"] == "Isi (apa; siapa)"


def test_when_it_was_reported_and_when_it_happened_are_two_fields() -> None:
    found = report("id,judul,tanggal_laporan,tanggal_kejadian\n1,Jalan,2026-03-16,2026-03-14\n")

    assert found.time is not None
    assert (found.time.isoformat(), str(found.data.event_date)) == ("2026-03-15T17:00:00+00:00", "2026-03-14")


def test_what_is_wanted_goes_first_and_takes_its_column_away() -> None:
    found = chosen("id,title,note,description", "body=note", "title=description")

    assert found == {"id": "id", "title": "description", "body": "note"}
    assert "body" not in chosen("id,judul,isi", "title=ISI", "category=judul")


def test_no_two_fields_take_one_name() -> None:
    shared = {"waktu_laporan_masuk"}  # a time of day, or where there is no other the moment
    names = [alias for aliases in catalogue().fields.values() for alias in aliases if alias not in shared]

    assert len(names) == len(set(names))


def test_every_name_that_is_known_is_written_as_names_are_compared() -> None:
    for name in catalogue().names:
        assert name == plain(name)


@pytest.mark.parametrize(
    ("header", "wanted", "message"),
    [
        ("id,foo", [], "no column is known to hold a title or a body"),
        ("id,title", ["headline=title"], "there is no field 'headline'; use one of id, title, body"),
        ("id,title", ["body=text"], "there is no column 'text'; use one of id, title"),
        ("id,title", ["body"], "write it as field=column"),
        ("id,title", ["title="], "no column is known to hold a title or a body"),
        ("title", [], "no column is known to hold the id, .* --map id=COLUMN, or .* --no-id"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(header: str, wanted: list[str], message: str) -> None:
    with pytest.raises(BadLayout, match=message) as refusal:
        choose_columns(header.split(","), wanted)

    assert "\n" not in str(refusal.value)


@every(
    Rows(
        [
            ("Keadaan", "baru", "a status"),
            ("Ingin identitas dirahasiakan", "ya", "privacy"),
            ("Privasi", "ya", "privacy"),
            ("Tampil ke publik", "tidak", "privacy"),
            ("Tampilkan Nama", "tidak", "privacy"),
            ("Sembunyikan Identitas", "ya", "privacy"),
            ("Hide my name", "y", "privacy"),
            ("Whistleblower", "ya", "privacy"),
            ("Laporan Tertutup", "ya", "privacy"),
            ("Akses", "terbatas", "privacy"),
            ("Jenis Pelapor", "Anonim", "privacy"),  # by what stands in it, whatever its name looks like
            ("Catatan", "Anonim", "privacy"),  # by what stands in it
            ("Sifat", "Sangat Rahasia", "privacy"),
            ("🔒", "Rahasia", "privacy"),
            ("Nama Lengkap", "Ni Made", "who reports"),
            ("Nama Pengirim", "Ni Made", "who reports"),
            ("Last Updated", "2026-03-16", "a date"),
            ("Hari", "16/03/2026", "a date"),  # by what stands in it
            ("Hari", "03/16/2026", "a date"),  # with the month first
            ("report_id", "7", "an id"),
        ]
    )
)
def test_a_column_that_may_matter_stops_until_it_is_decided_about(column: str, cell: str, kind: str) -> None:
    text = f"id,title,{column}\n1,Jalan,{cell}\n"
    with pytest.raises(BadLayout) as refusal:
        opened(text)
    assert str(refusal.value).startswith(f"not used, and may matter: '{column}' ({kind})")
    assert f"--ignore '{column}'" in str(refusal.value)
    assert len(items(text, ignored=(column,))) == 1


@pytest.mark.parametrize("column", ["nik", "No KTP", "NIK Pelapor"])
def test_an_identity_number_is_never_to_be_mapped(column: str) -> None:
    with pytest.raises(BadLayout) as refusal:
        opened(f"id,title,keadaan,{column}\n1,Jalan,baru,5171010101800001\n")
    assert str(refusal.value) == (
        f"not used, and may matter: '{column}' (an identity number, which no field of a report holds): "
        f"leave it out with --ignore '{column}'"
    )


def test_two_columns_of_one_name_are_addressed_by_their_numbers() -> None:
    text = "id,title,Anonim,Anonim\n1,Jalan,,ya\n"
    with pytest.raises(BadLayout, match=r"^not used, and may matter: 'column 4' \(privacy\).*--ignore 'column 4'$"):
        opened(text)
    with pytest.raises(BadLayout, match="there are several: name one as column 3 or column 4"):
        opened(text, ignored=("Anonim",))
    assert not report(text, ignored=("column 4",)).data.anonymous
    assert report(text, columns=("anonymous=column 4",), ignored=("column 3",)).data.anonymous


def test_a_column_that_does_not_is_left_alone() -> None:
    notes = opened("id,title,category_id,supporters,Sumber\n1,Jalan,412,3,Website\n").notes
    assert notes[1].endswith("(not used: category_id, supporters, Sumber)")


class TestKnownLayouts:
    HEADERS = (
        ("311 of Chicago", "SR_NUMBER,SR_TYPE,STATUS,CREATED_DATE,LAST_MODIFIED_DATE,CLOSED_DATE,PARENT_SR_NUMBER"),
        ("311 of Boston", "case_enquiry_id,open_dt,sla_target_dt,closed_dt,case_status,closure_reason,case_title"),
        (
            "311 of New York",
            "Unique Key,Created Date,Closed Date,Agency Name,Complaint Type,Descriptor,Status,Due Date",
        ),
        ("311 of San Francisco", "CaseID,Opened,Closed,Updated,Status,Status Notes,Request Type,Request Details"),
        ("311 of Los Angeles", "SRNumber,CreatedDate,UpdatedDate,RequestType,Status,Anonymous,ClosedDate"),
        ("311 of Austin", "Service Request (SR) Number,SR Description,SR Status,Status Change Date,Created Date"),
        ("Open311 (GeoReport v2) as a table", "service_request_id,status,status_notes,service_name,updated_datetime"),
    )

    @pytest.mark.parametrize(("name", "header"), HEADERS)
    def test_the_exports_of_cities_are_known_and_named(self, name: str, header: str) -> None:
        width = header.count(",") + 1
        row = ["1", *[""] * (width - 1)]
        found = opened(f"{header}\n{','.join(row)}\n")
        assert found.notes[0].startswith(f"layout: {name}, as from /channels/")
        assert " id=" in found.notes[1]
        assert "title=" in found.notes[1]
        assert "status=" in found.notes[1]

    def test_what_is_asked_for_goes_before_the_layout(self) -> None:
        text = "SR_NUMBER,SR_TYPE,STATUS,CREATED_DATE\nA-1,Pothole,Open,2026-03-16\n"
        found = report(text, columns=("event_date=CREATED_DATE", "title=SR_TYPE"))
        assert str(found.data.event_date) == "2026-03-16"
        assert (found.data.title, found.data.category) == ("Pothole", "pothole")


class TestColumnsWithoutName:
    @pytest.mark.parametrize("header", [["id", "judul", ""], ["id", "judul"]])
    def test_a_column_behind_the_last_refuses_no_row_and_is_reported(self, header: list[str]) -> None:
        content = table([header, *([str(n), "Jalan", "x"] for n in range(9))])
        assert len(reports(content)) == 9
        assert "without a name and not used: column 3 (--map FIELD='column N' reads one)" in opened(content).notes
        assert {each.data.category for each in reports(content, columns=["category=column 3"])} == {"x"}

    @pytest.mark.parametrize("row", [["id", "", "judul"], ["id", "judul", ""]])
    def test_what_looks_like_privacy_stops_in_whichever_row(self, row: list[str]) -> None:
        place = row.index("")
        rows = [["1", "Jalan", "Jalan"] for _ in range(300)]
        for each in rows:
            each[place] = "x"
        rows[-1][place] = "Rahasia"
        content = table([row, *([str(n), *each[1:]] for n, each in enumerate(rows))])
        with pytest.raises(BadLayout, match=rf"may matter: 'column {place + 1}' \(privacy\): name each with --map"):
            opened(content)
        asked = [f"secret=column {place + 1}"]
        assert [type(each) for each in items(content.replace(",x", ",tidak"), columns=asked)] == [Report] * 300

    def test_a_cell_too_many_still_costs_its_row(self) -> None:
        content = table([["id", "judul"], *([str(n), "Jalan"] for n in range(5)), ["9", "Jalan", "rusak"]])
        assert [type(each) for each in items(content)] == [Report] * 5 + [Skipped]


class TestPrivacyInAnotherColumn:
    @pytest.mark.parametrize(("name", "field"), [("Jenis", "class"), ("Kategori", "category"), ("Kota", "city")])
    @pytest.mark.parametrize("word", ["Rahasia", "ANONIM"])
    def test_it_stops_with_what_to_do(self, name: str, field: str, word: str) -> None:
        content = table([["id", "judul", name], ["1", "Jalan", ""], ["2", "Lampu", word]])
        with pytest.raises(BadLayout) as refusal:
            opened(content)
        assert str(refusal.value) == (
            f"column '{name}' is taken for {field} and holds '{word}': say with --map 'privacy={name}' that it is "
            f"about privacy, or with --map '{field}={name}' that it is not"
        )
        first, second = reports(content, columns=[f"privacy={name}"])
        assert (first.data.anonymous, first.data.secret) == (False, False)
        assert (second.data.anonymous, second.data.secret) == (word == "ANONIM", word == "Rahasia")


class TestWhatALayoutKnows:
    CHICAGO = "SR_NUMBER,SR_TYPE,STATUS,CREATED_DATE\nSR1,Pothole,Open,03/25/2026 09:11:00 AM\nSR2,Tree,,03/26/2026\n"

    def test_it_carries_the_zone_of_its_times(self) -> None:
        first, _ = reports(self.CHICAGO)
        assert first.time is not None
        assert first.time.isoformat() == "2026-03-25T14:11:00+00:00"
        assert (
            "dates: CREATED_DATE mdy; times without a zone are of America/Chicago (--zone)"
            in opened(self.CHICAGO).notes
        )
        first, _ = reports(self.CHICAGO, zone=ZoneInfo("Asia/Makassar"))
        assert first.time is not None
        assert first.time.isoformat() == "2026-03-25T01:11:00+00:00"

    @pytest.mark.parametrize("layout", catalogue().layouts, ids=lambda layout: layout.name)
    def test_a_zone_is_one(self, layout: Layout) -> None:
        if layout.zone is not None:
            assert ZoneInfo(layout.zone).key == layout.zone

    def test_a_request_without_a_status_counts_as_open_and_is_reported(self) -> None:
        assert "status: 1 of 2 have none and count as open" in opened(self.CHICAGO).notes
        requests = '[{"service_request_id": 1, "description": "x", "status": null}]'
        assert opened(requests).notes[-1] == "status: 1 of 1 have none and count as open"
        assert not any(line.startswith("status:") for line in opened("id,judul\n1,Jalan\n").notes)


@pytest.mark.parametrize(
    ("column", "cell", "follows"),
    [
        ("follows", "1041007", "1041007"),
        ("Nomor Laporan Sebelumnya", "#1041007", "1041007"),
        ("lanjutan dari", "166AA932-3F01-5571-AEB0-9200F7B95146", "166aa932-3f01-5571-aeb0-9200f7b95146"),
        ("follows", "", None),
    ],
)
def test_an_earlier_complaint_is_read_from_a_column(column: str, cell: str, follows: str | None) -> None:
    assert report(f"id,title,{column}\n1,Jalan,{cell}\n").data.follows == follows


def test_what_names_no_complaint_is_left_out() -> None:
    text = "id,title,follows\n1,Jalan,laporan kemarin\n"
    assert notes(text) == ("follows: 'laporan kemarin' is neither a tracking number nor a complaint id",)
    assert report(text).data.follows is None
