"""Privacy markers of a request apply or refuse it; none falls back to public."""

import json
from typing import Any

import pytest

from agents.integrations.entries import Item, Report, Skipped
from agents.integrations.import_file import OPEN311
from events.codec.decode import decode_report
from tests.support.table_files import opened
from tests.support.tables import Rows, every

REQUEST: dict[str, Any] = {
    "service_request_id": "1",
    "status": "open",
    "service_name": "Jalan",
    "description": "Lubang",
}

ANONYMOUS, SECRET, BOTH, OPEN = (True, False), (False, True), (True, True), (False, False)
UNDERSTOOD: list[tuple[dict[str, Any], tuple[bool, bool]]] = [
    # case, underscores, camel case, spelling, accents
    ({"isAnonymous": True}, ANONYMOUS),
    ({"IS_ANONYMOUS": "TRUE"}, ANONYMOUS),
    ({"is-anonymous": 1}, ANONYMOUS),
    ({"isanonymous": 1.0}, ANONYMOUS),
    ({"Anonymous Report": "Y"}, ANONYMOUS),
    ({"anonymus": "yes"}, ANONYMOUS),
    ({"annonymous": "yes"}, ANONYMOUS),
    ({"anónimo": "yes"}, ANONYMOUS),
    ({"stayAnonymous": "on"}, ANONYMOUS),
    ({"anonymousFlag": False}, OPEN),
    ({"isPublic": False}, SECRET),
    ({"PublicYN": "Y"}, OPEN),
    ({"nonPublic": True}, SECRET),
    ({"isPrivate": "1"}, SECRET),
    ({"privateReport": "no"}, OPEN),
    ({"confidentialRequest": "yes"}, SECRET),
    # Indonesian
    ({"anonim": "ya"}, ANONYMOUS),
    ({"pelapor_anonim": "iya"}, ANONYMOUS),
    ({"tanpa_nama": "Ya"}, ANONYMOUS),
    ({"rahasia": "YA"}, SECRET),
    ({"laporan_rahasia": "tidak"}, OPEN),
    ({"dirahasiakan": "ya"}, SECRET),
    ({"tersembunyi": "ya"}, SECRET),
    ({"boleh_dipublikasikan": "tidak"}, SECRET),
    ({"publik": "ya"}, OPEN),
    ({"jangan_dipublikasikan": "ya"}, SECRET),
    ({"sifat_laporan": "Rahasia"}, SECRET),
    ({"tipe_laporan": "Anonim dan Rahasia"}, BOTH),
    ({"tipe_laporan": "Normal"}, OPEN),
    # words in place of yes and no
    ({"privacy": "anonymous"}, ANONYMOUS),
    ({"privacy": "public"}, OPEN),
    ({"privacy": "none"}, OPEN),
    ({"privacyLevel": "Confidential"}, SECRET),
    ({"visibility": "private"}, SECRET),
    ({"visibility": "public"}, OPEN),
    ({"reporter_type": "ANONYMOUS"}, ANONYMOUS),
    ({"submitted_by": "Anonim"}, ANONYMOUS),
    ({"mode": "secret"}, SECRET),
    # nested
    ({"reporter": {"anonymous": True}}, ANONYMOUS),
    ({"reporter": {"name": "Budi", "options": {"isAnonymous": "true"}}}, ANONYMOUS),
    ({"reporter": {"name": "Anonymous"}}, ANONYMOUS),
    ({"metadata": {"privacy": {"anonymous": True, "confidential": "yes"}}}, BOTH),
    ({"metadata": {"privacy": {"anonymous": False}}}, OPEN),
    ({"extra": [{"deep": [{"public": "no"}]}]}, SECRET),
    ({"properties": {"anonymous": True}}, ANONYMOUS),
    # flags
    ({"flags": ["urgent", "anonymous"]}, ANONYMOUS),
    ({"flags": ["is_anonymous"]}, ANONYMOUS),
    ({"flags": "anonymous,urgent"}, ANONYMOUS),
    ({"flags": ["do_not_publish"]}, SECRET),
    ({"flags": ["public"]}, OPEN),
    ({"flags": {"anonymous": True}}, ANONYMOUS),
    ({"tags": [{"name": "Rahasia"}]}, SECRET),
    ({"labels": ["PRIVATE", "anonim"]}, BOTH),
    # questions and answers
    ({"attributes": [{"question": "Report anonymously?", "answer": "Yes"}]}, ANONYMOUS),
    ({"attributes": [{"question": "Report anonymously?", "answer": "No"}]}, OPEN),
    ({"answers": [{"label": "Confidential", "response": "Y"}]}, SECRET),
    ({"custom_fields": [{"pertanyaan": "Laporan rahasia?", "jawaban": "ya"}]}, SECRET),
    ({"notes": {"questions": [{"prompt": "Anonim?", "selected": ["ya"]}]}}, ANONYMOUS),
    (
        {"attributes": [{"code": "ANON", "description": "Anonymous?", "value": {"key": "y", "name": "Yes"}}]},
        ANONYMOUS,
    ),
    ({"attributes": [{"code": "privacy", "value": "anonymous"}]}, ANONYMOUS),
    ({"attribute[anonymous]": "true"}, ANONYMOUS),
    # of two that differ the more private is meant
    ({"anonymous": False, "reporter": {"anonymous": True}}, ANONYMOUS),
    ({"public": True, "flags": ["private"]}, SECRET),
    # nothing is said
    ({"anonymous": None, "public": "", "flags": [], "privacy": {}, "rahasia": "-"}, OPEN),
    # something else is meant
    ({"published_datetime": "yesterday"}, OPEN),
    ({"publishedAt": "2026-03-16"}, OPEN),
    ({"publication_date": "soon", "public_url": "https://x.test/private", "public_id": "secret-7"}, OPEN),
    ({"public_works_district": "3", "private_property": "yes", "canonical_url": "https://x.test"}, OPEN),
    ({"agency_responsible": "Secretariat", "secretary": "Budi", "service_notice": "Anonymous"}, OPEN),
    ({"media_url": "https://x.test/anonymous.jpg", "tags": ["https://x.test/private"]}, OPEN),
    ({"description": "secret", "description_length": 6}, OPEN),
]
REFUSED: list[dict[str, Any]] = [
    {"anonymous": "maybe"},
    {"is_anonymous": {"level": 2}},
    {"is_anonymous": [True, False]},
    {"not_anonymous": True},
    {"tidak_anonim": "ya"},
    {"anonymous_public": True},
    {"privacy": True},
    {"privacy": "level 2"},
    {"privacy": {"level": 2}},
    {"visibility": "friends"},
    {"access_level": "3"},
    {"hideMyName": True},
    {"hide_identity": "no"},
    {"showName": False},
    {"show_reporter": "no"},
    {"name_public": False},
    {"private_email": True},
    {"nama_disembunyikan": "ya"},
    {"rahasiakan_identitas": "ya"},
    {"tampilkan_nama": "tidak"},
    {"samarkan": "ya"},
    {"incognito": True},
    {"inkognito": "ya"},
    {"unpublished": True},
    {"redacted": True},
    {"doNotDisclose": True},
    {"sensitive": True},
    {"restricted": "yes"},
    {"laporan_tertutup": "ya"},
    {"reporter": {"preferences": {"withhold_name": 1}}},
    {"metadata": {"anonymous": {"requested_by": "x"}}},
    {"flags": ["hide_name"]},
    {"attributes": [{"question": "May we publish your name?", "answer": "No"}]},
    {"attributes": [{"question": "Apakah identitas Anda dirahasiakan?", "answer": "ya"}]},
    {"attributes": [{"question": "Do you want to stay anonymous?", "answer": "only to the office"}]},
]


