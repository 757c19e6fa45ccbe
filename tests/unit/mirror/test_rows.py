"""Rows of records of any layout: those of which only parts are parsed equal those parsed in full."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mirror.rows import RowBuilder, Rows
from events.client import Record
from events.codec import partial
from events.topics import TopicName
from tests.unit.events.test_partial import FACT, written

BUILDER = RowBuilder(ZoneInfo("Asia/Jakarta"), lambda *_: 3)
AT = datetime(2026, 3, 2, tzinfo=UTC)


def rows(*values: bytes | None) -> Rows:
    records = [Record(TopicName.EVENTS, 0, offset, AT, b"", value, {}) for offset, value in enumerate(values)]
    return BUILDER.rows([(TopicName.EVENTS, records)])


def compact(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.long
@given(st.lists(written(FACT), min_size=1, max_size=3))
def test_a_fact_in_parts_has_the_rows_of_the_whole(facts: list[bytes]) -> None:
    for laid_out in (facts, [compact(json.loads(each)) for each in facts]):
        found = rows(*laid_out)
        assert not found.unread
        # a record that cannot be read makes all of them be parsed in full
        whole = rows(*laid_out, b"{")
        assert len(whole.unread) == 1
        assert (found.facts, found.complaints, found.clocks) == (whole.facts, whole.complaints, whole.clocks)


def test_our_own_layout_is_cut() -> None:
    cut = partial.cut_fact(compact(FACT))
    assert cut is not None
    assert partial.summary_in(cut[1])


@pytest.mark.parametrize("missing", ["location", "tracking_id", "clocks", "received_at"])
def test_a_snapshot_of_another_shape_is_unread_and_hides_no_other(missing: str) -> None:
    complaint = {name: value for name, value in FACT["data"]["complaint"].items() if name != missing}
    broken = {**FACT, "data": {**FACT["data"], "complaint": complaint}}
    found = rows(compact(FACT), compact(broken))
    assert [row[:3] for row in found.unread] == [("complaints.events", 0, 1)]
    assert (found.complaints, found.facts) == (rows(compact(FACT)).complaints, rows(compact(FACT)).facts)
    assert found.positions == {("complaints.events", 0): 2}
