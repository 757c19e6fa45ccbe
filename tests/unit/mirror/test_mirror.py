"""The mirror on the in-memory log and a real DuckDB: rows, positions, figures against an independent fold."""

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.config import policy_files
from agents.mirror import change_drivers, figures
from agents.mirror.definitions import FIGURES, Grouping, Report
from agents.mirror.figures import FigureError, Period
from agents.mirror.service import Mirror, Progress
from agents.mirror.site import build
from agents.mirror.stores import MirrorError, Reading, open_store
from agents.mirror.tables import CURRENT_AT, SCHEMA_VERSION
from agents.mirror.topic_reader import Part, TopicReader
from agents.mirror.web import MirrorWeb
from events.client import read_history
from events.facts import DeadlineBreached, Recorded
from events.snapshot import Complaint
from events.topics import STAGES, TopicName
from events.vocabulary import ClockName
from tests.support.engines import CITIZEN, Engine
from tests.support.in_memory import InMemoryEngine, in_memory
from workflow.stages.resolution import working_days

pytestmark = pytest.mark.long

ADMIN = "/offices/panrb"
WIB = ZoneInfo("Asia/Jakarta")
HOLDER = "/offices/denpasar-pupr/officers/7"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InMemoryEngine]:
    with in_memory(tmp_path, "lapor", *STAGES) as engine:
        yield engine


@pytest.fixture
def target(tmp_path: Path) -> str:
    return str(tmp_path / "mirror.duckdb")


def does(engine: Engine, complaint: str, name: str, by: str, status: str, **data: Any) -> None:
    engine.command(name, complaint, by, data)
    engine.await_status(complaint, status)


def lives(engine: InMemoryEngine) -> list[str]:
    """Complaints in many statuses: answered at once and late, settled, archived, withdrawn, secret, open."""
    found = [engine.report(f"life-{number}", title=f"Jalan {number}", secret=number == 4) for number in range(12)]
    for complaint in found:
        engine.await_status(complaint, "registered")
    does(engine, found[0], "archive-complaint", ADMIN, "archived", reason="spam")
    does(engine, found[1], "withdraw-complaint", CITIZEN, "withdrawn", reason="Sudah beres, terima kasih.")
    for complaint in found[2:10]:
        does(engine, complaint, "verify-complaint", ADMIN, "disposed")
    for complaint in found[2:6]:
        does(engine, complaint, "record-follow-up", HOLDER, "followed_up", text="Tim sudah menambal lubang itu.")
    engine.advance(timedelta(days=9))
    for complaint in found[6:8]:
        does(engine, complaint, "record-follow-up", HOLDER, "followed_up", text="Tim sudah menambal lubang itu.")
    for complaint in found[4:8]:
        does(engine, complaint, "close-complaint", ADMIN, "closed")
    does(engine, found[5], "rate-resolution", CITIZEN, "closed", rating=4)
    return found


def sync(engine: Engine, target: str, *, rebuild: bool = False) -> int:
    with open_store(target, rebuild=rebuild) as store:
        return sum(each.records for each in Mirror(engine.settings, store).sync())


def alur(engine: Engine, *arguments: str) -> Result:
    return CliRunner(env=engine.settings.to_environment()).invoke(application(), list(arguments))


def answered_at(history: Sequence[Recorded]) -> datetime | None:
    """The first answer that was not rejected later."""
    names = [recorded.fact.NAME for recorded in history]
    begin = len(names) - names[::-1].index("follow-up-rejected") if "follow-up-rejected" in names else 0
    return next((each.at for each in history[begin:] if each.fact.NAME == "followed-up"), None)


