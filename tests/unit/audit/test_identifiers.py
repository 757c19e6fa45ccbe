"""Where a reporter's identity shows, and where people may write it themselves."""

import json
from typing import Any

import pytest

from events.reports import Reporter
from workflow.audit.identifiers import exposed, traces

REPORTER = Reporter(name="Ni Luh Contoh", phone="0800-000-000", email="luh@example.org")


def test_what_is_too_short_is_not_looked_for() -> None:
    assert traces(REPORTER) == ("Ni Luh Contoh", "0800-000-000", "luh@example.org")
    assert traces(Reporter(name="Made", phone="1708")) == ()
    assert traces(Reporter()) == ()


def found(value: Any, reporter: Reporter = REPORTER) -> list[str]:
    return list(exposed(json.dumps(value).encode(), traces(reporter)))


def test_it_is_found_wherever_it_is() -> None:
    assert found({"source": "/citizens/0800-000-000", "data": {"by": "x"}}) == ["source"]
    assert found({"data": {"complaint": {"channel": "luh@example.org"}}}) == ["data.complaint.channel"]
    assert found({"data": {"evidence": [{"url": "u", "name": "foto Ni Luh Contoh.jpg"}]}}) == ["data.evidence.name"]
    assert found("0800-000-000") == [""]
    assert list(exposed(b"\x00 0800-000-000", traces(REPORTER))) == ["value"]


def test_it_is_found_however_json_writes_it() -> None:
    reporter = Reporter(name="I Gedé Ketut")
    event = {"data": {"by": "I Gedé Ketut"}}
    for ascii_only in (True, False):
        raw = json.dumps(event, ensure_ascii=ascii_only).encode()
        assert list(exposed(raw, traces(reporter))) == ["data.by"]


@pytest.mark.parametrize("field", ["title", "body", "text", "reason", "edited_text", "answer"])
def test_people_may_write_their_own_name(field: str) -> None:
    assert found({"data": {field: "Salam, Ni Luh Contoh"}}) == []
    assert found({"data": {"report": {field: "Ni Luh Contoh"}, "by": "Ni Luh Contoh"}}) == ["data.by"]


def test_of_others_nothing_is_said() -> None:
    assert found({"data": {"by": "/citizens/1"}}) == []
    assert list(exposed(b"not json", traces(REPORTER))) == []