def items(content: str, **options: Any) -> list[Item]:
    return list(opened(content, form=OPEN311, **options).items)


def flags(found: Item) -> tuple[bool, bool]:
    assert isinstance(found, Report), found
    data = decode_report(found.value).data
    return data.anonymous, data.secret


@every(Rows(UNDERSTOOD))
def test_what_is_understood_is_honoured(attributes: dict[str, Any], meant: tuple[bool, bool]) -> None:
    [found] = items(json.dumps([REQUEST | attributes]))
    assert flags(found) == meant


@every(REFUSED)
def test_what_is_not_understood_refuses_the_request(attributes: dict[str, Any]) -> None:
    refused, other = items(json.dumps([REQUEST | attributes, REQUEST | {"service_request_id": "2"}]))
    assert isinstance(refused, Skipped), refused
    assert "may be about privacy, and is not understood" in refused.reason or "neither yes nor no" in refused.reason
    assert "\n" not in refused.reason
    assert flags(other) == OPEN


def test_an_ignored_column_has_no_effect() -> None:
    asked = [{"question": "Publish your name?", "answer": "No"}, {"question": "Anonymous?", "answer": "Yes"}]
    fields = {"hide_name": True, "attributes": asked}
    [found] = items(json.dumps([REQUEST | fields]), ignored=("Hide Name", "Publish your name?"))
    assert flags(found) == ANONYMOUS