def folded(engine: Engine, complaints: list[str], newest: datetime) -> dict[str, Any]:
    """The figures of a scorecard, from the histories and without the mirror."""
    policy = policy_files.load(engine.settings.policy).versions[-1]
    histories = [read_history(engine.settings, each).history for each in complaints]
    ends = [each[-1].complaint for each in histories]
    with_fact = {
        name: [any(name == r.fact.NAME for r in each) for each in histories]
        for name in ("verified", "disposed", "reopened", "progress-recorded", "returned")
    }
    answers = [answered_at(each) for each in histories]
    answered = [(each, end) for each, end in zip(answers, ends, strict=True) if each]
    days = [(at - end.received_at) / timedelta(days=1) for at, end in answered]
    in_five = sum(working_days(end.received_at, at, policy) <= 5 for at, end in answered)
    settled = [end for end in ends if end.outcome == "resolved"]
    ages = [(newest - end.received_at) / timedelta(days=1) for end in ends if end.outcome is None]
    rated = [end.rating for end in ends if end.rating is not None]
    disposed = sum(with_fact["disposed"])
    return {
        "received": len(ends),
        "verified": sum(with_fact["verified"]),
        "disposed": disposed,
        "answered": len(days),
        "answered_share": len(days) / disposed if disposed else None,
        "in_5_days_share": in_five / disposed if disposed else None,
        "median_days": pytest.approx(statistics.median(days)) if days else None,
        "p90_days": pytest.approx(statistics.quantiles(days * 2, n=10, method="inclusive")[-1] if len(days) == 1
                                  else statistics.quantiles(days, n=10, method="inclusive")[-1]) if days else None,
        "resolved": len(settled),
        "on_time_share": sum(not end.breaches for end in settled) / len(settled) if settled else None,
        "archived": sum(end.outcome == "archived" for end in ends),
        "withdrawn": sum(end.outcome == "withdrawn" for end in ends),
        "reopened": sum(with_fact["reopened"]),
        "open": len(ages),
        "open_to_14_days": sum(age <= 14 for age in ages),
        "open_to_60_days": sum(14 < age <= 60 for age in ages),
        "open_over_60_days": sum(age > 60 for age in ages),
        "progress_unanswered": sum(
            end.outcome is None and answer is None and noted
            for noted, answer, end in zip(with_fact["progress-recorded"], answers, ends, strict=True)
        ),
        "breaches": sum(end.breaches for end in ends),
        "escalations": sum(end.rung for end in ends),
        "returned": sum(with_fact["returned"]),
        "rated": len(rated),
        "rating": statistics.mean(rated) if rated else None,
    }  # fmt: skip


GROUPS: dict[Grouping, Callable[[Complaint], str | None]] = {
    Grouping.TOTAL: lambda _: "all",
    Grouping.MONTH: lambda each: f"{each.received_at.astimezone(WIB):%Y-%m}",
    Grouping.CLASS: lambda each: each.class_,
    Grouping.CATEGORY: lambda each: each.category,
    Grouping.CHANNEL: lambda each: each.channel,
    Grouping.CITY: lambda each: each.location.city if each.location else None,
    Grouping.PROVINCE: lambda each: each.location.province if each.location else None,
    Grouping.OFFICE: lambda each: each.office,
}

COVERED = {
    "lapor": ("in_5_days_share", "resolved", "archived", "withdrawn", "breaches", "escalations", "rating"),
    "demo": (
        *("reopened", "returned", "progress_unanswered"),
        *("open_to_14_days", "open_to_60_days", "open_over_60_days"),
    ),
}


@pytest.mark.parametrize("policy", ["lapor", "demo"])
def test_each_figure_equals_a_fold_of_the_topics(tmp_path: Path, target: str, policy: str) -> None:
    with in_memory(tmp_path, policy, *STAGES) as engine:
        complaints = lives(engine) if policy == "lapor" else corrected_lives(engine)
        engine.kit.settle()
        sync(engine, target)
        histories = {each: read_history(engine.settings, each).history for each in complaints}
        ends = {each: history[-1].complaint for each, history in histories.items()}
        newest = max(end.updated_at for end in ends.values())
        year = Period.parse(str(engine.now.year))
        with Reading(target) as reading:
            for by, group_of in GROUPS.items():
                everything = by in {Grouping.TOTAL, Grouping.MONTH, Grouping.CLASS}
                groups: dict[str, list[str]] = {}
                for each, end in ends.items():
                    if everything or not end.secret:
                        groups.setdefault(group_of(end) or "none", []).append(each)
                lines = figures.report(reading, Report.SCORECARD, year, by=by)
                found = {line.group: line.values for line in lines}
                assert found == {name: folded(engine, members, newest) for name, members in groups.items()}, by
            (total,) = figures.report(reading, Report.SCORECARD, year)
            assert all(total.values[name] for name in COVERED[policy]), total.values
            clocks = {line.group: line.values for line in figures.report(reading, Report.DEADLINES, year)}
            facts = reading.rows("SELECT complaint_id, version, name FROM facts ORDER BY 1, 2")
        assert clocks == {name: folded_deadlines(list(histories.values()), name) for name in DEADLINES}
    assert set(FIGURES) == {*folded(engine, [], newest), *clocks["settlement"]}
    expected = [(each, r) for each in sorted(complaints) for r in histories[each]]
    assert facts == [(each, r.complaint.version, r.fact.NAME) for each, r in expected]


