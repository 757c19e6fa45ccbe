"""The same tests for every source of lists: memory, and a mirror in DuckDB and in PostgreSQL."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from agents.config import policy_files
from agents.config.settings import Settings
from agents.dashboard import read_model as read_models
from agents.dashboard.complaint_row import BREACHED, ComplaintRow, read_row
from agents.dashboard.figures import FUNNEL, DisplayContext
from agents.dashboard.listing import DUE, ORDERS, STATES, Lists, MemoryLists, Query, UnknownFilter, as_csv, values_of
from agents.dashboard.mirror_list import MirrorLists
from agents.dashboard.read_model import ReadModel
from events.codec.decode import complaint_key
from events.codec.encode import encode_complaint, encode_fact, encode_snapshot
from events.ids import complaint_id
from events.snapshot import Clock
from events.topics import TopicName
from events.vocabulary import ClockName, Status
from tests.support.mirrored import write
from tests.system.crowd import Life, copies
from workflow.machine.waiting import WHY

NOW: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
PREFIX: Final = "lists."
_LIVES: Final = 250
_DAYS: Final = [(NOW - timedelta(days=days)).date().isoformat() for days in (0, 2, 5, 9)]
FILTERS: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (),
    *((("state", each),) for each in STATES),
    *((("status", each),) for each in Status),
    (("status", "disposed"), ("status", "closed")),
    *((("clock", each),) for each in BREACHED),
    *((("due", each),) for each in DUE),
    *((("category", each),) for each in ("drainase", "pasar", "É")),
    *((("rung", each),) for each in ("0", "1", "2", "9", "exhausted")),
    *((("why", each),) for each in (*WHY, "by-hand")),
    (("why", "disposition"), ("why", "reply")),
    *((("reached", each),) for each in FUNNEL),
    *(((name, day),) for name in ("received", "ended", "missed") for day in (*_DAYS, "24h")),
    *((("office", each), ("state", "all")) for each in ("jawa-timur", "kabupaten-malang", "none", "panrb")),
    (("office", "jawa-timur"), ("units", "no")),
    (("office", "jawa-timur"), ("due", "overdue"), ("clock", "follow_up")),
    (("state", "all"), ("category", "drainase"), ("rung", "1"), ("received", _DAYS[3])),
)
"""Every filter with every kind of value, and some together."""


_MIDNIGHT: Final = datetime(2026, 3, 1, 17, tzinfo=UTC)
"""Of the zone of the policy."""


def _clock(due_at: datetime, *, breached: bool = False, paused: bool = False) -> dict[ClockName, Clock]:
    return {
        ClockName.FOLLOW_UP: Clock(started_at=NOW - timedelta(days=9), due_at=due_at, breached=breached, paused=paused)
    }


_EDGES: Final[tuple[dict[str, Any], ...]] = (
    {"clocks": _clock(NOW - timedelta(days=1), breached=True, paused=True)},
    {"clocks": _clock(NOW + timedelta(days=1))},
    {"clocks": _clock(NOW + timedelta(days=1, seconds=1))},
    {"clocks": _clock(NOW + timedelta(days=1, milliseconds=900))},
    {"clocks": _clock(_MIDNIGHT, breached=True)},
    {"clocks": _clock(_MIDNIGHT - timedelta(milliseconds=1), breached=True)},
    {"received_at": _MIDNIGHT},
    {"received_at": _MIDNIGHT - timedelta(milliseconds=1), "office": "Zürich", "category": "É"},
    {"office": "\U0001f600", "category": "z"},
)
"""Complaints at the edges of what filters and orders ask for, with short numbers."""


_COUNT: Final = 2 * _LIVES + len(_EDGES)


@dataclass(frozen=True)
class Sources:
    """Lists of one history."""

    memory: Lists
    mirror: Lists
    context: DisplayContext

    def both(self, query: Query, *, first: int = 0, most: int | None = None) -> tuple[list[ComplaintRow], int]:
        """Return the rows, which both sources give, and how many there are in all."""
        found = [each.select(query, NOW, self.context, first=first, most=most) for each in (self.memory, self.mirror)]
        remembered, mirrored = (list(map(_shown, each.rows)) for each in found)
        assert mirrored == remembered
        assert found[1].total == found[0].total
        return remembered, found[0].total


def _shown(row: ComplaintRow) -> ComplaintRow:
    """Return what lists show of a row: not the office of a secret complaint, and no links."""
    office = values_of(row, NOW)["office"]
    return row._replace(follows=None, shape=row.shape._replace(office=office))


def history() -> tuple[list[bytes], ReadModel]:
    """Return facts, and the read model of their last snapshots."""
    policy, dice = policy_files.load("lapor").at(NOW), random.Random(1708)  # noqa: S311 -- no secret
    lives = [Life(number, dice, policy, NOW) for number in range(_LIVES)]
    facts, model = [], ReadModel()
    model.advance_to(int(NOW.timestamp()))
    for _, topic, key, value in copies(lives, 2 * _LIVES):  # each twice: what is equal stands by its number
        if topic is TopicName.EVENTS:
            facts.append(value)
        else:
            model.put(complaint_key(key), read_row(value))
    waiting = next(life for life in lives if life.complaint.status is Status.DISPOSED and not life.complaint.secret)
    for number, changes in enumerate(_EDGES):
        name = complaint_id("/channels/edge", str(number))
        update = {"complaint_id": name, "tracking_id": str(number), **changes}
        last = waiting.history[-1]._replace(complaint=waiting.complaint.model_copy(update=update))
        facts.append(encode_fact(last, encode_complaint(last.complaint)))
        model.put(
            complaint_key(name.encode()), read_row(encode_snapshot(last.complaint, encode_complaint(last.complaint)))
        )
    return facts, model


def sources(target: str) -> Sources:
    """Write a mirror to a file or a database, and return it beside the memory."""
    facts, model = history()
    write(target, facts, prefix=PREFIX)
    context = DisplayContext.of(policy_files.load("lapor").at(NOW), Settings(prefix=PREFIX))
    return Sources(MemoryLists(lambda: model), MirrorLists(target, PREFIX), context)


def _sorts() -> list[str]:
    return [f"{sign}{order}" for order in ORDERS for sign in ("", "-")]


def _filters() -> list[Any]:
    """Return a case for each filter, long but for the first value of each name and each combination."""
    short = {tuple(sorted({name for name, _ in filters})): filters for filters in reversed(FILTERS)}.values()
    return [pytest.param(each, id=str(each), marks=[] if each in short else [pytest.mark.long]) for each in FILTERS]


class ListContract:
    """Tests of a fixture `lists`, which is `sources` of a target."""

    @pytest.mark.parametrize("filters", _filters())
    def test_each_filter_finds_the_same(self, lists: Sources, filters: tuple[tuple[str, str], ...]) -> None:
        rows, total = lists.both(Query.parse(filters), most=_COUNT)  # of one connection, not two
        assert len(rows) == total

    @pytest.mark.long
    @pytest.mark.parametrize("sort", _sorts())
    def test_each_order_has_the_same_pages(self, lists: Sources, sort: str) -> None:
        query = Query(state="all", sort=sort)
        whole, total = lists.both(query)
        assert total == len(whole) == _COUNT
        pages = [lists.both(query, first=first, most=120)[0] for first in range(0, _COUNT + 120, 120)]
        assert [row for page in pages for row in page] == whole
        assert pages[-1] == []

    def test_each_filter_is_tried_with_a_value_that_divides(self, lists: Sources) -> None:
        counts = {filters: lists.memory.select(Query.parse(filters), NOW, lists.context).total for filters in FILTERS}
        for name in {name for filters in FILTERS for name, _ in filters}:
            assert any(0 < count < _COUNT for filters, count in counts.items() if name in dict(filters)), name

    def test_csv_is_the_same(self, lists: Sources) -> None:
        found = [each.select(Query(state="all"), NOW, lists.context).rows for each in (lists.memory, lists.mirror)]
        remembered, mirrored = ("".join(as_csv(rows, NOW)) for rows in found)
        assert mirrored == remembered
        assert mirrored.count("\n") == _COUNT + 1

    @pytest.mark.long
    def test_a_secret_complaint_is_in_no_list_by_office_or_category_and_shows_neither(self, lists: Sources) -> None:
        everyone = lists.both(Query(state="all"))[0]
        secret = {row.tracking_id for row in everyone if row.shape.secret}
        assert secret
        named = [("office", "none"), *{("category", row.shape.category) for row in everyone if row.shape.category}]
        named += sorted({("office", row.shape.office) for row in everyone if row.shape.office})[:5]
        for pair in named:
            found = lists.mirror.select(Query.parse([pair, ("state", "all")]), NOW, lists.context, most=1_000).rows
            assert not secret & {row.tracking_id for row in found}, pair
        rows = lists.mirror.select(Query(state="all"), NOW, lists.context).rows
        assert {(row.shape.office, row.shape.category) for row in rows if row.shape.secret} == {(None, None)}

    @pytest.mark.parametrize(
        ("name", "value"),
        [("office", "nowhere"), ("category", "Drainase"), ("category", "' OR 1=1 --"), ("why", "unheard-of")],
    )
    def test_what_no_policy_and_no_complaint_has_is_refused(self, lists: Sources, name: str, value: str) -> None:
        for source in (lists.memory, lists.mirror):
            with pytest.raises(UnknownFilter, match=f'^no .* "{value}"'):
                source.select(Query.parse([(name, value)]), NOW, lists.context)

    def test_the_mirror_has_all_where_the_memory_is_bounded(
        self, lists: Sources, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(read_models, "LATEST", 3)
        model = history()[1]
        memory = MemoryLists(lambda: model).select(Query(state="settled"), NOW, lists.context)
        mirror = lists.mirror.select(Query(state="settled"), NOW, lists.context, most=10)
        assert (memory.total, memory.older) == (3, mirror.total - 3)
        assert mirror.total > 3
        assert len(list(mirror.rows)) == 10
