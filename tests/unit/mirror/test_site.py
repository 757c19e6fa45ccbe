"""The public site from a mirror in DuckDB: pages, open data, and an attack on what it keeps back."""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mirror.privacy_floor import FLOOR, OTHERS, Cell, Quarter, Row, published
from agents.mirror.site import Built, KnownNames, _slugs, build
from agents.mirror.stores import MirrorError, Reading
from tests.support.mirrored import fill

pytestmark = pytest.mark.long

Group = tuple[str, str, str]
"""Table, parent, name."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("mirror") / "mirror.duckdb"
    fill(target, 12_000)
    return target


@pytest.fixture(scope="module")
def site(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("public") / "site"
    with Reading(str(filled)) as reading:
        built = build(reading, directory)
    assert (built.quarters, built.stories > 30, built.removed) == (7, True, 0)
    return directory


def again(target: Path, directory: Path, *changes: str) -> Built:
    with duckdb.connect(str(target)) as connection:
        for change in changes:
            connection.execute(change)
    with Reading(str(target)) as reading:
        return build(reading, directory)


def quarters(directory: Path) -> dict[str, Quarter]:
    return {file.stem: Quarter.of(json.loads(file.read_text())) for file in directory.glob("data/*-Q?.json")}


def true_cells(target: Path) -> dict[str, list[Cell]]:
    found: defaultdict[str, list[Cell]] = defaultdict(list)
    with Reading(str(target)) as reading:
        for start, *values in reading.rows(f"SELECT quarter, {', '.join(Cell._fields)} FROM public_counts"):  # noqa: S608
            found[f"{start.year}-Q{start.month // 3 + 1}"].append(Cell(*values))
    return found


def true_groups(cells: Sequence[Cell]) -> dict[Group, int]:
    found: defaultdict[Group, int] = defaultdict(int)
    for each in cells:
        groups = [("area", "", each.province), ("office", "", each.agency), ("category", "", each.category)]
        groups += [("area", each.province, each.city)] if each.province else []
        for table, parent, name in groups:
            if name:
                found[table, parent, name] += each.received
    return found


def nameless_of(groups: dict[Group, int], total: int) -> dict[tuple[str, str], int]:
    """What has no group, by table and parent: secret complaints, and those without a city or a category."""
    return {
        (table, parent): (groups["area", "", parent] if parent else total)
        - sum(size for name, size in groups.items() if name[:2] == (table, parent))
        for table, parent in {name[:2] for name in groups}
    }


def determined(quarter: Quarter, groups: dict[Group, int], twins: set[tuple[Group, Group]]) -> dict[Group, int]:
    """Solve the equations that the published rows give for all groups; return the hidden ones that have one solution.

    The attacker has the names of all groups, takes what has no group for the same in all tables where it is, takes an
    agency and its city for the same if given as twins, and wants the numbers.
    """
    rows = {(row.table, row.within, row.group): row.received for row in quarter.rows}
    without = nameless_of(groups, quarter.received)
    nameless = {key: ("none", key[1], "" if key[1] else str(size)) for key, size in without.items()}
    names = [*groups, *{name: None for key, name in nameless.items() if without[key]}]
    place = {name: index for index, name in enumerate(names)}
    equations: list[dict[int, Fraction]] = []
    known = len(names)

    def add(terms: dict[Group, int], value: int) -> None:
        factors = {place[name]: Fraction(factor) for name, factor in terms.items() if name in place}
        equations.append({**factors, known: Fraction(value)})

    for name, value in rows.items():
        if name[2] != OTHERS:
            add({name: 1}, value)
    for (table, parent), name in nameless.items():
        members = {each: 1 for each in groups if each[:2] == (table, parent)}
        if parent:
            add({**members, name: 1, (table, "", parent): -1}, 0)
        else:
            add({**members, name: 1}, quarter.received)
        if (rest := rows.get((table, parent, OTHERS))) is not None:
            hidden = [each for each in members if each not in rows]
            add(dict.fromkeys([*hidden, name], 1), rest)
            # each is at least 1, so none is more than what the others leave
            assert not hidden or (len(hidden) > 1 and rest - without[table, parent] - len(hidden) + 1 >= FLOOR)
    for office, city in twins:
        add({office: 1, city: -1}, 0)
    solved = eliminated(equations, known)
    return {name: int(solved[place[name]]) for name in groups if place[name] in solved and name not in rows}


def eliminated(equations: list[dict[int, Fraction]], known: int) -> dict[int, Fraction]:
    """Return the unknowns that a Gauss-Jordan elimination of sparse rows determines."""
    solved: dict[int, dict[int, Fraction]] = {}
    for equation in equations:
        row = dict(equation)
        for pivot in [each for each in row if each in solved]:
            _subtract(row, solved[pivot], row[pivot], known)
        fresh = next((each for each in row if each != known), known)
        if fresh == known:
            continue
        row = {column: value / row[fresh] for column, value in row.items()}
        for other in solved.values():
            if fresh in other:
                _subtract(other, row, other[fresh], known)
        solved[fresh] = row
    return {pivot: row[known] for pivot, row in solved.items() if set(row) == {pivot, known}}


def _subtract(row: dict[int, Fraction], other: dict[int, Fraction], factor: Fraction, known: int) -> None:
    for column, value in other.items():
        row[column] = row.get(column, Fraction()) - factor * value
        if not row[column] and column != known:
            del row[column]


def twins_of(cells: Sequence[Cell]) -> set[tuple[Group, Group]]:
    return {
        (("office", "", each.agency), ("area", each.province, each.city))
        for each in cells
        if each.agency and each.province and each.city and each.agency_city == each.city
    }


def test_no_hidden_number_can_be_computed(filled: Path, site: Path) -> None:
    cells = true_cells(filled)
    for name, quarter in quarters(site).items():
        groups = true_groups(cells[name])
        shown = {(row.table, row.within, row.group) for row in quarter.rows}
        assert any(size < FLOOR for group, size in groups.items() if group not in shown)
        assert determined(quarter, groups, set()) == {}
        assert all(row.received >= FLOOR for row in quarter.rows)
        assert {row.table for row in quarter.rows} == {"area", "office", "category"}


@st.composite
def small_worlds(draw: st.DrawFn) -> list[Cell]:
    """Cities with an agency each that has all their complaints, and some that are secret."""
    cells = []
    for number in range(draw(st.integers(1, 9))):
        province, city = f"P{number % 3}", f"C{number}"
        for category in range(draw(st.integers(1, 3))):
            received = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 9, 12, 60, 200]))
            answered = draw(st.integers(0, received))
            in_time = draw(st.integers(0, answered))
            cells.append(Cell(province, city, f"A{number}", city, f"K{category}", received, answered, in_time))
    if secret := draw(st.integers(0, 9)):
        cells.append(Cell(None, None, None, None, None, secret, 0, 0))
    return cells


@given(small_worlds())
def test_no_two_tables_give_a_hidden_number_away(cells: list[Cell]) -> None:
    quarter = published("2026-Q1", cells)
    if quarter is not None:
        assert determined(quarter, true_groups(cells), twins_of(cells)) == {}
        assert all(row.received >= FLOOR for row in quarter.rows)
        for name in ("answered", "in_time"):
            assert all(high - low + 1 >= FLOOR for low, high in possible(quarter, name, cells)), name


def possible(quarter: Quarter, name: str, cells: list[Cell]) -> list[tuple[int, int]]:
    """Counts that each banded row can have: from its band, the rows beside it and the exact count of the country."""
    ranges: dict[Group, list[int]] = {}
    banded = set()
    for row in quarter.rows:
        low, high = getattr(row, name) or (0, 100)
        ranges[row.table, row.within, row.group] = [-(-row.received * low // 100), row.received * high // 100]
        if getattr(row, name):
            banded.add((row.table, row.within, row.group))
    whole = sum(getattr(cell, name) for cell in cells)
    for _ in range(20):
        for table, parent in {group[:2] for group in ranges}:
            members = [bounds for group, bounds in ranges.items() if group[:2] == (table, parent)]
            above = ranges[table, "", parent] if parent else [whole, whole]
            for bounds in members:
                rest_low, rest_high = (sum(each[end] for each in members) - bounds[end] for end in (0, 1))
                bounds[0], bounds[1] = max(bounds[0], above[0] - rest_high), min(bounds[1], above[1] - rest_low)
            if parent:
                above[0] = max(above[0], sum(each[0] for each in members))
                above[1] = min(above[1], sum(each[1] for each in members))
    return [(low, high) for group, (low, high) in ranges.items() if group in banded]


def test_the_attack_finds_what_is_hidden_alone() -> None:
    """Without merging, the only small city is what the others leave of the province."""
    cells = [
        Cell("Bali", city, None, None, "jalan", received, 0, 0)
        for city, received in (("Denpasar", 40), ("Badung", 20), ("Bangli", 3))
    ]
    groups = true_groups(cells)
    rows = [Row(*group, size) for group, size in groups.items() if size >= FLOOR]
    assert determined(Quarter("2026-Q1", 63, None, None, tuple(rows)), groups, set()) == {("area", "Bali", "Bangli"): 3}
    quarter = published("2026-Q1", cells)
    assert quarter is not None
    assert {row.group: row.received for row in quarter.rows if row.within == "Bali"} == {"Denpasar": 40, OTHERS: 23}


def test_secret_complaints_count_in_the_country_only() -> None:
    cells = [Cell(None, None, None, None, None, 30, 20, 10), Cell("Bali", "Denpasar", "A", None, "jalan", 70, 50, 40)]
    quarter = published("2026-Q1", cells)
    assert quarter is not None
    assert (quarter.received, quarter.answered, quarter.in_time) == (100, 70, 50)
    assert {row.received for row in quarter.rows if row.group == "Denpasar"} == {70}
    assert {row.received for row in quarter.rows if row.group == OTHERS} == {30}


def test_a_published_quarter_is_not_computed_again(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "mirror.duckdb"
    target.write_bytes(filled.read_bytes())
    directory = tmp_path / "site"
    first = again(target, directory)
    frozen = {file.name: file.read_bytes() for file in directory.glob("data/*-Q?.json")}
    times = {file: file.stat().st_mtime_ns for file in directory.rglob("*.*") if file.name != ".alur-site.json"}
    assert again(target, directory) == Built(0, first.written, 0, first.quarters, first.stories)
    assert {file: file.stat().st_mtime_ns for file in times} == times
    moved = again(target, directory, "UPDATE complaints SET city = 'Kota 1', answered_at = NULL")
    assert {file.name: file.read_bytes() for file in directory.glob("data/*-Q?.json")} == frozen
    assert moved.quarters == first.quarters


def test_what_is_withdrawn_leaves_all_files(filled: Path, tmp_path: Path) -> None:
    target, directory = tmp_path / "mirror.duckdb", tmp_path / "site"
    target.write_bytes(filled.read_bytes())
    again(target, directory)
    (directory / "CNAME").write_text("of the owner")
    (directory / "style.css.new").write_text("diperbaiki, by a build that was killed")
    removed = again(target, directory, "DELETE FROM resolutions")
    assert removed.stories == 0
    assert removed.removed > 0
    everything = {file.name: file.read_text() for file in directory.rglob("*") if file.is_file()}
    assert not [name for name, text in everything.items() if "diperbaiki" in text or "drainase" in text]
    assert everything["CNAME"] == "of the owner"


def test_other_directories_are_refused(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep")
    with pytest.raises(MirrorError, match="has files that are not a site: choose a directory that is empty or new"):
        again(filled, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_pages_are_small_whole_and_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert {file.parent.name for file in pages} == {"site", "id", "en", "areas", "stories"}
    for file in pages:
        text = file.read_text()
        assert len(text.encode()) < 300_000
        assert not re.search(r"https?://|<img|@import|src=", text), file
        for link in re.findall(r'href="(?!data:)([^"#]+)', text):
            assert (file.parent / link).is_file(), (file, link)
    for number in re.findall(r"stories/[^\"]+#(s\d+)", (site / "data/search.json").read_text()):
        assert any(f'<article id="{number}">' in file.read_text() for file in site.glob("id/stories/*.html"))


def test_open_data_has_a_dictionary(site: Path) -> None:
    dictionary = json.loads((site / "data/dictionary.json").read_text())
    for name in ("figures", "stories"):
        with (site / f"data/{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        document = json.loads((site / f"data/{name}.json").read_text())
        assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in document] == rows
        assert set(rows[0]) <= dictionary.keys()
        assert all(dictionary.values())
    feed = ET.parse(site / "feed.xml").getroot()  # noqa: S314 -- our own
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == 20


def test_what_is_published_is_text(filled: Path, tmp_path: Path) -> None:
    target, directory = tmp_path / "mirror.duckdb", tmp_path / "site"
    target.write_bytes(filled.read_bytes())
    title = "'<script>alert(1)</script>' || chr(11) || chr(65535)"
    again(target, directory, f"UPDATE resolutions SET story_title = {title} WHERE story_title IS NOT NULL")  # noqa: S608
    ET.parse(directory / "feed.xml")  # noqa: S314 -- our own
    texts = [file.read_text() for file in (*directory.rglob("*.html"), directory / "feed.xml")]
    assert not [text for text in texts if "<script>alert" in text]
    assert [text for text in texts if "&lt;script&gt;alert" in text]


def test_areas_that_look_alike_have_short_file_names() -> None:
    slugs = _slugs({chr(0x4E00 + number) for number in range(200)} | {"Bali", "bali"})
    assert len(set(slugs.values())) == 202
    assert sorted(slugs[name] for name in ("Bali", "bali")) == ["bali", "bali-2"]
    assert max(map(len, slugs.values())) < 12


def test_before_the_first_quarter_each_page_of_figures_says_so(tmp_path: Path) -> None:
    target, directory = tmp_path / "mirror.duckdb", tmp_path / "site"
    fill(target, 100)
    again(target, directory, "UPDATE complaints SET received_on = DATE '2026-11-30'")
    for page in ("index", "areas", "offices", "categories"):
        text = (directory / f"en/{page}.html").read_text(encoding="utf-8")
        assert "No quarter has been published yet" in text, page


def test_words_of_a_channel_that_no_office_has_are_not_published(tmp_path: Path) -> None:
    target, directory = tmp_path / "mirror.duckdb", tmp_path / "site"
    fill(target, 3_000)
    slander = "UPDATE {} SET category = 'pak-contoh-korupsi', province = 'Provinsi Korup', city = 'Telepon 0812345678'"
    some = " WHERE tracking_id LIKE '%1'"
    again(target, directory, slander.format("complaints") + some, slander.format("resolutions") + some)
    files = [file for file in directory.rglob("*") if file.is_file()]
    text = "\n".join(file.read_text("utf-8", "replace") for file in files)
    assert "kategori-0" in text
    assert "Provinsi 0" in text
    for words in ("contoh", "Korup", "0812345678"):
        assert words not in text


def test_a_place_is_named_as_the_offices_write_it(filled: Path) -> None:
    with Reading(str(filled)) as reading:
        names = KnownNames(reading)
    assert names.place("provinsi 3", "KOTA  3") == ("Provinsi 3", "Kota 3")
    assert names.place("Provinsi 3", "Kota 4") == ("Provinsi 3", None)
    assert names.place(None, "Kota 3") == (None, None)
    assert names.category("Kategori 7") == "kategori-7"
    assert names.category("kategori-7-lampu-mati") == "kategori-7"
    assert names.category("kategori") is None
    assert names.category(None) is None


@pytest.mark.parametrize(
    ("name", "content"), [("data/2025-Q1.json", "{"), ("data/2025-Q1.json", "[]"), (".alur-site.json", "{")]
)
def test_a_damaged_file_of_an_earlier_build_is_named(filled: Path, tmp_path: Path, name: str, content: str) -> None:
    with Reading(str(filled)) as reading:
        build(reading, tmp_path / "site")
        (tmp_path / "site" / name).write_text(content)
        with pytest.raises(MirrorError, match=f"{re.escape(name)} is damaged"):
            build(reading, tmp_path / "site")