DEADLINES = (ClockName.VERIFICATION, ClockName.FOLLOW_UP, ClockName.SETTLEMENT)


def folded_deadlines(histories: list[Sequence[Recorded]], name: ClockName) -> dict[str, Any]:
    if name is ClockName.FOLLOW_UP:
        histories = [each for each in histories if any(r.fact.NAME == "disposed" for r in each)]
    missed = [any(isinstance(r.fact, DeadlineBreached) and r.fact.clock is name for r in each) for each in histories]
    running = [each[-1].complaint.clocks.get(name) for each in histories]
    pending = [clock is not None and not clock.breached for clock in running]
    over = pending.count(False)
    return {
        "deadlines": len(histories),
        "kept_share": sum(not (p or m) for p, m in zip(pending, missed, strict=True)) / over if over else None,
        "missed": sum(missed),
        "overdue": sum(clock is not None and clock.breached for clock in running),
        "pending": sum(pending),
    }


def corrected_lives(engine: InMemoryEngine) -> list[str]:
    """Complaints with progress notes, returned, reopened, and open for months."""
    engine.advance_to(engine.now.replace(year=engine.now.year + 1, month=3, day=10))  # all in one year
    found = [engine.report(f"again-{number}", title=f"Lampu {number}") for number in range(6)]
    for complaint in found:
        engine.await_status(complaint, "disposed")
    for complaint in found[:3]:
        does(engine, complaint, "record-progress", HOLDER, "disposed", text="Tim sedang menuju lokasi itu.")
    does(engine, found[0], "record-follow-up", HOLDER, "followed_up", text="Tim sudah menambal lubang itu.")
    does(engine, found[3], "record-follow-up", HOLDER, "followed_up", text="Tim sudah menambal lubang itu.")
    does(engine, found[3], "close-complaint", ADMIN, "closed")
    does(engine, found[3], "reopen-complaint", ADMIN, "disposed", reason="Lubangnya terbuka lagi.")
    does(engine, found[5], "record-follow-up", HOLDER, "followed_up", text="Terima kasih atas laporan itu.")
    does(engine, found[5], "reject-follow-up", ADMIN, "disposed", reason="Tidak menjawab.")
    engine.command("return-disposition", found[4], HOLDER, {"reason": "Bukan wewenang kami."})
    engine.advance(timedelta(days=20))
    found.append(engine.report("again-late", title="Lampu jalan padam"))
    engine.advance(timedelta(days=50))
    found.append(engine.report("again-later", title="Lampu taman padam"))
    engine.kit.settle()
    return found


def test_small_groups_are_not_ranked_and_not_compared(engine: InMemoryEngine, target: str) -> None:
    """12 and 11 complaints are ranked by number; of 3 and 5, by name; their changes are not given."""
    for before in (True, False):
        for city, count in (("Denpasar", 12), ("Badung", 11), ("Gianyar", 3), ("Tabanan", 5)):
            for number in range(count - 1 if before else count):
                place = {"province": "Bali", "city": city}
                engine.report(f"{before}-{city}-{number}", title=f"Jalan {city} {number}", location=place)
        engine.kit.settle()
        month = f"{engine.now.astimezone(WIB):%Y-%m}"
        if before:
            engine.advance(timedelta(days=31))
    sync(engine, target)
    with Reading(target) as reading:
        lines = figures.report(reading, Report.SCORECARD, Period.parse(month), by=Grouping.CITY)
        months = figures.report(reading, Report.SCORECARD, Period.parse(month), by=Grouping.MONTH)
    assert [line.group for line in lines] == ["Denpasar", "Badung", "Gianyar", "Tabanan"]
    assert [line.few for line in lines] == [False, False, True, True]
    assert lines[0].growth["received"] == pytest.approx(1 / 11)
    assert [bool(line.growth) for line in lines] == [True, True, False, False]
    (only,) = months
    assert (only.values["received"], only.before["received"]) == (31, 27)


