"""The complaints of a partition, as bytes: those that are open as they are, those that are settled packed.

A settled complaint is seldom asked for again, and has to be known for good: for its rating, for repeats, for refusals.
Packed it takes a fifth. Nothing is packed that does not come out again as it went in: that is tried each time.

What is packed never leaves the process, so its form may change with any version.
"""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from events.codec.messages import encode_complaint
from events.reports import Location
from events.snapshot import Complaint, ReportReference
from events.vocabulary import ComplaintClass, Outcome, Status

_OPENING: Final = '{"complaint_id":"'
_OPENED: Final = len(_OPENING) + 36
"""So long is what the name says: the rest is packed."""
_DIGESTS: Final = b',"recent":["'
_BETWEEN: Final = b'","'
_ENDING: Final = b'"]}'
_DIGEST_BYTES: Final = 8
_NAME_BYTES: Final = 16
_SIZE_BYTES: Final = 2
_WINDOW: Final = -12
"""4 kB, which is the dictionary and a snapshot; raw, since what comes out is compared."""
_MEMORY: Final = 4
"""So little that a compressor is copied in a microsecond."""
_LEVEL: Final = 3
_DRAWERS: Final = 65_536


def _examples() -> bytes:
    """Write settled complaints as they are written everywhere: what they have in common with others costs nothing."""
    moment = datetime(2026, 3, 16, 2, tzinfo=UTC)
    archived = Complaint(
        complaint_id="",
        tracking_id="1000000",
        version=2,
        status=Status.ARCHIVED,
        class_=ComplaintClass.INFORMATION_REQUEST,
        category=None,
        location=None,
        channel="sms",
        report=ReportReference(source="/channels/sms", id="sms-000001", title_length=30, body_length=90, dated=False),
        anonymous=True,
        secret=True,
        chosen_office=None,
        policy="lapor/2025-01-01",
        received_at=moment,
        updated_at=moment,
        outcome=Outcome.ARCHIVED,
        closed_at=moment,
        working_days=0,
    )
    changes: dict[str, object] = {
        "version": 6,
        "status": Status.WITHDRAWN,
        "class_": ComplaintClass.ASPIRATION,
        "category": "pendidikan",
        "location": Location(province="Jawa Barat", city="Kota Bandung"),
        "channel": "app",
        "report": archived.report.model_copy(update={"source": "/channels/app", "id": "app-000001", "dated": True}),
        "office": "bandung-disdik",
        "outcome": Outcome.WITHDRAWN,
    }
    withdrawn = archived.model_copy(update=changes)
    changes = {
        "version": 8,
        "status": Status.CLOSED,
        "class_": ComplaintClass.COMPLAINT,
        "category": "infrastruktur-jalan",
        "location": Location(province="Bali", city="Kabupaten Badung", district="Kuta Utara"),
        "channel": "web",
        "report": withdrawn.report.model_copy(update={"source": "/channels/web", "id": "web-000001"}),
        "anonymous": False,
        "secret": False,
        "office": "badung-pupr",
        "round": 1,
        "outcome": Outcome.RESOLVED,
        "working_days": 5,
        "rating": 4,
    }
    # the likeliest last: what is near is referred to in fewer bits
    return b"".join(map(encode_complaint, (archived, withdrawn, withdrawn.model_copy(update=changes))))


_DICTIONARY: Final = _examples()
_PACK: Final = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
_UNPACK: Final = zlib.decompressobj(_WINDOW, _DICTIONARY)


def packed(name: bytes, snapshot: bytes) -> bytes | None:
    """Pack the snapshot of the complaint whose id has the 16 bytes `name`; None if `unpacked` would not give it back.

    What no dictionary knows is taken out first: the id, which is the name, and the digests, which are bytes.
    """
    head, _, digests = snapshot.rpartition(_DIGESTS)
    try:
        binary = bytes.fromhex(digests.removesuffix(_ENDING).replace(_BETWEEN, b"").decode())
    except ValueError:
        return None
    pack = _PACK.copy()
    found = pack.compress(head[_OPENED:]) + pack.flush() + binary
    try:
        return found if unpacked(name, found) == snapshot else None
    except zlib.error:
        return None


