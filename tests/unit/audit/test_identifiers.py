"""Records in which a reporter's identity is found, and those in which people may write it."""

import json
from typing import Any

import pytest

from events.reports import Reporter
from workflow.audit.identifiers import counted, exposed, identifiers_in, traces

REPORTER = Reporter(name="Ni Luh Contoh", phone="0800-000-000", email="luh@example.org")


def test_short_identifiers_are_not_searched() -> None:
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


def test_other_messages_have_no_identifiers() -> None:
    assert found({"data": {"by": "/citizens/1"}}) == []
    assert list(exposed(b"not json", traces(REPORTER))) == []


def kinds_in(text: str, reporter: Reporter | None = None) -> dict[str, int]:
    return {each.kind: each.count for each in counted(identifiers_in(text, reporter))}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Hubungi 0812-3456-7890 atau +62 361 223344.", {"phone": 2}),
        ("tulis ke made.contoh@example.co.id", {"email": 1}),
        ("NIK 5171044512900001, KK 5171 0412 0395 0002", {"nik": 2}),
        ("mobil DK 1234 AB dan b 9 xyz", {"plate": 1}),
        ("motor dk1234ab", {"plate": 1}),
        ("Jalan rusak sejak 14 Maret 2026 di RT 03 RW 05, Banjar Tegal", {}),
        ("Laporan 1042007 memakai Permen PANRB 62/2018 pasal 12", {}),
        ("", {}),
    ],
)
def test_identifiers_are_found_by_their_form(text: str, kinds: dict[str, int]) -> None:
    assert kinds_in(text) == kinds


def test_sixteen_digits_without_a_date_of_birth_are_no_nik() -> None:
    assert kinds_in("nomor 1234567890123456") == {}
    # a woman's day of birth is 40 higher
    assert [each.text for each in identifiers_in("5171046512900001 5171047212900001")] == ["5171046512900001"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Terima kasih Ibu NI LUH CONTOH.", {"reporter-name": 2}),
        ("Ibu Contoh sudah dihubungi.", {"reporter-name": 1}),
        ("Contohnya banyak.", {}),
        ("telepon 800000000", {"reporter-phone": 1}),
        ("surel LUH@example.org", {"email": 1, "reporter-email": 1}),
    ],
)
def test_identifiers_of_the_reporter_are_found(text: str, kinds: dict[str, int]) -> None:
    assert kinds_in(text, REPORTER) == kinds
