"""Partial reads equal full parsing, for any layout of the JSON and any texts."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import commands as c
from events import facts as f
from events.announcements import AnnouncementEvent
from events.cloudevents import timestamp
from events.codec import decode, encode, partial
from events.errors import InvalidCommand, Undecodable
from events.ids import complaint_id
from events.snapshot import Complaint
from events.vocabulary import Status

GOLDEN = Path(__file__).parent.parent.parent / "golden" / "v1"
SNAPSHOT = json.loads((GOLDEN / "lapor.complaint.snapshot.v1.json").read_bytes())
FACT = json.loads((GOLDEN / "lapor.complaint.followed-up.v1.json").read_bytes())
ANNOUNCEMENT = json.loads((GOLDEN / "lapor.command.announce-holiday.v1.json").read_bytes())

MARKS = ['","status":"closed', '"complaint":{', '{"complaint":{"version":1}}', "}}}", '"data":{"complaint":', "\\"]
TEXTS = st.lists(st.one_of(st.sampled_from(MARKS), st.text(st.characters(codec="utf-8"), max_size=8))).map("".join)
MORE = st.recursive(
    TEXTS | st.integers(0, 99),
    lambda inner: st.dictionaries(
        st.sampled_from(["complaint", "data", "status", "version", "office", "policy", "calendar", "more"]), inner
    ),
    max_leaves=4,
)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same object with its fields in another order, at every depth."""
    if not isinstance(value, dict):
        return value
    names = list(value)
    order.shuffle(names)
    return {name: shuffled(value[name], order) for name in names}


