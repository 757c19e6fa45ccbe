"""Hostile records: messages of the contract, changed almost beyond recognition.

The same seed makes the same records.
"""

import json
import random
import struct
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "v1"
LARGEST: Final = 1_000_000
COMPLAINTS: Final = 200
"""So many reports are real ones, sent again and again: what complaints take of memory shall not pass for a leak."""
_REPORT: Final = "lapor.report.submitted.v1"
_DEEP: Final = 50
_STAGES_ONLY: Final = "lapor.command.register-complaint.v1"
_ANNOUNCEMENT: Final = "lapor.command.announce-holiday.v1"

Lots = random.Random
Header = tuple[str, str | bytes | None]


@dataclass(slots=True)
class Hostile:
    """A record as it is sent; `partition` is None for that of its key."""

    value: bytes | None
    key: bytes | None = None
    headers: list[Header] = field(default_factory=list)
    partition: int | None = None
    timestamp: int = 0
    """Milliseconds; 0 is now."""


def examples(topic: str) -> list[dict[str, Any]]:
    """Return the golden messages of an inward topic."""
    prefix = "lapor.report." if topic == "complaints.intake" else "lapor.command."
    found = [json.loads(path.read_bytes()) for path in sorted(GOLDEN.glob(f"{prefix}*.json"))]
    return [event for event in found if event["type"] != "lapor.command.rejected.v1"]


def complaint(number: int) -> str:
    """Return the id of the real complaint of that number."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"/channels/fuzz#{number}"))


def made(lots: Lots, event: dict[str, Any]) -> dict[str, Any]:
    """Return an example with an id of its own, about one of the real complaints, from any sender."""
    number = lots.randrange(COMPLAINTS)
    event = json.loads(json.dumps(event))
    if event["type"] == _REPORT:
        return event | {"source": "/channels/fuzz", "id": str(number)}
    event["id"] = f"{lots.getrandbits(64):x}"
    if event["type"] == _ANNOUNCEMENT:
        # in force it would have to be in every partition: from other senders it is refused in each
        return event | {"source": "/citizens/fuzz"}
    if event["type"] == _STAGES_ONLY:
        # a producer that may write as /stages/intake can register unreported complaints: ACLs prevent that
        return event | {"source": "/citizens/fuzz"}
    if lots.random() < 0.9:
        event["subject"] = complaint(number)
    if lots.random() < 0.3:
        event["source"] = lots.choice(
            ["/offices/panrb", "/offices/denpasar-pupr", "/channels/fuzz", "/stages/sla", "/x"]
        )
    return event


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to each value of a message, up to some depth."""
    if len(way) > _DEEP:
        return []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way] * bool(way) + [found for key, inner in items for found in _places(inner, (*way, key))]


def _nested(lots: Lots) -> Any:
    value: Any = None
    for _ in range(lots.choice([10, 100, 200])):
        value = [value] if lots.random() < 0.5 else {"x": value}
    return value


_ODD: Final[tuple[Callable[[Lots], Any], ...]] = (
    lambda _: None,
    lambda _: True,
    lambda lots: lots.choice([0, -1, 2**31, 2**63, 2**64, 10**400, -(10**30), 1.5, -0.0, 1e308]),
    lambda lots: "x" * lots.choice([0, 1, 99, 100, 101, 256, 257, 300, 301, 2_048, 4_000, 4_001, 20_000, 20_001]),
    lambda lots: lots.choice(["\x00", "a\x00b", "\u202e", "\ud83d\ude00" * 50, "\\", '"', "\n", "é" * 101, "\u0000"]),
    lambda lots: lots.choice(["0000-01-01", "2026-02-30", "9999-12-31", "0001-01-01T00:00:00+14:00", "12/31/2026"]),
    lambda lots: ["https://example.org/foto.jpg"] * lots.choice([0, 1, 20, 21, 5_000]),
    lambda lots: {f"k{number}": number for number in range(lots.choice([0, 1, 2_000]))},
    _nested,
)