@pytest.mark.parametrize(
    "command", ["report scorecard", "report drivers", "site build {directory}", "list", "mirror sync {target}"]
)
def test_a_mirror_of_an_older_layout_is_refused_with_advice(
    engine: InMemoryEngine, target: str, tmp_path: Path, command: str
) -> None:
    with open_store(target, rebuild=True) as store:
        store.execute("CREATE TABLE mirror (name TEXT, value TEXT)")
        store.execute("INSERT INTO mirror VALUES ('prefix', ''), ('layout', '5')")
        store.publish(compact=False)
    arguments = command.format(directory=tmp_path / "site", target=target).split()
    done = alur(engine, *arguments, *(() if "sync" in command else ("--from", target)))
    assert (done.exit_code, done.stderr.strip()) == (
        1,
        f"alur: the mirror has layout '5', not '{SCHEMA_VERSION}': rebuild it with alur mirror sync --rebuild",
    )


def test_each_record_is_copied_once_over_several_runs(engine: InMemoryEngine, target: str) -> None:
    complaints = lives(engine)
    first = sync(engine, target)
    assert first > len(complaints)
    assert sync(engine, target) == 0
    does(engine, complaints[8], "record-follow-up", HOLDER, "followed_up", text="Sudah ditangani hari ini.")
    assert sync(engine, target) == 1
    with Reading(target) as reading:
        once = dump(reading)
    assert sync(engine, target, rebuild=True) == first + 1
    with Reading(target) as reading:
        assert dump(reading) == once


def dump(reading: Reading) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("facts", "complaints", "clocks", "resolutions", "offices", "positions", "unread")
    return {table: sorted(reading.rows(f"SELECT * FROM {table}"), key=repr) for table in tables}  # noqa: S608


def test_no_identity_and_no_words_are_stored(engine: InMemoryEngine, target: str, tmp_path: Path) -> None:
    lives(engine)
    sync(engine, target)
    content = b"".join(file.read_bytes() for file in tmp_path.glob("mirror.duckdb*"))
    assert b"denpasar-pupr" in content
    for planted in ("Ni Luh Contoh", "0800-000-000", CITIZEN, "menambal", "terima kasih", "officers/7", "Jalan 3"):
        assert planted.encode() not in content, planted


def test_a_story_that_is_taken_back_leaves_the_files(engine: InMemoryEngine, target: str, tmp_path: Path) -> None:
    complaints = lives(engine)
    story = {"title": "Lubang Pasar Badung", "answer": "Ditambal dalam sehari."}
    engine.command("publish-story", complaints[5], ADMIN, story)
    engine.kit.settle()
    sync(engine, target)
    with Reading(target) as reading:
        shown = reading.rows("SELECT story_title, story_answer FROM public_stories")
    assert shown == [("Lubang Pasar Badung", "Ditambal dalam sehari.")]
    engine.command("unpublish-story", complaints[5], ADMIN, {})
    engine.kit.settle()
    sync(engine, target)
    files = {file.name: file.read_bytes() for file in tmp_path.glob("mirror.duckdb*")}
    assert set(files) == {"mirror.duckdb", "mirror.duckdb.writer"}
    assert not any(b"Pasar Badung" in content for content in files.values())


