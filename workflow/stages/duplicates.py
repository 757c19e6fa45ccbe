"""Duplicate reports: the same words about the same place, from any sender.

A description in other words is not detected.
"""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final
from uuid import UUID

from events.reports import Location, ReportContent
from workflow.policy import place_names
from workflow.policy.model import Policy
from workflow.policy.offices import Directory, belongs, slug_of
from workflow.policy.plain_text import plain

_DECIMALS: Final = 3
"""Places of a coordinate in degrees: 0.001 is about 110 m on the equator, where the country lies."""
_MIN_CLEANUP: Final = 1_000


def fingerprint(report: ReportContent, policy: Policy) -> bytes | None:
    """Return a 16-byte fingerprint, equal for duplicate reports; None for a report that cannot be compared.

    That is one with fewer letters and digits than the policy's `min_text`, without a place and an office, or in a
    category of personal matters. Case, punctuation, spacing and where the title ends are ignored.
    """
    rules = policy.duplicates
    if report.category is not None and belongs(slug_of(report.category), rules.personal):
        return None
    text = plain(f"{report.title} {report.body}")
    where = _place_of(report.location, policy.directory) or (
        f"office {plain(report.office)}" if report.office else None
    )
    if where is None or len(text.replace(" ", "")) < rules.min_text:
        return None
    return blake2b(f"{text}\0{where}".encode(), digest_size=16).digest()


def _place_of(location: Location | None, directory: Directory) -> str | None:
    """Return the place in a canonical form: its coordinates, else its names."""
    if location is None or not location.is_known:
        return None
    if location.lat is not None and location.lon is not None:
        # adding zero turns -0.0 into 0.0
        return f"{round(location.lat, _DECIMALS) + 0:.3f} {round(location.lon, _DECIMALS) + 0:.3f}"
    area = directory.area(location.province, location.city or "")
    names = (
        place_names.province(location.province or ""),
        f"{area.kind} {area.name}" if area.kind else area.name,
        place_names.locality(location.district or ""),
        place_names.locality(location.village or ""),
    )
    return "\0".join(names) if any(names) else None


class Index:
    """Index of the first open complaint with each text, within `window` before the newest one.

    About 400 bytes per complaint; older ones are dropped. A repeat of an ended complaint is not a duplicate. The end or
    erasure of a complaint may be reported before the complaint is added.
    """

    def __init__(self, window: timedelta) -> None:
        self.window = window
        self._originals: dict[bytes, bytes] = {}
        self._fingerprints: dict[bytes, tuple[bytes, bytes | None]] = {}
        self._newest = 0
        self._drop_at = _MIN_CLEANUP

    def __len__(self) -> int:
        return len(self._fingerprints)

    def __contains__(self, complaint: str) -> bool:
        return UUID(complaint).bytes in self._fingerprints

    def add(self, print_: bytes | None, at: datetime, complaint: str) -> None:
        """Add a report; the earlier of two stays the first within the window. `print_`: None if too short."""
        mine = _packed(at, complaint)
        if mine[8:] in self._fingerprints:
            return
        self._fingerprints[mine[8:]] = mine, print_
        self._newest = max(self._newest, _moment(mine))
        self._put(print_, mine)
        if len(self._fingerprints) > self._drop_at:
            self._drop_expired()

    def _put(self, print_: bytes | None, mine: bytes) -> None:
        if print_ is None:
            return
        first = self._originals.get(print_, mine)
        apart = _moment(mine) - _moment(first)
        reach = _milliseconds(self.window)
        if apart > reach or (-reach <= apart and mine < first) or print_ not in self._originals:
            self._originals[print_] = mine

    def remove(self, at: datetime, complaint: str, *, erased: bool = False) -> None:
        """Exclude a complaint that has ended, or whose report is erased, as an original, even if added later."""
        mine = _packed(at, complaint)
        before, print_ = self._fingerprints.get(mine[8:], (mine, None))
        if print_ is not None and self._originals.get(print_) == before:
            del self._originals[print_]
        self._fingerprints[mine[8:]] = before, None if erased else print_

    def put_back(self, complaint: str) -> None:
        """Include a reopened complaint as an original again, unless its report was erased or never added."""
        mine, print_ = self._fingerprints.get(UUID(complaint).bytes, (b"", None))
        self._put(print_, mine)

    def original(self, complaint: str, window: timedelta) -> str | None:
        """Return the first complaint with the same text, at most `window` before `complaint`; None without one."""
        mine, print_ = self._fingerprints.get(UUID(complaint).bytes, (b"", None))
        first = None if print_ is None else self._originals.get(print_)
        if first is None or first >= mine or _moment(mine) - _moment(first) > _milliseconds(window):
            return None
        return str(UUID(bytes=first[8:]))

    def _drop_expired(self) -> None:
        oldest = self._newest - _milliseconds(self.window)
        self._originals = {print_: first for print_, first in self._originals.items() if _moment(first) >= oldest}
        self._fingerprints = {name: entry for name, entry in self._fingerprints.items() if _moment(entry[0]) >= oldest}
        self._drop_at = 2 * len(self._fingerprints) + _MIN_CLEANUP


def _packed(at: datetime, complaint: str) -> bytes:
    """Pack time and id into 24 bytes that sort by time, then by id."""
    return round(at.timestamp() * 1000).to_bytes(8, "big") + UUID(complaint).bytes


def _moment(packed: bytes) -> int:
    return int.from_bytes(packed[:8], "big")


def _milliseconds(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
