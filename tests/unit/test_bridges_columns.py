"""Columns are found by the names people give them, and what is asked for goes before what is found."""

import pytest

from agents.bridges.columns import ALIASES, BadMapping, choose_columns


def chosen(header: str, *wanted: str) -> dict[str, str]:
    names = header.split(",")
    return {field: names[position] for field, position in choose_columns(names, wanted).positions.items()}


def test_an_export_in_english_needs_no_mapping() -> None:
    header = "id,title,description,status,created_at,latitude,longitude,supporters,comments"

    assert chosen(header) == {
        "id": "id",
        "title": "title",
        "body": "description",
        "event_date": "created_at",
        "lat": "latitude",
        "lon": "longitude",
    }
    assert choose_columns(header.split(",")).unused == ["status", "supporters", "comments"]


def test_an_export_in_indonesian_needs_none_either() -> None:
    header = (
        "Tracking ID,Klasifikasi,Kategori,Judul Laporan,Isi Laporan Awal,Provinsi,Kabupaten/Kota,"
        "Kecamatan,Kelurahan/Desa,Anonim,Rahasia,Pelapor"
    )

    assert list(chosen(header).items()) == [
        ("id", "Tracking ID"),
        ("title", "Judul Laporan"),
        ("body", "Isi Laporan Awal"),
        ("class", "Klasifikasi"),
        ("category", "Kategori"),
        ("province", "Provinsi"),
        ("city", "Kabupaten/Kota"),
        ("district", "Kecamatan"),
        ("village", "Kelurahan/Desa"),
        ("anonymous", "Anonim"),
        ("secret", "Rahasia"),
        ("name", "Pelapor"),
    ]


def test_the_likelier_name_wins_whatever_the_order() -> None:
    assert chosen("created_at,tanggal_kejadian,judul")["event_date"] == "tanggal_kejadian"
    assert chosen("judul,title")["title"] == "title"


def test_what_is_wanted_goes_first_and_takes_its_column_away() -> None:
    found = chosen("id,title,note,description", "body=note", "title=description", "id=")

    assert found == {"title": "description", "body": "note"}
    assert "body" not in chosen("judul,isi", "title=isi", "category=judul")


def test_no_two_fields_take_one_name() -> None:
    names = [alias for aliases in ALIASES.values() for alias in aliases]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("header", "wanted", "said"),
    [
        ("id,foo", [], "no column is known to hold a title or a body"),
        ("id,title", ["headline=title"], "there is no field 'headline'; there are id, title, body"),
        ("id,title", ["body=text"], "there is no column 'text'; there are id, title"),
        ("id,title", ["body"], "write it as field=column"),
        ("id,title", ["title="], "no column is known to hold a title or a body"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(header: str, wanted: list[str], said: str) -> None:
    with pytest.raises(BadMapping, match=said) as refusal:
        choose_columns(header.split(","), wanted)

    assert "\n" not in str(refusal.value)
