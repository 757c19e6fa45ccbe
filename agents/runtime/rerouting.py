"""Forwarding of a command to its own partition, with its original timestamp.

Kafka gives a forwarded record a new timestamp, which must not make a timely follow-up late. So `lifecycle` puts the
original timestamp into a signed header, and ignores unsigned ones.
"""

import re
from dataclasses import replace
from typing import Any, Final, cast

from agents.config.keys import Keys
from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import FORWARDED, OutgoingRecord
from events.provenance import header_value
from events.topics import TopicName

_PURPOSE: Final = "forwarding"
_CLAIM: Final = re.compile(rb"(?P<claim>[0-9]{1,9}/[0-9]{1,18}@(?P<ms>[0-9]{1,15})) (?P<signature>[!-~]{1,100})")


def forwarded(record: KafkaRecord, key: bytes, home: int, keys: Keys) -> OutgoingRecord:
    """Return the command `record` for the partition `home`, with its origin and original timestamp."""
    claim = b"%d/%d@%d" % (record.partition, record.offset, record.timestamp)
    signature = keys.sign(_PURPOSE, *_signed(record, home, claim))
    headers = [header for header in record.headers if header[0] != FORWARDED]
    headers.append((FORWARDED, b"%b %b" % (claim, signature.encode())))
    return OutgoingRecord(TopicName.COMMANDS, key, record.value, home, headers)


def with_original_timestamp(record: KafkaRecord, keys: Keys) -> KafkaRecord:
    """Return `record` with the timestamp that `forwarded` has signed, if any."""
    match = _CLAIM.fullmatch(header_value(record.headers, FORWARDED) or b"")
    if match is None:
        return record
    signed = _signed(record, record.partition, match["claim"])
    if not keys.verify(match["signature"].decode("ascii"), _PURPOSE, *signed):
        return record
    stamped: KafkaRecord = replace(cast(Any, record), timestamp=min(int(match["ms"]), record.timestamp))
    return stamped


def _signed(record: KafkaRecord, home: int, claim: bytes) -> tuple[bytes, ...]:
    return record.topic.encode(), b"%d" % home, claim, record.value or b""
