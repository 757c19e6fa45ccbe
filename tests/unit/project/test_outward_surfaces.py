"""Every surface is listed here, and each outward one is searched for content of a secret complaint.

A new topic, HTTP route or command fails the first test until it is in one of the two lists.
"""

import asyncio
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
import structlog
from rich.console import Console

from agents.cli.app import all_commands
from agents.cli.list import table as listed
from agents.cli.watch import Overview, view
from agents.config import policy_files
from agents.config.settings import Settings
from agents.dashboard.broadcaster import Broadcaster
from agents.dashboard.complaint_history import HistoryResult, render_history
from agents.dashboard.complaint_page import complaint_page
from agents.dashboard.complaint_row import read_row
from agents.dashboard.figures import DisplayContext, Sources, displayed, figures
from agents.dashboard.layout import View
from agents.dashboard.list_page import list_page
from agents.dashboard.listing import ORDERS, PAGE, Lists, MemoryLists, Query, as_csv
from agents.dashboard.mirror_list import MirrorLists
from agents.dashboard.overview import overview
from agents.dashboard.read_model import ReadModel
from agents.dashboard.server import Board
from agents.dashboard.words import Words
from agents.demo.summary import _slow
from agents.integrations import lapor_rows
from agents.kafka.records import OutgoingRecord
from agents.mirror.definitions import REPORTS, Grouping, Report
from agents.mirror.figures import Period, report
from agents.mirror.site import build
from agents.mirror.stores import Reading
from agents.runtime.http.prometheus import PrometheusExporter
from agents.runtime.http.server import StageWeb
from agents.runtime.stage import Partition, RecordHandler, Stage
from agents.runtime.stage_consumer import StageConsumer
from agents.stages import disposition, escalation, resolution
from events import commands as c
from events.client import ComplaintHistory, Record, RefusedCommand
from events.codec.encode import encode_complaint, encode_fact, encode_snapshot, fact_headers
from events.outcomes import Rejection
from events.reports import Location
from events.topics import TopicName
from events.vocabulary import ArchiveReason, Refusal, Status
from tests.support.mirrored import write
from tests.support.worlds import CITIZEN, CORRECTING, DISPOSE, LAPOR, PANRB, PUPR, RATE, REPLY, RETURN, World, to_status
from workflow.reports.explain import explain

pytestmark = pytest.mark.long

AROUND: Final = DisplayContext(
    ZoneInfo("Asia/Jakarta"), {"denpasar-pupr": "Dinas PUPR Denpasar", "panrb": "Kementerian PANRB"}
)
PARTITION: Final = Partition(0, 1, policy_files.load("lapor"))
HIDDEN: Final = (
    *("Judulsatu", "Isisatu", "kategorisatu", "Provinsisatu", "Kotasatu", "Kecamatansatu", "Desasatu"),
    *("Jawabsatu", "Alasansatu", "Balasansatu", "pupr", "PUPR", "Makassar", "http", "7654321987"),
)
"""Words that stand in the complaint; the last ones are its office's, zone's, evidence's and earlier complaint's."""
TEXTS: Final = ("Judulsatu", "Isisatu", "Jawabsatu", "Alasansatu", "Balasansatu")
REPORT: Final[dict[str, Any]] = {
    "title": "Judulsatu",
    "follows": "7654321987",
    "body": "Isisatu, sudah dua pekan.",
    "category": "kategorisatu",
    "location": Location(province="Provinsisatu", city="Kotasatu", district="Kecamatansatu", village="Desasatu"),
}


def a_life(**report: Any) -> World:
    """A complaint that has been everywhere, missed a deadline and was rated."""
    world = to_status(Status.DISPOSED, CORRECTING, **REPORT | report)
    world.send(RETURN.model_copy(update={"reason": "Alasansatu"}), PUPR)
    world.send(DISPOSE, PANRB)
    world.notice("follow_up", at=world.due("follow_up") + timedelta(seconds=1))
    world.climb()
    world.send(c.RecordProgress(text="Jawabsatu.", evidence=("https://example.org/0.jpg",)), PUPR)
    world.send(c.RecordFollowUp(text="Jawabsatu.", evidence=("https://example.org/1.jpg",)), PUPR)
    world.send(c.RejectFollowUp(reason="Alasansatu"), PANRB)
    world.send(c.RecordFollowUp(text="Jawabsatu."), PUPR)
    world.send(REPLY.model_copy(update={"text": "Balasansatu"}), CITIZEN)
    world.send(c.RecordFollowUp(text="Jawabsatu lagi."), PUPR)
    world.send(c.CloseComplaint(reason="Alasansatu"), PANRB)
    world.send(REPLY.model_copy(update={"text": "Balasansatu"}), CITIZEN)
    world.send(c.AppealComplaint(reason="Alasansatu", consent=True), CITIZEN)
    world.send(c.ReopenComplaint(reason="Alasansatu"), CITIZEN)
    world.send(c.RecordFollowUp(text="Jawabsatu akhirnya."), PUPR)
    world.send(c.CloseComplaint(reason="Alasansatu"), PANRB)
    world.send(RATE, CITIZEN)
    if not report.get("secret"):
        world.send(c.PublishStory(title="Judulsatu", answer="Jawabsatu."), PANRB)
    return world