def test_a_reopened_complaint_has_no_resolution(tmp_path: Path, target: str) -> None:
    with in_memory(tmp_path, "demo", *STAGES) as engine:
        complaint = engine.report("reopened")
        engine.await_status(complaint, "disposed")
        does(engine, complaint, "record-follow-up", HOLDER, "followed_up", text="Tim sudah menambal lubang itu.")
        does(engine, complaint, "close-complaint", ADMIN, "closed")
        sync(engine, target)
        assert resolutions(target) == [(complaint,)]
        does(engine, complaint, "reopen-complaint", ADMIN, "disposed", reason="Lubangnya terbuka lagi.")
        engine.kit.settle()
        sync(engine, target)
        assert resolutions(target) == []
        with Reading(target) as reading:
            (row,) = reading.rows("SELECT reopenings, waiting_for, waiting_why FROM complaints")
        assert row == (1, "denpasar-pupr", "follow-up")
        with Reading(target) as reading:
            assert reading.rows("SELECT * FROM unread") == []


def test_a_rejected_answer_is_none_over_several_runs(tmp_path: Path, target: str) -> None:
    with in_memory(tmp_path, "demo", *STAGES) as engine:
        complaint = engine.report("empty")
        engine.await_status(complaint, "disposed")
        found = []
        for name, by, status, words in [
            ("record-follow-up", HOLDER, "followed_up", {"text": "Terima kasih."}),
            ("reject-follow-up", ADMIN, "disposed", {"reason": "Tidak menjawab."}),
            ("record-follow-up", HOLDER, "followed_up", {"text": "Sudah ditambal."}),
        ]:
            does(engine, complaint, name, by, status, **words)
            sync(engine, target)
            with Reading(target) as reading:
                found += reading.rows("SELECT answered_at, follow_up_rejections FROM complaints")
        history = read_history(engine.settings, complaint).history
        first, second = (each.at.replace(tzinfo=None) for each in history if each.fact.NAME == "followed-up")
        assert found == [(first, 0), (None, 1), (second, 1)]


def test_what_follows_an_earlier_complaint_is_joined_with_it(engine: InMemoryEngine, target: str) -> None:
    earlier = engine.report("earlier")
    number = engine.await_status(earlier, "registered")["tracking_id"]
    later = [
        engine.report("by-number", follows=number),
        engine.report("by-id", follows=earlier.upper()),
        engine.report("in-secret", follows=number, secret=True),
        engine.report("to-nothing", follows="9999999"),
    ]
    engine.kit.settle()
    sync(engine, target)
    with Reading(target) as reading:
        rows = reading.rows("SELECT complaint_id, earlier_complaint_id, earlier_status FROM linked_complaints")
        public = reading.rows("SELECT * FROM public_complaints")
    assert set(rows) == {(each, earlier, "registered") for each in later[:3]} | {(later[3], None, None)}
    assert len(public) == 5
    assert "9999999" not in str(public)  # it would link complaints of one person


def test_texts_of_several_lines_are_copied(engine: InMemoryEngine, target: str) -> None:
    place = {"province": "Bali", "city": 'Kota "Denpasar",\r\nBarat'}
    engine.report("lines", category="jalan\nrusak\rberat", location=place)
    engine.kit.settle()
    sync(engine, target)
    with Reading(target) as reading:
        assert reading.rows("SELECT category, city FROM complaints") == [("jalan\nrusak\rberat", place["city"])]


def test_no_name_of_a_group_steers_the_terminal(engine: InMemoryEngine, target: str, tmp_path: Path) -> None:
    engine.report("steering", category="\x1b[2Jjalan[/]")
    engine.kit.settle()
    sync(engine, target)
    arguments = ("report", "categories", "--from", target, "--period", str(engine.now.year))
    shown = alur(engine, *arguments).stdout
    assert "\N{REPLACEMENT CHARACTER}[2Jjalan[/]" in shown
    assert "\x1b[2J" not in shown
    assert alur(engine, *arguments, "--format", "xlsx", "--out", str(tmp_path / "a.xlsx")).exit_code == 0


def resolutions(target: str) -> list[tuple[Any, ...]]:
    with Reading(target) as reading:
        return reading.rows("SELECT complaint_id FROM resolutions")