_NAMES: Final = ("", "urgent", "__proto__", "class_", "\x00", "id", "data", "x" * 300)


def changed(lots: Lots, event: dict[str, Any]) -> bytes:
    """Change, remove or add a field or two."""
    for _ in range(lots.randint(1, 3)):
        places = _places(event)
        if not places:
            break
        *way, last = lots.choice(places)
        inner: Any = event
        for key in way:
            inner = inner[key]
        match lots.randrange(4):
            case 0 | 1:
                inner[last] = lots.choice(_ODD)(lots)
            case 2:
                del inner[last]
            case _ if isinstance(inner, dict):
                inner[lots.choice(["", "urgent", "__proto__", "class_", "\x00", "id", "data", "x" * 300])] = (
                    lots.choice(_ODD)(lots)
                )
            case _:
                inner.append(lots.choice(_ODD)(lots))
    return json.dumps(event, ensure_ascii=lots.random() < 0.5).encode(errors="surrogatepass")


def doubled(lots: Lots, event: dict[str, Any]) -> bytes:
    """Repeat a name in an object: JSON leaves open which value counts."""
    name, value = lots.choice(list(event.items()))
    odd = json.dumps(lots.choice(_ODD)(lots))
    written = json.dumps(event).encode()
    return (
        written[:-1] + b"," + json.dumps(name).encode() + b":" + lots.choice([odd, json.dumps(value)]).encode() + b"}"
    )