@pytest.mark.parametrize(
    ("envelope", "meant"),
    [({"anonymous": True}, ANONYMOUS), ({"meta": {"public": "no"}}, SECRET), ({"meta": {"count": 1}}, OPEN)],
)
def test_the_envelope_applies_to_each_entry(envelope: dict[str, Any], meant: tuple[bool, bool]) -> None:
    assert [flags(each) for each in items(json.dumps({**envelope, "service_requests": [REQUEST]}))] == [meant]
    [refused] = items(json.dumps({"hide_names": {"name_public": False}, "service_requests": [REQUEST]}))
    assert isinstance(refused, Skipped)


INNER = "<service_request_id>1</service_request_id><status>open</status><service_name>Jalan</service_name>"
XML: list[tuple[str, tuple[bool, bool]]] = [
    (f'<requests><request anonymous="true">{INNER}</request></requests>', ANONYMOUS),
    (f'<requests><request x:Anonymous="1" xmlns:x="urn:x">{INNER}</request></requests>', ANONYMOUS),
    (f'<service_requests secret="yes" type="array"><request>{INNER}</request></service_requests>', SECRET),
    (f'<requests><request>{INNER}<reporter anonymous="true">Budi</reporter></request></requests>', ANONYMOUS),
    (f'<requests><request>{INNER}<reporter anonymous="true"/></request></requests>', ANONYMOUS),
    (f'<requests><request>{INNER}<reporter anonymous="true"><age>7</age></reporter></request></requests>', ANONYMOUS),
    (f"<requests><request>{INNER}<flags><flag>private</flag></flags></request></requests>", SECRET),
    (f'<requests><request>{INNER}<flags><flag name="anonymous">true</flag></flags></request></requests>', ANONYMOUS),
    (f'<requests><request>{INNER}<attribute code="ANON" value="yes"/></request></requests>', ANONYMOUS),
    (f'<requests><request>{INNER}<attribute code="ANON">yes</attribute></request></requests>', ANONYMOUS),
    (f'<requests><request public="true">{INNER}<lat type="float" nil="true"/></request></requests>', OPEN),
]


@every(Rows(XML))
def test_attributes_of_xml_are_honoured(content: str, meant: tuple[bool, bool]) -> None:
    [found] = items(content)
    assert flags(found) == meant


def test_an_attribute_of_xml_that_is_not_understood_refuses_its_request() -> None:
    content = f'<requests><request hide-name="1">{INNER}</request><request>{INNER}</request></requests>'
    assert [type(each) for each in items(content)] == [Skipped, Report]


def test_photos_with_attributes_are_photos() -> None:
    photos = '<photos><photo id="1">https://x.test/1.jpg</photo><photo href="https://x.test/2.jpg"/></photos>'
    [found] = items(f"<requests><request>{INNER}{photos}</request></requests>")
    assert isinstance(found, Report)
    assert decode_report(found.value).data.attachments == ("https://x.test/1.jpg", "https://x.test/2.jpg")


@pytest.mark.parametrize("form", [OPEN311, None])
def test_a_name_that_an_object_has_twice_refuses_its_report(form: str | None) -> None:
    kept = json.dumps(REQUEST)
    twice = [{"anonymous": True}, {"anonymous": False}]
    for several in (twice, twice[::-1]):
        both = kept[:-1] + "".join(f", {json.dumps(each)[1:-1]}" for each in several) + "}"
        for content in (f"[{both}]", both):
            [found] = opened(content, form=form).items if form else opened(content).items
            assert isinstance(found, Skipped), (content, found)
            assert "anonymous" in found.reason