def unpacked(name: bytes, found: bytes) -> bytes:
    """Give back what was `packed` under that name."""
    unpack = _UNPACK.copy()
    head = unpack.decompress(found)
    digests = unpack.unused_data.hex(",", _DIGEST_BYTES).encode().replace(b",", _BETWEEN)
    return b"%b%b%b%b%b" % (_opened(name), head, _DIGESTS, digests, _ENDING)


def _opened(name: bytes) -> bytes:
    digits = name.hex()
    return f"{_OPENING}{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()


class CompressedTable:
    """Short values by names of 16 bytes, many in one drawer: an object, a name and a place for each would cost as much.

    Args:
        count: how many drawers there are; with a million values sixteen lie in each.
    """

    def __init__(self, count: int = _DRAWERS) -> None:
        # by Python's hash, which nobody outside can foresee: no sender can fill one drawer
        self._drawers = [b""] * count
        self._held = 0

    def __len__(self) -> int:
        """Return how many values there are."""
        return self._held

    def get(self, name: bytes) -> bytes | None:
        """Return the value of that name."""
        drawer = self._drawers[hash(name) % len(self._drawers)]
        place = _place(drawer, name)
        return None if place is None else drawer[place.start + _NAME_BYTES + _SIZE_BYTES : place.stop]

    def add(self, name: bytes, value: bytes) -> bool:
        """Put a value in, under a name that has none; say whether it is short enough."""
        if len(value) >= 1 << (8 * _SIZE_BYTES):
            return False
        number = hash(name) % len(self._drawers)
        self._drawers[number] = b"%b%b%b%b" % (self._drawers[number], name, len(value).to_bytes(_SIZE_BYTES), value)
        self._held += 1
        return True

    def discard(self, name: bytes) -> None:
        """Take the value of that name out, if there is one."""
        number = hash(name) % len(self._drawers)
        drawer = self._drawers[number]
        place = _place(drawer, name)
        if place is not None:
            self._drawers[number] = drawer[: place.start] + drawer[place.stop :]
            self._held -= 1


def _place(drawer: bytes, name: bytes) -> range | None:
    """Find where an entry lies: name, size, value."""
    if name not in drawer:  # nearly always all there is to do
        return None
    start = 0
    while start < len(drawer):
        value = start + _NAME_BYTES + _SIZE_BYTES
        stop = value + int.from_bytes(drawer[value - _SIZE_BYTES : value])
        if drawer.startswith(name, start):
            return range(start, stop)
        start = stop
    return None


class ComplaintStore:
    """Snapshots by the 16 bytes of the complaint's id.

    Args:
        drawers: in how many drawers the packed ones lie.
    """

    def __init__(self, drawers: int = _DRAWERS) -> None:
        self._plain: dict[bytes, bytes] = {}
        self._packed = CompressedTable(drawers)

    def __len__(self) -> int:
        """Return how many complaints there are."""
        return len(self._plain) + len(self._packed)

    def get(self, name: bytes) -> bytes | None:
        """Return the snapshot of a complaint, as it was put in."""
        snapshot = self._plain.get(name)
        if snapshot is not None:
            return snapshot
        found = self._packed.get(name)
        return None if found is None else unpacked(name, found)

    def put(self, name: bytes, snapshot: bytes) -> None:
        """Put a snapshot in, in place of the one before."""
        if name not in self._plain:
            self._packed.discard(name)
        self._plain[name] = snapshot

    def remove(self, name: bytes) -> None:
        """Take a complaint out, if it is there."""
        if self._plain.pop(name, None) is None:
            self._packed.discard(name)

    def pack(self, name: bytes) -> None:
        """Pack a complaint that is settled: 16 µs now, and 5 µs more when it is asked for."""
        snapshot = self._plain.get(name)
        found = None if snapshot is None else packed(name, snapshot)
        if found is not None and self._packed.add(name, found):
            del self._plain[name]

    def plain(self) -> Iterator[tuple[bytes, bytes]]:
        """Give name and snapshot of what is not packed: all open complaints, and some that are settled."""
        return iter(self._plain.items())
