"""Free text apart from the facts: one list of it, placeholders that can be read, and nothing lost on the way."""

import json
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from events import texts
from events.announcements import AnnounceHoliday
from events.codec import decode, encode
from events.commands import COMMANDS
from events.facts import FACTS, ComplaintRegistered, DataErased, Fact, Recorded, ReportCompleted, Worded, fact_type
from events.reports import ReportContent
from events.snapshot import Complaint
from events.texts import ERASED, FREE_TEXT, PLACEHOLDER, put_together, take_apart
from events.vocabulary import Status
from tests.support.tables import every
from workflow.machine.evolve import folded

GOLDEN = Path(__file__).parents[2] / "golden"
FACT_TYPES = [fact_type(fact.NAME) for fact in FACTS if fact is not DataErased]  # whose example lies apart
NOT_FREE = {
    "by": "id of the sender",
    "calendar": "number",
    "category": "a choice of the channel's list, by which complaints are routed",
    "channel": "name of a channel",
    "chosen_office": "id in the directory",
    "city": "place, by which complaints are routed",
    "complaint_id": "id",
    "completed_digests": "keyed digest",
    "content_digests": "keyed digest",
    "district": "place",
    "duplicate_of": "id",
    "erased": "closed words",
    "appealed_to": "id in the directory",
    "escalated_to": "ids in the directory",
    "follows": "number or id of a complaint",
    "id": "id of the report",
    "kind": "kind of identifier",
    "missing": "names of fields",
    "office": "id in the directory, except in a report",
    "policy": "version",
    "province": "place",
    "recent": "digests",
    "remaining": "length of time",
    "report_id": "id",
    "reporter_digest": "keyed digest",
    "returned_by": "ids in the directory",
    "signature": "keyed digest",
    "source": "id of the channel",
    "text_ref": "key",
    "tracking_id": "number",
    "village": "place",
    "paused_for": "a length of time",
    "allotted": "a length of time",
    "who": "id of an office, or `reporter`",
    "why": "open words",
    "zone": "time zone",
}
"""Fields with text that is not free, wherever they stand, and why."""
DECREES = {("DeadlineRescheduled", "reason"): "made of an announcement"}