def test_public_views_follow_the_rule_of_redaction(engine: InMemoryEngine, target: str) -> None:
    complaints = lives(engine)
    secret = read_history(engine.settings, complaints[4]).history[-1].complaint
    sync(engine, target)
    with Reading(target) as reading:
        query = "SELECT tracking_id, status, category, province, city, office FROM public_complaints"
        public = {number: row for number, *row in reading.rows(query)}
        assert public.pop(secret.tracking_id) == ["closed", None, None, None, None]
        assert ["closed", "infrastruktur-jalan", "Bali", "Denpasar", "denpasar-pupr"] in public.values()
        period = Period.parse(str(engine.now.year))
        total = figures.report(reading, Report.VOLUME, period, by=Grouping.TOTAL)[0]
        offices = figures.report(reading, Report.OFFICES, period)
    assert total.values["received"] == len(complaints)
    assert sum(line.values["received"] for line in offices) == len(complaints) - 1


def test_foreign_records_are_listed_and_do_not_stop_it(engine: InMemoryEngine, target: str) -> None:
    complaints = lives(engine)
    for value in (b"no json", b"{}", None):
        engine.kit.send(TopicName.RESOLUTIONS, b"\xff" if value is None else b"x", value, partition=0)
    sync(engine, target)
    with Reading(target) as reading:
        assert len(reading.rows("SELECT * FROM complaints")) == len(complaints)
        assert {row[0] for row in reading.rows("SELECT topic FROM unread")} <= {"complaints.resolutions"}


def test_a_mirror_of_something_else_is_refused(engine: InMemoryEngine, target: str) -> None:
    sync(engine, target)
    with open_store(target, rebuild=False) as store:
        store.execute("UPDATE mirror SET value = 'other.' WHERE name = 'prefix'")
    with pytest.raises(MirrorError, match=r"'other.', not '': choose the mirror of this prefix$"):
        sync(engine, target)
    sync(engine, target, rebuild=True)
    with open_store(target, rebuild=False) as store:
        store.execute("INSERT INTO positions VALUES ('complaints.events', 0, 1000000)")
    with pytest.raises(MirrorError, match=r"ends before offset 1000000.*--rebuild"):
        sync(engine, target)


@pytest.mark.parametrize(
    ("text", "start", "end", "before"),
    [
        ("2026", date(2026, 1, 1), date(2027, 1, 1), "2025"),
        ("2026-Q1", date(2026, 1, 1), date(2026, 4, 1), "2025-Q4"),
        ("2026-Q4", date(2026, 10, 1), date(2027, 1, 1), "2026-Q3"),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1), "2026-11"),
        ("2026-01", date(2026, 1, 1), date(2026, 2, 1), "2025-12"),
    ],
)
def test_periods(text: str, start: date, end: date, before: str) -> None:
    period = Period.parse(text)
    assert (period.start, period.end, period.name) == (start, end, text)
    assert period.before().name == before
    assert period.before().end == start


@pytest.mark.parametrize("text", ["", "26", "2026-13", "2026-00", "2026-Q5", "Q3 2026", "9999", "0000", "2026-1"])
def test_an_invalid_period_is_refused(text: str) -> None:
    with pytest.raises(FigureError, match="is not a period: give a year, quarter or month"):
        Period.parse(text)


def test_the_interval_is_that_of_the_paper() -> None:
    """Newcombe 1998, table II, example (a): 56/70 against 48/80."""
    change, low, high = figures.change_of_share(56, 70, 48, 80)
    assert (round(change, 4), round(low, 4), round(high, 4)) == (0.2, 0.0524, 0.3339)


