"""Dates in all usual forms; the order of day and month is decided per column."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.integrations.dates import DateColumn, Order, read_date
from agents.integrations.entries import BadLayout, Report
from tests.support.table_files import NOW, items, notes, opened, report
from tests.support.tables import Rows, every

WIB = ZoneInfo("Asia/Jakarta")


@every(
    Rows(
        [
            ("2026-03-16", "2026-03-15T17:00"),
            ("2026-03-16 09:11:05", "2026-03-16T02:11:05"),
            ("2026/3/16 9:11", "2026-03-16T02:11"),
            ("16-03-2026 09.11 WITA", "2026-03-16T01:11"),
            ("16 Maret 2026 pukul 09.11 WIB", "2026-03-16T02:11"),
            ("Senin, 16 Mar 2026 09:11", "2026-03-16T02:11"),
            ("Jum'at, 06/03/2026", "2026-03-05T17:00"),
            ("6 Agu 2026", "2026-08-05T17:00"),
            ("06-Agt-26", "2026-08-05T17:00"),
            ("1 Pebruari 2026", "2026-01-31T17:00"),
            ("9 Nopember 2026", "2026-11-08T17:00"),
            ("March 16, 2026 9:11 AM", "2026-03-16T02:11"),
            ("16/03/2026 12:05:00 AM", "2026-03-15T17:05"),
            ("2026-03-16T09:11:05+07:00", "2026-03-16T02:11:05"),
            ("2026-03-16T09:11:05.123+0700", "2026-03-16T02:11:05"),
            ("2026-03-16T02:11:05Z", "2026-03-16T02:11:05"),
            ("46097", "2026-03-15T17:00"),
            ("46097.5", "2026-03-16T05:00"),
            ("1773627065", "2026-03-16T02:11:05"),
            ("1773627065000", "2026-03-16T02:11:05"),
            ("20260316", "2026-03-15T17:00"),
        ]
    )
)
def test_every_form_is_read(cell: str, utc: str) -> None:
    found = read_date(cell, Order.DMY, WIB)
    assert found is not None
    assert found.moment(WIB) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@every(
    [
        "kemarin",
        "31/02/2026",
        "16 Foo 2026",
        "2026",
        "12.5",
        "16/03",
        "2026-03-16 25:00",
        "16/03/2026x",
        "13/13/2026",
        "9" * 14,
    ]
)
def test_an_invalid_date_is_none(cell: str) -> None:
    assert read_date(cell, Order.DMY, WIB) is None


@given(st.text(max_size=40) | st.from_regex(r"[0-9/.: -]{4,25}"), st.sampled_from([None, *Order]))
def test_any_text_is_handled(cell: str, order: Order | None) -> None:
    column = DateColumn("x")
    column.see(cell)
    found = read_date(cell, order, WIB)
    assert found is None or isinstance(found.day, date)


class TestOrderOfAColumn:
    @pytest.mark.parametrize(
        ("cells", "order"),
        [
            (["01/25/2026 03:04:05 PM", "03/04/2026 11:20:00 AM"], Order.MDY),
            (["25/01/2026", "03/04/2026"], Order.DMY),
            (["25.01.26", "03.04.26"], Order.DMY),
            (["2026-03-04", "4 Maret 2026", "2026/03/04"], None),
            (["01/01/2026", "", "02/02/2026"], None),
            (["25/01/2026"] * 40 + ["01/25/2026"], Order.DMY),
        ],
    )
    def test_it_is_decided_by_all_of_its_cells(self, cells: list[str], order: Order | None) -> None:
        column = DateColumn("Tanggal")
        for cell in cells:
            column.see(cell)
        assert column.order() is order

    @pytest.mark.parametrize(
        "cells", [["03/04/2026"], ["25/01/2026", "01/25/2026"], ["25/01/2026"] * 9 + ["01/25/2026"]]
    )
    def test_where_they_leave_it_open_it_is_asked_for(self, cells: list[str]) -> None:
        column = DateColumn("Tanggal")
        for cell in cells:
            column.see(cell)
        with pytest.raises(BadLayout, match=r"column 'Tanggal': .* --dates dmy or --dates mdy"):
            column.order()

    def test_a_year_of_two_digits_may_stand_first(self) -> None:
        column = DateColumn("Tanggal")
        column.see("26-03-16")
        with pytest.raises(BadLayout, match=r"--dates dmy, --dates mdy or --dates ymd"):
            column.order()
        column.see("40-03-16")
        assert column.order() is Order.YMD
        assert str(read_date("26-03-16", Order.YMD, WIB)).startswith("Stamp(day=datetime.date(2026, 3, 16)")

    def test_the_third_of_april_is_not_the_fourth_of_march(self) -> None:
        text = "id,title,created_at\n1,a,01/25/2026\n2,b,03/04/2026\n"
        second = items(text)[1]
        assert isinstance(second, Report)
        assert b'"time":"2026-03-03T17:00:00.000Z"' in second.value
        with pytest.raises(BadLayout, match="03/04/2026 may be day first or month first"):
            opened("id,title,created_at\n2,b,03/04/2026\n")
        assert report("id,title,created_at\n2,b,03/04/2026\n", dates=Order.DMY).time == datetime(
            2026, 4, 2, 17, tzinfo=UTC
        )

    def test_a_cell_of_another_order_costs_its_field(self) -> None:
        rows = "".join(f"{n},a,25/01/2026\n" for n in range(30))
        last = items(f"id,title,created_at\n{rows}99,b,01/25/2026\n")[-1]
        assert isinstance(last, Report)
        assert last.notes == ("received: '01/25/2026' is not a date written dmy",)


class TestPlausible:
    @pytest.mark.parametrize(
        ("column", "cell", "message"),
        [
            ("created_at", "3020-01-01", "received: '3020-01-01' is in the future"),
            ("created_at", "0001-01-01", "received: '0001-01-01' is before 1980"),
            ("created_at", "2026-11-17", "received: '2026-11-17' is in the future"),
            ("created_at", "kemarin", "received: 'kemarin' is not a date"),
            ("created_at", "31/02/2026", "received: '31/02/2026' is not a date"),
            ("event_date", "2026-11-17", "event_date: '2026-11-17' is after the report, or in the future"),
            ("event_date", "1899-12-30", "event_date: '1899-12-30' is before 1945"),
            ("event_date", "kemarin", "event_date: 'kemarin' is not a date"),
        ],
    )
    def test_an_impossible_date_costs_the_field_and_is_reported(self, column: str, cell: str, message: str) -> None:
        text = f"id,title,{column}\n1,Jalan,{cell}\n"
        assert notes(text) == (message,)
        assert report(text).time == NOW
        assert report(text).data.event_date is None

    def test_nothing_happens_after_it_was_reported(self) -> None:
        assert notes("id,title,created_at,event_date\n1,Jalan,2026-03-16,2026-03-17\n") == (
            "event_date: '2026-03-17' is after the report, or in the future",
        )


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("id,title,created_at\n1,Jalan,2026-03-16 09:11\n", {}),
        ("Tracking ID,Judul Laporan,Status Laporan,Anonim/Rahasia,Tanggal Laporan Masuk\n1,J,,,2026-03-16 09:11\n", {}),
        (
            (
                "Tracking ID,Judul Laporan,Status Laporan,Anonim/Rahasia,Tanggal Laporan Masuk,Waktu Laporan Masuk\n"
                "1,J,,,16 Mar 2026,09.11\n"
            ),
            {},
        ),
        ('[{"service_request_id": 1, "service_name": "J", "requested_datetime": "2026-03-16T09:11:00"}]', {}),
        (
            (
                "<service_requests><request><service_request_id>1</service_request_id><service_name>J</service_name>"
                "<requested_datetime>2026-03-16T09:11:00</requested_datetime></request></service_requests>"
            ),
            {},
        ),
    ],
)
def test_every_reader_takes_a_time_without_a_zone_alike(content: str, options: dict[str, Any]) -> None:
    assert report(content, **options).time == datetime(2026, 3, 16, 2, 11, tzinfo=UTC)
    there = report(content, zone=ZoneInfo("Asia/Jayapura"), **options)
    assert there.time == datetime(2026, 3, 16, 0, 11, tzinfo=UTC)