def _state(world: World, upto: int) -> bytes:
    complaint = world.history[upto - 1].complaint
    return encode_snapshot(complaint, encode_complaint(complaint))


def _resolutions(world: World, upto: int) -> str:
    outputs = _handled(resolution.Resolutions(PARTITION), world, upto)
    return b"".join(each.value or b"" for each in outputs if each.topic is TopicName.RESOLUTIONS).decode()


def _handled(stage: RecordHandler, world: World, upto: int) -> list[OutgoingRecord]:
    """Let a stage handle the facts; return what it writes."""
    outputs: list[OutgoingRecord] = []
    for offset, recorded in enumerate(world.history[:upto]):
        record = SimpleNamespace(
            topic=TopicName.EVENTS,
            partition=0,
            offset=offset,
            timestamp=int(recorded.at.timestamp() * 1000),
            key=world.id.encode(),
            value=encode_fact(recorded, encode_complaint(recorded.complaint)),
            headers=fact_headers(recorded),
        )
        outputs += stage.handle(record)
        stage.commit()
    return outputs


def _figures(world: World, upto: int) -> str:
    standings, now = ReadModel(), world.history[upto - 1].at
    standings.put(b"k" * 16, read_row(_state(world, upto)))
    standings.advance_to(int(now.timestamp()))
    return figures(standings, Sources(), now, AROUND).decode()


@contextmanager
def _lists(world: World, upto: int) -> Iterator[list[Lists]]:
    """Return lists from memory and, of the last fact only, from a mirror."""
    model = ReadModel()
    model.put(b"k" * 16, read_row(_state(world, upto)))
    with tempfile.TemporaryDirectory() as directory:
        lists: list[Lists] = [MemoryLists(lambda: model)]
        if upto == len(world.history):
            lists.append(_mirrored(world, f"{directory}/mirror.duckdb"))
        yield lists


def _mirrored(world: World, target: str) -> MirrorLists:
    write(target, [encode_fact(each, encode_complaint(each.complaint)) for each in world.history])
    return MirrorLists(target, "")


def _list(world: World, upto: int) -> str:
    now, console = world.history[upto - 1].at, Console(width=200, file=io.StringIO())
    queries = [Query(state="all", sort=sort) for sort in ORDERS]
    with _lists(world, upto) as lists:
        rows = [row for each in lists for query in queries for row in each.select(query, now, AROUND).rows]
    console.print(listed(rows, now, AROUND))
    assert isinstance(console.file, io.StringIO)
    return "".join(as_csv(rows, now)) + console.file.getvalue()


def _view(world: World, upto: int, path: str) -> View:
    return View(Words("en", AROUND.zone, world.history[upto - 1].at), AROUND, Sources(reading=False), path)


def _overview(world: World, upto: int) -> str:
    return overview(_view(world, upto, "/"), json.loads(_figures(world, upto)))


def _list_pages(world: World, upto: int) -> str:
    """The lists by each order, and those of the office and its units."""
    now, view, query = world.history[upto - 1].at, _view(world, upto, "/complaints"), Query(state="all")
    written = []
    with _lists(world, upto) as lists:
        for each in lists:
            found = [each.select(replace(query, sort=sort), now, AROUND, most=PAGE) for sort in ORDERS]
            written += [list_page(view, query, rows, {}) for rows in found]
            # the page of an office is named after it, whatever it holds: what counts is its rows
            held = each.select(replace(query, office="denpasar-pupr"), now, AROUND).rows
            written += [str(displayed(row, None, AROUND)) for row in held]
    return "".join(written)


def _history(world: World, upto: int) -> str:
    history = list(world.history[:upto])
    rejection = Rejection(
        command_id="1",
        command_type="lapor.command.record-follow-up.v1",
        command_source="/offices/denpasar-pupr/officers/7",
        code=Refusal.NOT_PERMITTED,
        message="Alasansatu",
    )
    known = ComplaintHistory(world.id, history, [RefusedCommand(rejection, history[-1].at)])
    explained = tuple(explain(history, name, LAPOR) for name in history[-1].complaint.clocks)
    rendered = render_history(HistoryResult(known, True, explained), read_row(_state(world, upto)), AROUND)  # noqa: FBT003 -- complete
    return complaint_page(_view(world, upto, "/complaints/1"), rendered)