def text_fields(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the fields of a model, and of the models in it, that can hold text."""
    for name, field in model.model_fields.items():
        kinds = set(_kinds(field.annotation))
        if str in kinds:
            yield model, name
        for kind in kinds:
            # links are one field: what an attachment is called belongs to it
            if issubclass(kind, BaseModel) and str not in kinds:
                yield from text_fields(kind)


def _free(model: type[BaseModel]) -> tuple[str, ...]:
    return next((names for listed, names in FREE_TEXT.items() if listed is model), ())


def _kinds(annotation: object) -> Iterator[type]:
    arguments = typing.get_args(annotation)
    if not arguments:
        if isinstance(annotation, type) and not issubclass(annotation, Enum):
            yield annotation
        return
    for each in arguments:
        yield from _kinds(each)


@every([*FACTS, Complaint])
def test_each_text_of_a_fact_is_free_or_said_not_to_be(model: type[BaseModel]) -> None:
    for owner, name in text_fields(model):
        free = name in _free(owner)
        fixed = (name in NOT_FREE or (owner.__name__, name) in DECREES) and not free
        assert free or fixed, f"{owner.__name__}.{name}: list it in events/texts.py, or say here why it is no free text"


@every(COMMANDS)
def test_what_a_command_brings_is_free_text_of_its_fact(command: type[BaseModel]) -> None:
    known = {name for names in FREE_TEXT.values() for name in names}
    for _, name in text_fields(command):
        assert name in known or name in NOT_FREE, f"{command.__name__}.{name}"


def test_the_list_names_fields_that_there_are_and_facts_that_can_refer_to_their_words() -> None:
    for model, names in FREE_TEXT.items():
        assert set(names) <= set(model.model_fields) & set(texts.FactTexts.model_fields)
        assert model is ReportContent or issubclass(model, Worded)
    assert {each for each in FACTS if issubclass(each, Worded)} == {*FREE_TEXT, ComplaintRegistered} - {ReportContent}
    assert AnnounceHoliday not in FREE_TEXT  # the calendar concerns no complaint


def golden(kind: str) -> bytes:
    return (GOLDEN / "v1" / f"{kind}.json").read_bytes()


@every(FACT_TYPES)
def test_a_fact_and_its_words_are_the_fact_again(kind: str) -> None:
    whole = decode.decode_fact(golden(kind))
    apart, words = take_apart(whole)
    raw = encode.encode_fact(apart, encode.encode_complaint(apart.complaint))
    read = decode.decode_fact(raw)
    assert read == apart
    found = decode.decode_texts(encode.encode_texts(words)) if words else None
    assert words == ({} if found is None else {name: getattr(found, name) for name in found.model_fields_set})
    again = put_together(read, found)
    for name in type(whole.fact).model_fields:
        if name not in {"text_ref", "title_length", "body_length", "content_digests", "completed_digests"}:
            assert getattr(again.fact, name) == getattr(whole.fact, name)


@every(FACT_TYPES)
def test_no_word_stays_in_a_fact_and_a_reader_of_the_last_release_reads_it(kind: str) -> None:
    whole = decode.decode_fact(golden(kind))
    apart, words = take_apart(whole)
    raw = encode.encode_fact(apart, encode.encode_complaint(apart.complaint))
    for text in _strings(json.loads(encode.encode_texts(words))):
        assert json.dumps(text, ensure_ascii=False).encode() not in raw
    value = json.loads(raw)
    for name in ("text_ref", "title_length", "body_length"):
        value["data"].pop(name, None)
    assert decode.decode_fact(json.dumps(value).encode()).fact.NAME == whole.fact.NAME
    assert b'content_digests":"' not in raw
    assert b'completed_digests":"' not in raw


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def test_the_fold_goes_by_lengths() -> None:
    whole = decode.decode_fact(golden("lapor.complaint.registered.v1"))
    apart, _ = take_apart(whole)
    assert isinstance(apart.fact, ComplaintRegistered)
    assert (apart.fact.report.title, apart.fact.report.body) == (PLACEHOLDER, PLACEHOLDER)
    assert folded(None, apart) == apart.complaint
    later, _ = take_apart(decode.decode_fact(golden("lapor.complaint.report-completed.v1")))
    assert isinstance(later.fact, ReportCompleted)
    postponed = apart.complaint.model_copy(update={"status": Status.POSTPONED})
    assert folded(postponed, later).report.body_length == later.complaint.report.body_length


def test_what_is_erased_reads_as_such() -> None:
    apart, _ = take_apart(decode.decode_fact(golden("lapor.complaint.registered.v1")))
    gone = put_together(apart, None).fact
    assert isinstance(gone, ComplaintRegistered)
    assert (gone.report.title, gone.report.body, gone.report.attachments) == (ERASED, ERASED, ())


@pytest.mark.parametrize("name", ["registered", "report-completed"])
def test_facts_of_a_time_with_their_words_are_read(name: str) -> None:
    recorded = decode.decode_fact((GOLDEN / "without-texts" / f"lapor.complaint.{name}.v1.json").read_bytes())
    assert isinstance(recorded.fact, Worded)
    assert recorded.fact.text_ref is None
    assert put_together(recorded, None) is recorded


def test_separated_texts_are_not_separated_again_and_reasons_of_lifecycle_stay() -> None:
    apart, _ = take_apart(decode.decode_fact(golden("lapor.complaint.replied.v1")))
    assert take_apart(apart) == (apart, {})
    closed = decode.decode_fact(golden("lapor.complaint.closed.v1"))
    by_deadline = closed.fact.model_copy(update={"by": "/stages/lifecycle", "reason": "no reply in time"})
    found, words = take_apart(_with(closed, by_deadline))
    assert (words, found.fact) == ({}, by_deadline)


def _with(recorded: Recorded, fact: Fact) -> Recorded:
    return Recorded(fact, recorded.at, recorded.cause, recorded.complaint)