def test_the_command_line_writes_each_form(engine: InMemoryEngine, target: str, tmp_path: Path) -> None:
    lives(engine)
    done = alur(engine, "mirror", "sync", target)
    assert done.exit_code == 0, done.stderr
    assert "records to" in done.stderr
    year = str(engine.now.year)
    arguments = ("report", "scorecard", "--from", target, "--period", year)
    table = alur(engine, *arguments).stdout
    assert f"complaints received in {year}" in table
    assert "of them, with a follow-up of an office (ditindaklanjuti)" in table
    document = json.loads(alur(engine, *arguments, "--format", "json").stdout)
    assert document["lines"][0]["figures"]["received"] == 12
    rows = alur(engine, *arguments, "--format", "csv", "--by", "class").stdout.splitlines()
    assert rows[0].startswith("class,received,")
    assert rows[1].startswith("complaint,12,")
    out = tmp_path / "offices.xlsx"
    assert alur(engine, "report", "offices", *arguments[2:], "--format", "xlsx", "--out", str(out)).exit_code == 0
    page = alur(engine, "report", "categories", *arguments[2:], "--by", "class", "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert f"<dd>{FIGURES['answered_share'].definition}</dd>" in page
    assert not re.search(r"<script|https?:|<link rel=.stylesheet|@import|url\(", page)
    cells = {row[0] for row in CalamineWorkbook.from_path(out).get_sheet_by_index(0).to_python()}
    rows = alur(engine, "report", "offices", *arguments[2:], "--format", "csv").stdout.splitlines()
    for name in ("answered_share", "rating"):
        definition = FIGURES[name].definition
        assert f"# {name}: {definition}" in cells
        assert f"# {name}: {definition}" in rows
        assert document["definitions"][name] == definition


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--period", "1999"), "no complaint was received in 1999"),
        (("--office", "bukan"), "no office 'bukan' is in the mirror: alur report offices lists"),
        (("--format", "xlsx"), "give --out FILE.xlsx"),
        (("--period", "soon"), "'soon' is not a period"),
    ],
)
def test_invalid_options_are_reported_in_one_line_each(
    engine: InMemoryEngine, target: str, arguments: tuple[str, ...], message: str
) -> None:
    sync(engine, target)
    done = alur(engine, "report", "scorecard", "--from", target, *arguments)
    assert done.exit_code in {1, 2}
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_another_file_is_not_a_mirror(engine: InMemoryEngine, tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text('{"id": 1}\n')
    done = alur(engine, "report", "scorecard", "--from", str(file))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"alur: {file} cannot be read as a mirror: ")
    assert done.stderr.count("\n") == 1


def test_a_missing_mirror_is_reported(engine: InMemoryEngine, tmp_path: Path) -> None:
    done = alur(engine, "report", "scorecard", "--from", str(tmp_path / "none.duckdb"))
    assert (done.exit_code, "alur mirror sync" in done.stderr) == (1, True)


def test_the_parts_of_a_change_add_up_to_it(tmp_path: Path, target: str) -> None:
    with in_memory(tmp_path, "lapor", *STAGES) as engine:
        engine.advance_to((engine.now.replace(day=1) + timedelta(days=40)).replace(day=10))
        places = [("Denpasar", 12), ("Badung", 8)]
        for city, count in places:
            for number in range(count):
                engine.report(f"{city}-{number}", title=f"Jalan {number}", location={"province": "Bali", "city": city})
        engine.advance(timedelta(days=31))
        for number in range(30):
            where = {"province": "Bali", "city": "Badung"}
            engine.report(f"later-{number}", source="/channels/whatsapp", title=f"Lampu {number}", location=where)
        month = f"{engine.now.astimezone(WIB):%Y-%m}"
        engine.kit.settle()
        sync(engine, target)
        with Reading(target) as reading:
            found = change_drivers.change(reading, Period.parse(month))
        table = alur(engine, "report", "drivers", "--from", target, "--period", month)
    assert (found.now, found.before) == (30, 20)
    for dimension in change_drivers.DIMENSIONS:
        assert sum(part.points for part in found.parts if part.dimension == dimension) == pytest.approx(50)
    parts = {(part.dimension, part.group): part.points for part in found.parts}
    assert parts["channel", "whatsapp"] == 150
    assert parts["city", "Badung"] == pytest.approx(110)
    assert found.sentence.startswith("+50% over ")
    assert "+150 points from channel whatsapp in Badung, category infrastruktur-jalan" in found.sentence
    assert table.stdout.startswith("+50% over ")


