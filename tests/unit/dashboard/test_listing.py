"""Every figure has the list behind it; filters, order, and what is never in a list."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dashboard import read_model as read_models
from agents.dashboard.complaint_row import ComplaintRow, Deadline, RowShape
from agents.dashboard.figures import FUNNEL, DisplayContext, flow, funnel
from agents.dashboard.listing import COLUMNS, ORDERS, MemoryLists, Query, UnknownFilter, as_csv, values_of
from agents.dashboard.read_model import DAY_S, ReadModel
from events.vocabulary import OPEN, ClockName, Status
from tests.support.tables import Rows, every
from workflow.machine.waiting import BY_HAND, WHY

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = int(NOW.timestamp())
CONTEXT = DisplayContext(
    ZoneInfo("Asia/Jakarta"),
    {"badung": "Badung", "badung-pupr": "PUPR"},
    {"badung": ("badung-pupr",), "badung-pupr": ()},
    categories=("drainase", "sampah"),
)
deadlines = st.none() | st.builds(
    Deadline, st.integers(AT - 3 * DAY_S, AT + 9 * DAY_S), st.sampled_from([ClockName.FOLLOW_UP, ClockName.SETTLEMENT])
)


@st.composite
def rows(draw: st.DrawFn) -> ComplaintRow:
    status = draw(st.sampled_from(Status))
    is_open = status in OPEN
    return ComplaintRow(
        RowShape(
            status,
            draw(st.sampled_from([None, "badung", "badung-pupr", "=1+1"])),
            draw(st.booleans()),
            is_open and draw(st.booleans()),
            draw(st.booleans()),
            draw(st.sampled_from(list(WHY))) if is_open else None,
            draw(st.sampled_from([None, "drainase"])),
            draw(st.integers(0, 2)),
        ),
        tracking_id="",
        version=1,
        received=draw(st.integers(AT - 2 * DAY_S, AT)),
        closed=None if is_open else draw(st.integers(AT - 2 * DAY_S, AT)),
        due=draw(deadlines) if is_open else None,
        missed=draw(deadlines) if is_open else None,
    )


def filled(some: list[ComplaintRow]) -> ReadModel:
    model = ReadModel()
    model.advance_to(AT)
    for number, row in enumerate(some):
        model.put(number.to_bytes(16), row._replace(tracking_id=str(1_000_000 + number)))
    return model


def listed(model: ReadModel, **filters: str) -> list[ComplaintRow]:
    return list(MemoryLists(lambda: model).select(Query.parse(filters.items()), NOW, CONTEXT).rows)


def numbers(model: ReadModel, **filters: str) -> list[str]:
    return [row.tracking_id for row in listed(model, **filters)]


@given(st.lists(rows(), max_size=12))
def test_a_list_has_as_many_as_its_figure(some: list[ComplaintRow]) -> None:
    model = filled(some)
    assert len(listed(model)) == model.open
    assert len(listed(model, due="overdue")) == model.overdue
    assert len(listed(model, due="24h")) == model.due_soon
    assert len(listed(model, rung="exhausted")) == model.exhausted
    assert len(listed(model, why="by-hand")) == sum(model.waiting[why] for why in BY_HAND)
    for status in Status:
        assert len(listed(model, status=status)) == model.by_status[status]
    for step, count in funnel(model).items():
        assert len(listed(model, reached=step)) == count
    flows = flow(model.hours, NOW, CONTEXT.zone)
    assert len(listed(model, received="24h")) == flows["day"]["received"]
    assert len(listed(model, ended="24h", status="closed")) == flows["day"]["closed"]
    for day in flows["days"]:
        assert len(listed(model, received=str(day["day"]))) == day["received"]
        assert len(listed(model, ended=str(day["day"]), status="withdrawn")) == day["withdrawn"]
    for office, counts in model.offices.items():
        at = {"office": office or "none", "units": "no"}
        found = (listed(model, **at), listed(model, **at, due="24h"), listed(model, **at, due="overdue"))
        assert tuple(map(len, found)) == counts[:3]


@given(st.lists(rows(), max_size=12))
def test_a_secret_complaint_is_in_no_list_by_office_or_category_and_shows_neither(some: list[ComplaintRow]) -> None:
    model = filled([row._replace(shape=row.shape._replace(secret=True, category=None)) for row in some])
    assert all(not listed(model, office=office, state="all") for office in ("badung", "badung-pupr", "none"))
    assert listed(model, category="drainase", state="all") == []
    for row in listed(model, state="all"):
        assert (values_of(row, NOW)["office"], values_of(row, NOW)["category"]) == (None, None)
    by_office = numbers(model, sort="office", state="all")
    assert by_office == sorted(row.tracking_id for row in model.rows()), "the order does not tell either"


def an_open(**changes: Any) -> ComplaintRow:
    shape = RowShape(Status.DISPOSED, "badung", True, False, False, "follow-up", "drainase", 1)  # noqa: FBT003 -- as it is
    row = ComplaintRow(shape, "", 1, AT, None, Deadline(AT + 60, ClockName.FOLLOW_UP), None)
    own = {name: changes.pop(name) for name in list(changes) if name in RowShape._fields}
    return row._replace(shape=shape._replace(**own), **changes)


def test_an_office_has_the_complaints_of_its_units_too() -> None:
    model = filled([an_open(), an_open(office="badung-pupr")])
    assert len(listed(model, office="badung")) == 2
    assert len(listed(model, office="badung", units="no")) == 1
    assert len(listed(model, office="badung-pupr")) == 1


def test_filters_add_up() -> None:
    late = Deadline(AT - 60, ClockName.SETTLEMENT)
    model = filled([an_open(), an_open(missed=late), an_open(missed=late, category="sampah"), an_open(rung=2)])
    assert len(listed(model, clock="settlement", category="sampah")) == 1
    assert len(listed(model, clock="settlement", rung="2")) == 0
    assert len(listed(model, missed="2026-03-02")) == 2
    assert len(listed(model, why="follow-up", status="disposed", received="24h")) == 4


def test_the_most_urgent_comes_first_and_what_has_no_deadline_last() -> None:
    model = filled(
        [
            an_open(due=None),
            an_open(),
            an_open(missed=Deadline(AT - 60, ClockName.FOLLOW_UP)),
            an_open(missed=Deadline(AT - 90, ClockName.FOLLOW_UP)),
        ]
    )
    assert numbers(model) == ["1000003", "1000002", "1000001", "1000000"]
    assert numbers(model, sort="-due") == ["1000000", "1000001", "1000002", "1000003"]
    assert numbers(model, sort="-number") == ["1000003", "1000002", "1000001", "1000000"]


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_can_be_turned_round(order: str) -> None:
    model = filled([an_open(rung=rung, received=AT - rung) for rung in range(3)])
    assert sorted(numbers(model, sort=order)) == sorted(numbers(model, sort=f"-{order}"))


def test_of_settled_complaints_the_last_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_models, "LATEST", 3)
    ended = [an_open(status=Status.CLOSED, why=None, due=None, closed=AT - number) for number in (5, 1, 4, 2, 3)]
    model = filled(ended)
    assert {AT - (row.closed or 0) for row in listed(model, state="settled")} == {1, 2, 3}
    assert len(model) == 5
    model.forget((1).to_bytes(16))
    assert {AT - (row.closed or 0) for row in listed(model, state="settled")} == {2, 3}


def test_a_url_says_what_differs() -> None:
    query = Query.parse([("status", "closed"), ("status", "archived"), ("sort", "-received"), ("lang", "id")])
    assert query == Query(state="all", status=("closed", "archived"), sort="-received")
    assert query.url(page=3) == "state=all&status=closed&status=archived&sort=-received&page=3"
    assert Query.parse([("page", "4")]).url(sort="number") == "sort=number", "another order begins anew"
    assert Query().url() == ""
    assert Query.parse([("state", "open"), ("status", "closed")]).state == "all", "a form has a state in any case"


@every(
    Rows(
        [
            ("status", "finished", 'status is never "finished": choose one of registered'),
            ("status", "close", 'status is never "close": did you mean closed\\?'),
            ("clock", "noon", 'clock is never "noon"'),
            ("due", "soon", 'due is never "soon": choose one of overdue, 24h, 7d, any'),
            ("page", "0", "page is a number from 1, not"),
            ("page", "9" * 99, "page is a number from 1, not"),
            ("rung", "up", "rung is a number or exhausted"),
            ("rung", "9" * 99, "rung is a number or exhausted"),
            ("category", "a\0", "category has an invalid character"),
            ("received", "yesterday", "received is a day such as 2026-11-30 or 24h"),
            ("ended", "9999-12-31", "ended is a day"),
            (
                "office",
                "nowhere",
                'no office "nowhere" is in the policy, and no complaint names it: choose one of none, bad',
            ),
            ("office", "badun", "did you mean badung\\?"),
            (
                "category",
                "drainas",
                'no category "drainas" is in the policy, and no complaint has it: did you mean drainase',
            ),
            ("why", "bogus", 'no complaint waits for "bogus": choose one of by-hand, verification'),
            ("why", "folow-up", "did you mean follow-up\\?"),
            ("stauts", "closed", "there is no filter stauts: did you mean status\\?"),
            ("x", "", "there is no filter x: choose one of state, status, "),
            ("clock", "completion", 'clock is never "completion": choose one of verification'),
            ("sort", "colour", 'sort is never "colour"'),
        ]
    )
)
def test_a_value_that_cannot_be_is_refused_in_one_line(name: str, value: str, message: str) -> None:
    with pytest.raises(UnknownFilter, match=message):
        listed(filled([an_open()]), **{name: value})


def test_the_refusal_of_a_filter_is_in_both_languages() -> None:
    with pytest.raises(UnknownFilter) as refused:
        Query.parse([("due", "lewat")])
    assert refused.value.in_language("id") == (
        'due tidak pernah bernilai "lewat": pilih salah satu dari overdue, 24h, 7d, any'
    )


def test_what_a_complaint_has_is_known() -> None:
    model = filled([an_open(why="newer-reason", category="baru", office="lama")])
    for name, value in (("why", "newer-reason"), ("category", "baru"), ("office", "lama")):
        assert len(listed(model, **{name: value})) == 1
        assert listed(model, status="closed", **{name: value}) == []


def test_the_longest_overdue_are_in_the_order_of_their_list() -> None:
    late = Deadline(AT - 60, ClockName.FOLLOW_UP)
    model = ReadModel()
    model.advance_to(AT)
    for number, tracking in enumerate(("1000003", "999", "1000002", "1000001")):
        model.put((9 - number).to_bytes(16), an_open(missed=late, due=late)._replace(tracking_id=tracking))
    assert [row.tracking_id for row in model.longest_overdue(3)] == numbers(model, due="overdue")[:3]
    assert numbers(model) == ["999", "1000001", "1000002", "1000003"]


def test_a_deadline_that_passed_without_a_notice_is_overdue_and_not_due_soon() -> None:
    """As when the stages are stopped."""
    late, soon = (an_open(due=Deadline(AT + at, ClockName.FOLLOW_UP)) for at in (-60, 60))
    model = filled([late, soon])
    assert ([row.due for row in listed(model, due="overdue")], model.overdue) == ([late.due], 1)
    assert ([row.due for row in listed(model, due="24h")], model.due_soon) == ([soon.due], 1)
    assert [row.due for row in (*model.longest_overdue(9), *model.next_due(9))] == [late.due, soon.due]
    model.advance_to(AT + 61)
    assert (model.overdue, model.due_soon, model.offices[late.shape.office].overdue) == (2, 0, 2)


def test_csv_has_all_columns_and_no_formula() -> None:
    row = an_open(tracking_id="1000001", office="=1+1", missed=Deadline(AT - 60, ClockName.FOLLOW_UP))
    header, written = "".join(as_csv([row], NOW)).splitlines()
    assert header == ",".join(COLUMNS)
    due, received = (NOW - timedelta(minutes=1)).isoformat(), NOW.isoformat()
    assert written == f"1000001,disposed,'=1+1,drainase,follow_up,{due},yes,1,follow-up,{received},,no"


def test_the_steps_are_those_of_the_funnel() -> None:
    assert set(funnel(ReadModel())) == set(FUNNEL)