def bent(lots: Lots, event: dict[str, Any]) -> bytes:
    """Flip bits, truncate, repeat, insert invalid UTF-8."""
    raw = bytearray(json.dumps(event).encode())
    for _ in range(lots.randint(1, 8)):
        if not raw:
            break
        at = lots.randrange(len(raw))
        match lots.randrange(5):
            case 0 | 1:
                raw[at] ^= 1 << lots.randrange(8)
            case 2:
                del raw[at:]
            case 3:
                raw[at:at] = lots.choice([b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\x00", b"\xf0\x9f", b"\\ud800"])
            case _:
                raw[at:at] = raw[max(0, at - lots.randint(1, 40)) : at]
    return bytes(raw)


def garbage(lots: Lots, event: dict[str, Any]) -> bytes | None:
    """Random bytes."""
    del event
    depth = lots.choice([200, 5_000, 50_000])
    return lots.choice(
        [
            None,
            b"",
            b" ",
            b"null",
            b"[]",
            b"{}",
            b"\xff" * 64,
            lots.randbytes(lots.randint(1, 300)),
            b"[" * depth,
            b'{"a":' * depth,
            b"[" * depth + b"]" * depth,
            b"9" * depth,
            b"-" + b"1" * 400 + b"e" + b"9" * 30,
        ]
    )


def huge(lots: Lots, event: dict[str, Any]) -> bytes:
    """As much as the topic accepts, in a field or around one."""
    room = lots.choice([20_000, 100_000, LARGEST - 4_000])
    match lots.randrange(4):
        case 0:
            event["data"][lots.choice(["title", "body", "text", "reason", "x"])] = "x" * room
        case 1:
            event["data"]["attachments"] = ["x" * 50] * (room // 56)
        case 2:
            event |= {f"attribute{number}": "x" for number in range(room // 30)}
        case _:
            return json.dumps(event).encode() + b" " * room
    return json.dumps(event).encode()


def sound(lots: Lots, event: dict[str, Any]) -> bytes:
    """A valid message."""
    del lots
    return json.dumps(event).encode()


_WAYS: Final = {changed: 40, bent: 25, garbage: 12, doubled: 8, sound: 14, huge: 0.4}
_ODD_HEADERS: Final[tuple[Callable[[Lots], Header], ...]] = (
    lambda lots: ("forwarded-from", f"{lots.randrange(6)}/{lots.randrange(50_000)}@1 derived:{'0' * 32}".encode()),
    lambda lots: ("forwarded-from", b"0/0@" + b"9" * lots.choice([1, 15, 16, 5_000]) + b" derived:0"),
    lambda lots: (
        "forwarded-from",
        lots.choice([None, b"", b"/", b"-1/-1", b"0/0/0", b"\xff/\xff", "\u0663/1".encode()]),
    ),
    lambda lots: ("replays", lots.choice([None, b"", b"-1", b"1", b"999999", b"9" * 5_000, b"\xff", b"1.5"])),
    lambda lots: ("replayed-from", lots.choice([b"complaints.dead-letters-0@0", b"x", b""])),
    lambda lots: (
        lots.choice(["discards", "replayed", "fact", "status", "stage", "topic", "", "x" * 1_000]),
        b"\x00\xff",
    ),
    lambda lots: ("content-type", lots.choice([b"text/plain", None, b"\xff"])),
)


def at_size_limit(event: dict[str, Any], size: int) -> list[Hostile]:
    """Return a message in records of exactly `size` bytes with key and headers; each part is the large one once."""
    small = json.dumps(event).encode()
    many: list[Header] = [("", b"")] * 5_000
    large: list[Header] = [("h", b"x" * (size - len(small) - 2))]
    shapes: list[tuple[bytes, list[Header], bytes | None]] = [
        (b"k", [], None),
        (b"k" * (size - len(small)), [], small),
        (b"k", large, small),
        (b"k", many, None),
    ]
    found = []
    for key, headers, value in shapes:
        beside = len(key) + sum(len(name) + len(content or b"") for name, content in headers)
        found.append(Hostile(value or small + b" " * (size - beside - len(small)), key, headers))
    return found


def batch_of_one(size: int) -> Hostile:
    """Return a record that makes a batch of `size` bytes by itself; nearly all of it is the key."""
    key = b"k" * (size - 100)
    return Hostile(b"{}", key + b"k" * (size - len(_batch(key, b"{}"))))


def _batch(key: bytes, value: bytes, *headers: tuple[str, bytes]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2 * len(key) + LARGEST)
    builder.append(0, int(time.time() * 1000), key, value, list(headers))
    return bytes(builder.build())


def _key(lots: Lots, event: dict[str, Any]) -> bytes | None:
    own = str(event.get("subject", event["id"])).encode()
    odd = [None, b"", b"calendar", b"\xff\xfe", b"x" * 10_000, complaint(lots.randrange(COMPLAINTS)).encode()]
    return own if lots.random() < 0.7 else lots.choice(odd)


def hostile(lots: Lots, found: list[dict[str, Any]], partitions: int) -> Hostile:
    """Make one record out of the examples `found`."""
    event = made(lots, lots.choice(found))
    key = _key(lots, event)
    [way] = lots.choices(list(_WAYS), list(_WAYS.values()))
    value = way(lots, event)
    odd = lots.choice([1, 1, 2, 30]) if lots.random() < 0.2 else 0
    headers = [lots.choice(_ODD_HEADERS)(lots) for _ in range(odd)]
    partition = lots.randrange(partitions) if lots.random() < 0.2 else None
    now = int(time.time() * 1000)
    timestamp = lots.choice([1, now - 10**12, now + 60_000]) if lots.random() < 0.05 else 0
    return Hostile(value, key, headers, partition, timestamp)


def unreadable(value: bytes = b"{}") -> bytes:
    """Return the bytes of a batch with one record whose header name is not UTF-8.

    A client written in C, Go or Java sends that as readily as any other; those of Python cannot unpack it.
    """
    raw = bytearray(_batch(b"k", value, ("name", b"value")).replace(b"name", b"\xff\xfe\xfd\xfc"))
    struct.pack_into(">I", raw, 17, calc_crc32c(bytes(raw[21:])))  # where the batch has its checksum, and what it is of
    return bytes(raw)
