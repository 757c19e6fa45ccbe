"""Offices: superiors and competence."""

import tomllib
from datetime import date
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import Rows, every
from workflow.policy import place_names
from workflow.policy.offices import Directory, Level, Office, OfficesError, UnknownOffice
from workflow.policy.offices_document import parse_offices
from workflow.policy.place_names import City, Kind

TODAY = date(2026, 3, 16)
PACKAGED = parse_offices(
    tomllib.loads((resources.files("workflow") / "policy" / "offices.toml").read_text(encoding="utf-8"))
)
BALI = {"badung", "bangli", "buleleng", "denpasar", "gianyar", "jembrana", "karangasem", "klungkung", "tabanan"}
WIB = ZoneInfo("Asia/Jakarta")


def document(*more: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return a small tree of offices; ``changes`` go to the city."""
    city: dict[str, object] = {"id": "ubud", "name": "Ubud", "level": "city", "parent": "bali", "city": "Kota Ubud"}
    return {
        "offices": [
            {"id": "panrb", "name": "PANRB", "level": "national", "zone": "Asia/Jakarta"},
            {
                "id": "bali",
                "name": "Bali",
                "level": "province",
                "parent": "panrb",
                "zone": "Asia/Makassar",
                "province": "Bali",
            },
            city | changes,
            *more,
        ]
    }


def unit(name: str, *categories: str, **more: object) -> dict[str, Any]:
    return {"id": name, "name": name, "categories": list(categories), **more}


def test_the_packaged_offices_hold_all_of_bali_and_three_zones() -> None:
    assert {office for office in PACKAGED.children("bali") if PACKAGED.get(office).level is Level.CITY} == BALI
    for agency in BALI:
        assert PACKAGED.get(agency).zone == ZoneInfo("Asia/Makassar")
        assert 3 <= len(PACKAGED.children(agency)) <= 5
        assert f"{agency}-pupr" in PACKAGED.children(agency)
    assert PACKAGED.get("surabaya-pupr").zone == WIB
    assert PACKAGED.get("biak-numfor-pupr").zone == ZoneInfo("Asia/Jayapura")


def test_the_tree_is_walked_upwards_and_downwards() -> None:
    assert [PACKAGED.superior(each) for each in ("denpasar-pupr", "denpasar", "bali", "panrb", "ombudsman")] == [
        "denpasar",
        "bali",
        "panrb",
        None,
        None,
    ]
    assert [PACKAGED.agency(each) for each in ("denpasar-pupr", "denpasar", "bali-pupr")] == ["denpasar"] * 2 + ["bali"]
    assert "denpasar" in PACKAGED.children("bali")
    assert "denpasar-pupr" not in PACKAGED.children("bali")
    assert "denpasar-pupr" in PACKAGED.units_below("bali")
    assert "denpasar" not in PACKAGED.units_below("bali")
    assert PACKAGED.units_below("denpasar-pupr") == ()


@pytest.mark.parametrize(
    ("office", "ancestor", "below"),
    [
        ("denpasar-pupr", "denpasar", True),
        ("denpasar-pupr", "panrb", True),
        ("denpasar-pupr", "badung", False),
        ("denpasar", "denpasar", False),
        ("bali", "denpasar", False),
        ("ombudsman", "panrb", False),
    ],
)
def test_below_means_anywhere_below(office: str, ancestor: str, *, below: bool) -> None:
    assert PACKAGED.is_below(office, ancestor) is below


def test_an_unknown_office_is_reported() -> None:
    for ask in (PACKAGED.get, PACKAGED.superior, PACKAGED.agency, PACKAGED.children, PACKAGED.units_below):
        with pytest.raises(UnknownOffice, match='there is no office "atlantis"'):
            ask("atlantis")
    assert not PACKAGED.exists_on("atlantis", TODAY)
    assert "atlantis" not in PACKAGED
    assert "denpasar" in PACKAGED


@every(
    Rows(
        [
            ("infrastruktur-jalan", "Bali", "Denpasar", ["denpasar-pupr", "denpasar", "bali-pupr", "bali"]),
            (
                "infrastruktur-jalan",
                "Provinsi BALI",
                "kota denpasar",
                ["denpasar-pupr", "denpasar", "bali-pupr", "bali"],
            ),
            ("infrastruktur-jalan", None, "Denpasar", ["denpasar-pupr", "denpasar", "bali-pupr", "bali"]),
            ("Infrastruktur Jalan", "Bali", None, ["bali-pupr", "bali"]),
            ("pasar", "Bali", "Kab. Gianyar", ["gianyar-disperindag", "gianyar", "bali"]),
            ("perikanan", "Bali", "Gianyar", ["gianyar", "bali"]),
            (None, "Bali", "Gianyar", ["gianyar", "bali"]),
            ("pasar", "Bali", "Atlantis", ["bali"]),
            ("pasar", "Papua", "Denpasar", ["papua"]),
            ("pasar", "Atlantis", "Denpasar", []),
            ("pasar", "Atlantis", None, []),
            ("pasar", None, "Atlantis", []),
            ("pasar", None, None, []),
            ("pasar", "", "", []),
        ]
    )
)
def test_the_most_specific_office_comes_first(
    category: str | None, province: str | None, city: str | None, expected: list[str]
) -> None:
    assert PACKAGED.candidates(category, province, city, TODAY) == expected


def test_an_office_that_returned_it_is_not_asked_again() -> None:
    excluding = {"denpasar-pupr", "bali-pupr"}
    found = PACKAGED.candidates("infrastruktur-jalan", "Bali", "Denpasar", TODAY, excluding)
    assert found == ["denpasar", "bali"]


@pytest.mark.parametrize(
    ("city", "first"),
    [
        ("Kota Malang", "kota-malang-dlh"),
        ("Kabupaten Malang", "kabupaten-malang-dlh"),
        ("Kab. Malang", "kabupaten-malang-dlh"),
        ("Malang", "jawa-timur"),  # the city or the regency around it? the province decides
    ],
)
def test_a_name_that_two_areas_share_is_not_guessed(city: str, first: str) -> None:
    assert PACKAGED.candidates("lingkungan-hidup", "Jawa Timur", city, TODAY)[0] == first


def test_a_topic_covers_those_that_begin_with_it() -> None:
    units = [unit("umum", "transportasi"), unit("darat", "transportasi-darat"), unit("kota", "trans")]
    offices = parse_offices(document(units=units))
    assert offices.candidates("transportasi-darat", "Bali", "Ubud", TODAY) == ["darat", "umum", "ubud", "bali"]
    assert offices.candidates("transportasi-laut", "Bali", "Ubud", TODAY) == ["umum", "ubud", "bali"]


def test_offices_exist_from_their_first_day_to_their_last() -> None:
    units = [unit("old", "pasar", until=date(2026, 3, 31)), unit("new", "pasar", since=date(2026, 4, 1))]
    offices = parse_offices(document(units=units))
    assert offices.candidates("pasar", "Bali", "Ubud", date(2026, 3, 31))[0] == "old"
    assert offices.candidates("pasar", "Bali", "Ubud", date(2026, 4, 1))[0] == "new"
    assert offices.exists_on("old", date(2026, 3, 31))
    assert not offices.exists_on("old", date(2026, 4, 1))
    assert not offices.exists_on("new", date(2026, 3, 31))
    assert offices.superior("old") == "ubud"


def test_a_city_that_has_replaced_another_of_its_name_is_unambiguous() -> None:
    new = {"id": "ubud-baru", "name": "Ubud", "level": "city", "parent": "bali", "city": "Ubud", "since": TODAY}
    offices = parse_offices(document(new, until=date(2026, 3, 15)))
    assert offices.candidates(None, "Bali", "Ubud", TODAY) == ["ubud-baru", "bali"]
    assert offices.candidates(None, "Bali", "Ubud", date(2026, 3, 15)) == ["ubud", "bali"]


def test_what_an_office_does_not_say_it_has_from_above() -> None:
    offices = parse_offices(document(units=[unit("ubud-pupr", "drainase")]))
    inherited = offices.get("ubud-pupr")
    assert (inherited.zone, inherited.province, inherited.city) == (ZoneInfo("Asia/Makassar"), "Bali", "Kota Ubud")
    assert inherited.level is Level.UNIT
    assert parse_offices(document(zone="Asia/Jakarta")).get("ubud").zone == WIB


@every(
    Rows(
        [
            ({"zone": "Asia/Jakrta"}, 'office "ubud": zone: '),
            ({"id": "bali"}, 'office "bali": there are two of this id'),
            ({"id": "Ubud Raya"}, 'office "Ubud Raya": id: '),
            ({"parent": "java"}, 'office "ubud": there is no office "java"'),
            ({"parent": "ubud"}, r'office "ubud": its parents go round in a circle \(ubud > ubud\)'),
            (
                {"parent": "panrb", "province": "Bali"},
                'office "ubud": a city office needs province parent, not national',
            ),
            ({"parent": None, "zone": "Asia/Jakarta", "province": "Bali"}, "needs province parent, not None"),
            ({"parent": None}, 'office "ubud": a city office needs province parent, not None'),
            ({"city": None}, 'office "ubud": city: missing'),
            ({"level": "village"}, 'office "ubud": level: '),
            ({"colour": "blue"}, 'office "ubud": colour: unknown key'),
            ({"units": [unit("ubud-pupr", "drainase", colour="blue")]}, 'office "ubud-pupr": colour: unknown key'),
            ({"units": [unit("ubud-pupr")]}, 'office "ubud-pupr": categories: '),
            ({"units": [{"name": "PUPR"}]}, r'office "ubud": units\[0\]\.id: missing'),
            ({"since": "soon"}, 'office "ubud": since: '),
        ]
    )
)
def test_a_contradiction_names_the_office(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OfficesError, match=message):
        parse_offices(document(**changes))


@pytest.mark.parametrize("wrong", [{}, {"offices": []}, {"offices": 5}, {"offices": [5]}, {"office": []}])
def test_a_document_without_offices_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OfficesError, match=r"^offices|^office: unknown key; did you mean offices\?"):
        parse_offices(wrong)


def test_parents_that_go_round_in_a_circle_are_refused() -> None:
    badung = {"id": "badung", "name": "Badung", "level": "city", "parent": "ubud", "city": "Badung"}
    with pytest.raises(OfficesError, match="circle"):
        parse_offices(document(badung, parent="badung"))
    circle = [
        Office(id="a", name="A", level=Level.PROVINCE, parent="b", zone=WIB),
        Office(id="b", name="B", level=Level.PROVINCE, parent="a", zone=WIB),
    ]
    with pytest.raises(OfficesError, match=r'office "a": its parents go round in a circle \(a > b > a\)') as refused:
        Directory(circle)
    assert len(refused.value.mistakes) == 1


def test_all_offices_with_a_mistake_are_named_and_none_for_that_of_another() -> None:
    more: list[dict[str, Any]] = [
        {"id": "gianyar", "name": "Gianyar", "level": "city", "parent": "balii", "city": "Gianyar"},
        {"id": "Badung", "name": "Badung", "level": "city", "parent": "bali", "city": "Badung"},
        {"id": "jatim", "name": "Jatim", "level": "provinse", "parent": "panrb"},
        {"id": "malang", "name": "Malang", "level": "city", "parent": "jatim", "units": [unit("malang", "pasar")]},
        {"id": "aceh", "name": "Aceh", "level": "province", "parent": 5},
        {"id": "sabang", "name": "Sabang", "level": "city", "parent": "aceh", "city": "Sabang"},
        {"id": "bangli", "name": "Bangli", "level": "city", "parent": "badung"},
        {"id": "papua", "name": "Papua", "level": "province", "parent": "panrb", "province": None},
        {"id": "biak", "name": "Biak", "level": "city", "parent": "papua", "city": "Biak"},
        {"nama": "Tanpa", "id": "tanpa", "level": "unit", "parent": "bali"},
    ]
    with pytest.raises(OfficesError) as refused:
        parse_offices(document(*more))
    assert refused.value.mistakes == (
        "office \"Badung\": id: must be lower-case letters and digits, with single hyphens between, not 'Badung'",
        "office \"jatim\": level: 'provinse' is unknown; did you mean province?",
        'office "aceh": parent: must be text in quotes, not 5',
        'office "tanpa": nama: unknown key; did you mean name?',
        'office "malang": there are two of this id',
        'office "gianyar": there is no office "balii" to be its parent; did you mean bali?',
        'office "bangli": a city office needs province parent, not city',
        'office "malang": city: missing',
        'office "bangli": city: missing',
        'office "papua": province: missing',
    )


def test_the_order_of_the_offices_is_that_of_the_file() -> None:
    assert [office.id for office in parse_offices(document())] == ["panrb", "bali", "ubud"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Denpasar", City("denpasar", None)),
        ("Kota Denpasar", City("denpasar", Kind.CITY)),
        ("KOTAMADYA DENPASAR", City("denpasar", Kind.CITY)),
        ("Kota Administrasi Jakarta Selatan", City("jakarta selatan", Kind.CITY)),
        ("kab.badung", City("badung", Kind.REGENCY)),
        ("Kab.  Badung", City("badung", Kind.REGENCY)),
        ("Kabupaten Badung", City("badung", Kind.REGENCY)),
        ("Kotabaru", City("kotabaru", None)),
        ("Kota", City("kota", None)),
    ],
)
def test_a_city_is_read_with_or_without_its_kind(text: str, expected: City) -> None:
    assert place_names.city(text) == expected


@pytest.mark.parametrize(
    "text",
    ["Yogyakarta", "DI Yogyakarta", "D.I. Yogyakarta", "Provinsi Daerah Istimewa Yogyakarta", "Prov. yogyakarta"],
)
def test_a_province_is_read_with_or_without_its_rank(text: str) -> None:
    assert place_names.province(text) == "yogyakarta"


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_asked_for(category: str, province: str, city: str) -> None:
    found = PACKAGED.candidates(category, province, city, TODAY)
    assert all(office in PACKAGED for office in found)


@given(st.sampled_from([office.id for office in PACKAGED]))
def test_every_office_is_below_its_superior(office: str) -> None:
    superior = PACKAGED.superior(office)
    if superior is None:
        assert not any(PACKAGED.is_below(office, other.id) for other in PACKAGED)
    else:
        assert PACKAGED.is_below(office, superior)
        assert office in PACKAGED.children(superior)
        assert not PACKAGED.is_below(superior, office)