@st.composite
def written(draw: st.DrawFn, event: dict[str, Any]) -> bytes:
    """An event in any form a client may write: other texts, unknown fields, any order of fields, any spacing."""
    event = json.loads(json.dumps(event))
    complaint = event["data"]["complaint"]
    complaint |= {
        "category": draw(TEXTS | st.none()),
        "channel": draw(TEXTS),
        "policy": draw(TEXTS),
        "office": draw(TEXTS | st.none()),
        "chosen_office": draw(TEXTS | st.none()),
        "calendar": draw(st.integers(0, 10**6)),
        "version": draw(st.integers(1, 10**9)),
        "status": draw(st.sampled_from([each.value for each in Status])),
    }
    for where in (event, event["data"], complaint):
        if draw(st.booleans()):
            where["more"] = draw(MORE)
    if draw(st.booleans()):
        event = shuffled(event, draw(st.randoms(use_true_random=False)))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", ":"), (",\n", " :\t")]))
    return json.dumps(event, separators=separators, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


def as_written_by_us(complaint: Complaint) -> bytes:
    return encode.encode_snapshot(complaint, encode.encode_complaint(complaint))


@given(written(SNAPSHOT))
def test_a_snapshot_in_parts_is_the_snapshot_in_full(raw: bytes) -> None:
    whole = decode.decode_snapshot(raw)
    ours = as_written_by_us(whole)
    for laid_out, by_us in ((raw, False), (ours, False), (ours, True)):
        found = partial.snapshot_in(laid_out, ours=by_us)
        assert decode.read_complaint(found.raw) == whole
        assert (found.complaint_id.decode(), found.version) == (whole.complaint_id, whole.version)
        assert found.status is whole.status
        summary = partial.summary_in(found.raw)
        assert summary in {None, (whole.complaint_id, whole.version, whole.status, whole.office)}
        basis = partial.basis_of(found.raw)
        assert (basis.policy, basis.calendar, basis.status) == (whole.policy, whole.calendar, whole.status)
        assert (basis.office, basis.chosen_office) == (whole.office, whole.chosen_office)
        timetable = partial.read_part(partial.Timetable, laid_out)
        assert (timetable.clocks, timetable.calendar) == (whole.clocks, whole.calendar)


@given(written(FACT))
def test_a_fact_in_parts_is_the_fact_in_full(raw: bytes) -> None:
    event = json.loads(raw)
    found = decode.decode_fact(raw)
    assert found.complaint == decode.read_complaint(json.dumps(event["data"]["complaint"]).encode())
    assert (found.fact.by, timestamp(found.at)) == (event["data"]["by"], event["time"])
    assert found.cause.id == event["causationid"]


@given(st.lists(st.sampled_from([*MARKS, ',"text_ref":"', "jalan"]), min_size=1).map("".join), st.booleans())
def test_a_fact_refers_to_its_words_where_it_says_so(text: str, apart: bool) -> None:  # noqa: FBT001 -- drawn
    golden = decode.decode_fact(json.dumps(FACT).encode())
    assert isinstance(golden.fact, f.FollowUpRecorded)
    fact = golden.fact.model_copy(update={"text": text, "text_ref": text if apart else None})
    raw = encode.encode_fact(golden._replace(fact=fact), encode.encode_complaint(golden.complaint))
    assert decode.decode_fact(raw).fact == fact
    assert partial.fact_type_in(raw) == FACT["type"]
    assert partial.is_apart(raw) is apart


@given(written(SNAPSHOT))
def test_our_own_layout_takes_the_fast_path(raw: bytes) -> None:
    """What we write is cut and not parsed: restoring a million depends on it."""
    ours = as_written_by_us(decode.decode_snapshot(raw))
    cut = partial._cut(ours)  # noqa: SLF001 -- the path, which the result does not show
    assert cut is not None
    assert partial._HEAD.match(cut) or b"\\" in cut  # noqa: SLF001 -- as above
    assert partial.summary_in(cut) or b"\\" in cut


@pytest.mark.parametrize("event", [SNAPSHOT, FACT])
def test_a_second_complaint_deeper_down_is_not_taken_for_the_first(event: dict[str, Any]) -> None:
    other = {"complaint": {**event["data"]["complaint"], "version": 999}}
    for extra in ({**event, "ext": {"a": 1, **other}}, {**event, "ext": {"data": other}}):
        raw = json.dumps(extra, separators=(",", ":")).encode()
        if event is FACT:
            assert decode.decode_fact(raw).complaint.version == event["data"]["complaint"]["version"]
        else:
            assert partial.snapshot_in(raw, ours=False).version == event["data"]["complaint"]["version"]


def test_an_announcement_is_known_whose_type_is_written_with_escapes() -> None:
    raw = json.dumps(ANNOUNCEMENT).replace("announce-holiday", "\\u0061nnounce-holiday", 1).encode()
    assert json.loads(raw)["type"] == AnnouncementEvent.TYPE
    assert decode.is_announcement(raw)


WITHDRAW = encode.encode_command(
    c.WithdrawComplaint(),
    source="/citizens/a",
    command_id="1",
    subject=complaint_id("/a", "1"),
    time=datetime(2026, 3, 2, tzinfo=UTC),
)
VERIFY = b'"type":"lapor.command.verify-complaint.v1"'


@pytest.mark.parametrize(
    "raw",
    [
        WITHDRAW,
        json.dumps(json.loads(WITHDRAW)).encode(),
        json.dumps(dict(reversed(json.loads(WITHDRAW).items())), indent=2).encode(),
        WITHDRAW.replace(b"{", b"{" + VERIFY + b",", 1),
        WITHDRAW[:-1] + b"," + VERIFY + b"}",
        WITHDRAW.replace(b'"data":{', b'"data":{' + VERIFY + b","),
        WITHDRAW.replace(b"withdraw-", b"\\u0077ithdraw-"),
        WITHDRAW.replace(b'"data":{', b'"data":{"reason":"\\"type\\":\\"lapor.command.close-complaint.v1\\""'),
        WITHDRAW.replace(b"withdraw", b"please"),
        WITHDRAW[:-1],
        WITHDRAW[:-1] + b',"ext":NaN}',
        WITHDRAW[:-1] + b',"ext":-Infinity}',
        b"\xff" + WITHDRAW,
    ],
)
def test_a_command_is_the_same_wherever_its_type_stands(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _read_command(raw)
    monkeypatch.setattr(partial, "command_type_in", lambda _raw: None)
    assert found == _read_command(raw)


def _read_command(raw: bytes) -> object:
    try:
        event = decode.decode_command(raw)
    except (InvalidCommand, Undecodable) as error:
        return type(error), str(error)
    return event.type, event.data
