"""The original time of a forwarded command: what lifecycle has signed counts, and nothing else."""

from dataclasses import dataclass, replace
from typing import Any

from agents.config.keys import Keys
from agents.kafka.records import FORWARDED
from agents.runtime.rerouting import forwarded, with_original_timestamp
from tests.support.tables import every

KEY = b"419535e9-5c83-5206-857a-a7517e758cf7"
KEYS = Keys.derived("test")
FIRST, SECOND, THIRD = 1_773_628_800_000, 1_773_628_801_000, 1_773_628_802_000


@dataclass(frozen=True)
class Record:
    """As much of a record as forwarding looks at."""

    partition: int = 2
    offset: int = 17
    timestamp: int = FIRST
    value: bytes = b"{}"
    headers: tuple[tuple[str, bytes | None], ...] = (("traceparent", b"x"),)
    topic: str = "t.complaints.commands"


def original_timestamp(record: Any, keys: Keys = KEYS) -> int:
    return int(with_original_timestamp(record, keys).timestamp)


def sent_on(record: Any, home: int, at: int, offset: int = 40) -> Any:
    """The record as it comes in `home`."""
    output = forwarded(with_original_timestamp(record, KEYS), KEY, home, KEYS)
    assert (output.key, output.value, output.partition) == (KEY, record.value, home)
    return Record(output.partition, offset, at, record.value, tuple(output.headers))


def test_the_first_timestamp_counts_also_when_a_command_is_forwarded_twice() -> None:
    once = sent_on(Record(), 3, SECOND)
    assert original_timestamp(once) == FIRST
    assert ("traceparent", b"x") in once.headers
    twice = sent_on(once, 1, THIRD)
    assert original_timestamp(twice) == FIRST
    [claim] = [value for name, value in twice.headers if name == FORWARDED]
    assert claim is not None
    assert claim.startswith(b"3/40@%d " % FIRST)


def test_a_claim_counts_for_its_record_alone() -> None:
    genuine = sent_on(Record(), 3, SECOND)
    for copied in (
        replace(genuine, value=b"{ }"),
        replace(genuine, partition=1),
        replace(genuine, topic="u.complaints.commands"),
        replace(genuine, headers=((FORWARDED, b"2/17@%d" % FIRST), *genuine.headers)),
        replace(genuine, headers=((FORWARDED, dict(genuine.headers)[FORWARDED].replace(b"@1", b"@0")),)),
    ):
        assert original_timestamp(copied) == SECOND
    assert original_timestamp(genuine, Keys.derived("other")) == SECOND


def test_a_log_whose_clock_went_back_makes_nothing_later() -> None:
    assert original_timestamp(sent_on(Record(timestamp=SECOND), 3, FIRST)) == FIRST


@every(
    [
        *(None, b"", b"/", b"2/17", b"2/17@1", b"-1/0@1 a:b", b"2/17@1 ", b"2/17@1 a:b\n", b"2/17@1 \xff"),
        *(b"2/17@1 derived:" + b"0" * 32, b"2/17@" + b"9" * 5_000 + b" a:b"),
    ]
)
def test_an_invalid_claim_is_ignored(claim: bytes | None) -> None:
    assert original_timestamp(Record(headers=((FORWARDED, claim),))) == FIRST
