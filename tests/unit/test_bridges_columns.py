"""Columns are found by the names people give them; what may matter and is not used is asked about."""

import pytest
from bridge_files import items, opened, report

from agents.bridges.columns import choose_columns
from agents.bridges.items import BadLayout
from agents.bridges.layouts import catalogue, plain


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
    ("header", "wanted", "said"),
    [
        ("id,foo", [], "no column is known to hold a title or a body"),
        ("id,title", ["headline=title"], "there is no field 'headline'; there are id, title, body"),
        ("id,title", ["body=text"], "there is no column 'text'; there are id, title"),
        ("id,title", ["body"], "write it as field=column"),
        ("id,title", ["title="], "no column is known to hold a title or a body"),
        ("title", [], "no column is known to hold the id, .* --map id=COLUMN, or .* --no-id"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(header: str, wanted: list[str], said: str) -> None:
    with pytest.raises(BadLayout, match=said) as refusal:
        choose_columns(header.split(","), wanted)

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("column", "cell", "kind"),
    [
        ("Keadaan", "baru", "a status"),
        ("Ingin identitas dirahasiakan", "ya", "privacy"),
        ("Privasi", "ya", "privacy"),
        ("Tampil ke publik", "tidak", "privacy"),
        ("Tampilkan Nama", "tidak", "privacy"),
        ("Sembunyikan Identitas", "ya", "privacy"),
        ("Hide my name", "y", "privacy"),
        ("Catatan", "Anonim", "privacy"),  # by what stands in it
        ("Sifat", "Sangat Rahasia", "privacy"),
        ("🔒", "Rahasia", "privacy"),
        ("Nama Lengkap", "Ni Made", "who reports"),
        ("Nama Pengirim", "Ni Made", "who reports"),
        ("Last Updated", "2026-03-16", "a date"),
        ("Hari", "16/03/2026", "a date"),  # by what stands in it
        ("report_id", "7", "an id"),
    ],
)
def test_a_column_that_may_matter_stops_until_it_is_decided_about(column: str, cell: str, kind: str) -> None:
    text = f"id,title,{column}\n1,Jalan,{cell}\n"
    with pytest.raises(BadLayout) as refusal:
        opened(text)
    assert str(refusal.value).startswith(f"not used, and may matter: '{column}' ({kind})")
    assert f"--ignore '{column}'" in str(refusal.value)
    assert len(items(text, ignored=(column,))) == 1


def test_a_column_that_does_not_is_left_alone() -> None:
    told = opened("id,title,category_id,supporters,Sumber\n1,Jalan,412,3,Website\n").told
    assert told[1].endswith("(not used: category_id, supporters, Sumber)")


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
        assert found.told[0].startswith(f"layout: {name}, as from /channels/")
        assert " id=" in found.told[1]
        assert "title=" in found.told[1]
        assert "status=" in found.told[1]

    def test_what_is_asked_for_goes_before_the_layout(self) -> None:
        text = "SR_NUMBER,SR_TYPE,STATUS,CREATED_DATE\nA-1,Pothole,Open,2026-03-16\n"
        found = report(text, columns=("event_date=CREATED_DATE", "title=SR_TYPE"))
        assert str(found.data.event_date) == "2026-03-16"
        assert (found.data.title, found.data.category) == ("Pothole", "pothole")