def test_erased_words_are_in_no_file_of_mirror_and_site(tmp_path: Path, target: str) -> None:
    with in_memory(tmp_path / "engine", "demo", *STAGES) as engine:
        complaint = engine.report("erased", title="Lubang di Jalan Melati")
        engine.await_status(complaint, "disposed")
        does(engine, complaint, "record-follow-up", HOLDER, "followed_up", text="Lubang Melati sudah ditambal.")
        does(engine, complaint, "close-complaint", ADMIN, "closed")
        story = {"title": "Melati mulus kembali", "answer": "Jalan Melati ditambal."}
        engine.command("publish-story", complaint, ADMIN, story)
        engine.kit.settle()
        site = tmp_path / "site"
        published(engine, target, site)
        assert files_with(tmp_path, b"Melati") >= {"mirror.duckdb", "mirror.duckdb.writer", "stories.html", "feed.xml"}
        engine.command("erase-data", complaint, ADMIN, {"texts": True, "identity": True, "reason": "Diminta."})
        engine.kit.settle()
        published(engine, target, site)
        assert files_with(tmp_path, b"Melati") == set()


def published(engine: InMemoryEngine, target: str, site: Path) -> None:
    sync(engine, target)
    with Reading(target) as reading:
        build(reading, site)


def files_with(directory: Path, words: bytes) -> set[str]:
    files = [*directory.glob("mirror.duckdb*"), *(directory / "site").rglob("*")]
    return {file.name for file in files if file.is_file() and words in file.read_bytes()}


def test_a_mirror_is_ready_once_it_has_caught_up() -> None:
    web = MirrorWeb()
    assert (web.problem("live"), web.problem("ready")) == (None, "reading what came before the start")
    web.observe(Progress(5, 0, 7))
    assert web.problem("ready") == "reading what came before the start"
    web.observe(Progress(7, 0, 0))
    assert web.problem("ready") is None


def test_it_is_current_to_a_moment_ago_while_records_come_without_end(
    engine: InMemoryEngine, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record is written after each poll, so that the mirror never has all of them."""
    written: list[datetime] = []
    poll = TopicReader.poll

    def poll_and_write(reader: TopicReader, seconds: float) -> list[Part]:
        found = poll(reader, seconds)
        engine.kit.send(TopicName.RESOLUTIONS, b"x", b"{}", partition=0)
        written.append(datetime.now(UTC))
        return found

    monkeypatch.setattr(TopicReader, "poll", poll_and_write)
    noted: list[datetime] = []
    with open_store(target, rebuild=True) as store:
        running, until = Mirror(engine.settings, store).run(lambda: len(noted) > 2), time.monotonic() + 30
        next(running)
        for progress in running:
            assert progress.lag > 0
            assert time.monotonic() < until, noted
            copied = store.rows("SELECT COUNT(*) FROM unread")[0][0]
            for (value,) in store.rows("SELECT value FROM mirror WHERE name = %s", [CURRENT_AT]):
                moment = datetime.fromisoformat(value)
                assert copied >= sum(at < moment for at in written)
                if moment not in noted:
                    assert datetime.now(UTC) - moment < timedelta(seconds=5)
                    noted.append(moment)
    assert len(noted) == 3
    assert noted == sorted(noted)


@pytest.mark.parametrize("filters", [(), ("--state", "all"), ("--due", "overdue"), ("--office", "denpasar-pupr")])
def test_a_list_from_the_mirror_is_that_from_the_topics(
    engine: InMemoryEngine, target: str, filters: tuple[str, ...]
) -> None:
    lives(engine)
    sync(engine, target)
    asked = ("list", *filters, "--limit", "0")
    for form in ("csv", "json"):
        topics, mirror = (alur(engine, *asked, "--format", form, *more) for more in ((), ("--from", target)))
        assert topics.exit_code == mirror.exit_code == 0
        assert mirror.stdout == topics.stdout
        assert re.fullmatch(r"from the mirror, \d+ s behind\n", mirror.stderr), mirror.stderr
    assert alur(engine, "list", "--from", f"{target}.gone").stderr.endswith(
        f"alur mirror sync {target}.gone creates it\n"
    )


def test_a_reader_sees_the_newest_file_while_another_reads_the_old_one(engine: InMemoryEngine, target: str) -> None:
    known = "SELECT COUNT(*) FROM complaints"
    engine.await_status(engine.report("first"), "registered")
    sync(engine, target)
    with Reading(target) as old:
        assert old.rows(known) == [(1,)]
        engine.await_status(engine.report("second"), "registered")
        sync(engine, target)
        with Reading(target) as new:
            assert new.rows(known) == [(2,)]
        assert old.rows(known) == [(1,)]