def _export(world: World, upto: int) -> str:
    texts = lapor_rows.RowTexts()
    for recorded in world.history[:upto]:
        texts = lapor_rows.texts_after(texts, recorded.fact)
    offices = {"denpasar-pupr": ("Dinas PUPR Denpasar", "Pemerintah Kota Denpasar")}
    complaint = world.history[upto - 1].complaint
    return "|".join(lapor_rows.row(complaint, texts, offices=offices, zone=AROUND.zone, reporter=None))


def _report(world: World, upto: int) -> str:
    """All reports by all groupings, and the public views; of the last fact only, since each mirror takes 0.2 s."""
    if upto < len(world.history):
        return ""
    with tempfile.TemporaryDirectory() as directory:
        target = f"{directory}/mirror.duckdb"
        _mirrored(world, target)
        with Reading(target) as reading:
            year = Period.parse(str(world.history[0].at.year))
            asked = [(name, None) for name in REPORTS] + [
                (Report.SCORECARD, by) for by in Grouping if by is not Grouping.CLOCK
            ]
            written = [str(report(reading, name, year, by=by)) for name, by in asked]
            views = ("public_complaints", "public_stories")
            written += [str(reading.rows(f"SELECT * FROM {view}")) for view in views]  # noqa: S608
            build(reading, Path(directory) / "site")
            pages = (file.read_text() for file in (Path(directory) / "site").rglob("*.*"))
            written += [page.replace("http://www.w3.org/2005/Atom", "") for page in pages]
    return "".join(written)


def _watch(world: World, upto: int) -> str:
    overview, now = Overview(), world.history[upto - 1].at
    overview.add([Record(TopicName.STATE, 0, 0, now, world.id.encode(), _state(world, upto), {})])
    console = Console(file=io.StringIO(), width=200)
    console.print(view(overview, {}, now, AROUND))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _demo(world: World, upto: int) -> str:
    return "|".join(_slow(timedelta(seconds=1), world.history[upto - 1].complaint))


def _reader() -> StageConsumer:
    return StageConsumer(
        Stage("lifecycle", lambda _: NotImplemented), Settings(), policy_files.load("lapor"), NotImplemented
    )


def _metrics(world: World, upto: int) -> str:
    reader = _reader()
    for recorded in world.history[:upto]:
        reader.metrics.command_decided("any-command", (recorded,), None)
    return PrometheusExporter(reader).read("")[0].decode()


def _logs(world: World, upto: int) -> str:
    with structlog.testing.capture_logs() as lines:
        for stage in (disposition, escalation, resolution):
            _handled(stage.STAGE.handler(PARTITION), world, upto)
    return json.dumps(lines, default=str)


OUTWARD: Final[dict[str, Callable[[World, int], str]]] = {
    "topic complaints.resolutions": _resolutions,
    "http board /figures": _figures,
    "http board /figures/stream": _figures,
    "http board /": _overview,
    "http board /complaints": _list_pages,
    "http board /complaints.csv": _list,
    "http board /offices/{office}": _list_pages,
    "http board /complaints/{number}": _history,
    "http stage /metrics": _metrics,
    "alur export": _export,
    **dict.fromkeys(("alur report", "alur site build"), _report),
    "alur list": _list,
    "alur watch": _watch,
    "alur demo": _demo,
    "logs": _logs,
}
"""What others than those who handle a complaint may see, and how it is written."""

