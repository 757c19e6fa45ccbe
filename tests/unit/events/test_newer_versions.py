"""Two versions of the code side by side: additions of a newer one are ignored or refused."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents.config.policy_files import load
from agents.runtime.stage import Partition, RefusedToStart
from agents.stages.lifecycle import Lifecycle
from events.announcements import CALENDAR_TYPE
from events.codec import decode, encode, partial
from events.codec.parsing import read_ours
from events.commands import COMMANDS, command_type
from events.errors import InvalidCommand
from events.facts import FACTS, fact_type
from events.outcomes import Story
from events.provenance import WRITER
from events.snapshot import STATE_TYPE
from tests.support.tables import every

GOLDEN = Path(__file__).parent.parent.parent / "golden" / "v1"
COMMAND_TYPES = [command_type(each.NAME) for each in COMMANDS]
FACT_TYPES = [fact_type(each.NAME) for each in FACTS]


def golden(kind: str) -> bytes:
    return (GOLDEN / f"{kind}.json").read_bytes()


def _more(value: Any, *, names: bool = True) -> Any:
    """The same with a field more in every object in it, but where the names of the fields are data."""
    if isinstance(value, list):
        return [_more(each) for each in value]
    if not isinstance(value, dict):
        return value
    same = {name: _more(inner, names=name != "clocks") for name, inner in value.items()}
    return {"unheard_of": {"since": 2027}, **same} if names else same


def of_a_newer_version(raw: bytes) -> bytes:
    return json.dumps(_more(json.loads(raw)), separators=(",", ":")).encode()


@every(FACT_TYPES)
def test_a_fact_reads_as_if_they_were_not_there(kind: str) -> None:
    assert decode.decode_fact(of_a_newer_version(golden(kind))) == decode.decode_fact(golden(kind))


@pytest.mark.parametrize(
    ("kind", "decode"),
    [
        (STATE_TYPE, decode.decode_snapshot),
        (STATE_TYPE, functools.partial(partial.read_part, partial.Timetable)),
        (STATE_TYPE, lambda raw: decode.read_complaint(partial.snapshot_in(raw, ours=True).raw)),
        (CALENDAR_TYPE, decode.decode_calendar),
    ],
)
def test_what_is_kept_too(kind: str, decode: Callable[[bytes], object]) -> None:
    assert decode(of_a_newer_version(golden(kind))) == decode(golden(kind))


def test_a_story_too() -> None:
    story = Story(title="Jalan berlubang", answer="Sudah ditambal.")
    assert read_ours(Story, of_a_newer_version(encode.encode_value(story))) == story


@every(COMMAND_TYPES)
def test_a_command_of_a_stage_too_so_that_it_is_not_refused_for_good(kind: str) -> None:
    event = json.loads(golden(kind)) | {"source": "/stages/intake"}
    raw = json.dumps(event).encode()
    assert decode.decode_command(of_a_newer_version(raw)).data == decode.decode_command(raw).data


def test_invalid_data_of_a_stage_are_refused() -> None:
    event = json.loads(golden("lapor.command.rate-resolution.v1")) | {"source": "/stages/intake"}
    event["data"] |= {"rating": 9, "unheard_of": 1}
    with pytest.raises(InvalidCommand, match=r"data\.rating"):
        decode.decode_command(json.dumps(event).encode())


class TestTheOneThatWrites:
    """An older lifecycle after a newer one would write complaints without the fields that it lacks."""

    def restored(self, *records: tuple[str, bytes, int]) -> Lifecycle:
        lifecycle = Lifecycle(Partition(0, 1, load("lapor")))
        for offset, (key, value, writer) in enumerate(records):
            headers = (("writer", str(writer).encode()), ("source-offset", b"0"))
            lifecycle.restore(SimpleNamespace(key=key.encode(), value=value, offset=offset, headers=headers))
        return lifecycle

    def test_does_not_begin_over_the_complaints_of_a_newer_one(self) -> None:
        ours = golden(STATE_TYPE)
        complaint = json.loads(ours)["subject"]
        self.restored((complaint, ours, WRITER)).ready()
        with pytest.raises(RefusedToStart, match=r"newer version \(writer 2, this one is 1\)"):
            self.restored((complaint, ours, WRITER), (complaint, of_a_newer_version(ours), WRITER + 1)).ready()

    def test_nor_over_its_calendar(self) -> None:
        calendar = of_a_newer_version(golden(CALENDAR_TYPE))
        with pytest.raises(RefusedToStart, match="newer version"):
            self.restored(("calendar", calendar, WRITER + 1)).ready()