_NO_COMPLAINT: Final = "shows no complaint"
_HANDLED: Final = "for those who handle the complaint; needs their right to read the topics"
_OPERATOR: Final = "for operators; needs their right to read the topics"
INWARD: Final[dict[str, str]] = {
    **{
        f"topic {name}": _HANDLED
        for name in TopicName
        if name not in {TopicName.RESOLUTIONS, TopicName.INSTALLATION, TopicName.REJECTIONS}
    },
    "topic complaints.installation": _NO_COMPLAINT,
    "topic complaints.rejections": "for the senders of commands: what they sent, and where the complaint stands",
    "http board /find": _NO_COMPLAINT,
    "http board /{name}": _NO_COMPLAINT,
    "http board /metrics": _NO_COMPLAINT,
    "http board /health/live": _NO_COMPLAINT,
    "http board /health/ready": _NO_COMPLAINT,
    "http stage /health/live": _NO_COMPLAINT,
    "http stage /health/ready": _NO_COMPLAINT,
    **dict.fromkeys(("alur show", "alur explain", "alur identity show", "alur identity erase"), _HANDLED),
    **dict.fromkeys(
        (
            *("alur audit", "alur dead list", "alur dead show", "alur dead replay", "alur dead discard"),
            *("alur state repair", "alur offsets accept", "alur lag"),
        ),
        _OPERATOR,
    ),
    "alur send": "answers the sender of a command",
    "alur story publish": _HANDLED,
    "alur office close": "lists complaints for the administrator who moves them",
    "alur story unpublish": "answers the sender of a command",
    "alur submit": "shows what its caller submits",
    "alur validate": "shows what its caller gives it",
    "alur run": "writes logs, which are listed",
    "alur status": _NO_COMPLAINT,
    **dict.fromkeys(
        ("alur mirror sync", "alur mirror run"), "fills tables; the public views are read with alur report"
    ),
    "alur board": "serves what is listed as http",
    **dict.fromkeys(("alur topics", "alur broker", "alur policy", "alur calendar", "alur schemas"), _NO_COMPLAINT),
    **dict.fromkeys(("alur version", "alur migrate", "alur privacy texts", "alur privacy retention"), _NO_COMPLAINT),
    "alur privacy erase": "answers the sender of a command, with places and no content",
    "alur privacy expire": "counts complaints for an eraser, and names one by its number",
}
"""What shows no complaint, or shows it to those who may see all of it; with the reason."""
_WHOLE: Final = ("alur send", "alur topics", "alur broker", "alur policy", "alur calendar", "alur schemas")
"""Groups of commands that are one surface each."""


def _commands(command: Any, name: str) -> list[str]:
    if name in _WHOLE or not hasattr(command, "commands"):
        return [name]
    return [each for sub, inner in command.commands.items() for each in _commands(inner, f"{name} {sub}")]


async def _routes() -> set[str]:
    return _board_routes() | _stage_routes()


def _board_routes() -> set[str]:
    board = Board(
        Broadcaster(), ReadModel, lambda _key, _standing: NotImplemented, AROUND, sources=Sources(), settings=Settings()
    )
    return {
        f"http board {route.resource.canonical}"
        for route in board.application().router.routes()
        if route.resource is not None
    }


def _stage_routes() -> set[str]:
    runner = StageWeb(_reader(), NotImplemented)._runner  # noqa: SLF001 -- there is no other way to the routes
    return {
        f"http stage {route.resource.canonical}" for route in runner.app.router.routes() if route.resource is not None
    }


def test_every_surface_is_listed() -> None:
    surfaces = {
        "logs",
        *(f"topic {name}" for name in TopicName),
        *asyncio.run(_routes()),
        *_commands(all_commands(), "alur"),
    }
    assert not OUTWARD.keys() & INWARD.keys()
    assert surfaces == OUTWARD.keys() | INWARD.keys()


def _shown(surface: str, world: World, hidden: tuple[str, ...]) -> list[tuple[int, str]]:
    written = {upto: OUTWARD[surface](world, upto) for upto in range(1, len(world.history) + 1)}
    return [(upto, word) for upto, text in written.items() for word in hidden if word in text]


@pytest.mark.parametrize("surface", OUTWARD)
def test_of_a_secret_complaint_number_class_outcome_and_times_are_shown(surface: str) -> None:
    assert _shown(surface, a_life(secret=True), HIDDEN) == []


@pytest.mark.parametrize("surface", OUTWARD)
def test_of_a_complaint_that_is_not_secret_the_surface_is_really_read(surface: str) -> None:
    world = a_life()
    written = "".join(OUTWARD[surface](world, upto) for upto in range(1, len(world.history) + 1))
    if surface == "topic complaints.resolutions":
        assert "Judulsatu" in written
    if surface not in {"http stage /metrics", "logs"}:  # they hold nothing of a complaint that is not secret either
        assert "pupr" in written.casefold()


@pytest.mark.parametrize("surface", OUTWARD)
@pytest.mark.parametrize("reason", [ArchiveReason.SPAM, ArchiveReason.ABUSIVE, None])
def test_no_text_of_spam_or_abuse_or_of_what_was_withdrawn_is_shown(surface: str, reason: ArchiveReason | None) -> None:
    world = World(**REPORT)
    if reason is None:
        world.send(c.WithdrawComplaint(reason="Alasansatu"), CITIZEN)
    else:
        world.send(c.ArchiveComplaint(reason=reason), PANRB)
    upto = len(world.history)
    assert [word for word in TEXTS if word in OUTWARD[surface](world, upto)] == []
