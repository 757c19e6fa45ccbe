"""Duplicate reports: the same text about the same place, from any sender and in any spacing.

Only texts that are equal word for word count. A description in other words is not detected, and the same text for two
streets is no duplicate: the place is compared too.
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
_UNTIDY: Final = 1_000


def fingerprint(report: ReportContent, policy: Policy) -> bytes | None:
    """Return a 16-byte fingerprint, equal for duplicate reports; None for a report that cannot be compared.

    That is so when the text has fewer letters and digits than the policy's `min_text`, when there is neither a place
    nor an office that it is for, and in a category of personal matters. Case, punctuation,
    spacing and where the title ends make no difference.
    """
    rules = policy.duplicates
    if report.category is not None and belongs(slug_of(report.category), rules.personal):
        return None
    text = plain(f"{report.title} {report.body}")
    where = _where(report.location, policy.directory) or (f"office {plain(report.office)}" if report.office else None)
    if where is None or len(text.replace(" ", "")) < rules.min_text:
        return None
    return blake2b(f"{text}\0{where}".encode(), digest_size=16).digest()


def _where(location: Location | None, directory: Directory) -> str | None:
    """Return the place in a canonical form: its coordinates, which are most exact, else its names."""
    if location is None or not location.known:
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

    Each takes about 400 bytes. Older ones than the window are dropped. A report that comes again after its complaint
    has ended is processed. The end or erasure of a complaint may be reported before the complaint is added.
    """

    def __init__(self, window: timedelta) -> None:
        self.window = window
        self._first: dict[bytes, bytes] = {}
        self._known: dict[bytes, tuple[bytes, bytes | None]] = {}
        self._newest = 0
        self._tidy_at = _UNTIDY

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, complaint: str) -> bool:
        return UUID(complaint).bytes in self._known

    def add(self, print_: bytes | None, at: datetime, complaint: str) -> None:
        """Add a report; the earlier of two stays the first within the window. `print_`: None if too short."""
        mine = _packed(at, complaint)
        if mine[8:] in self._known:
            return
        self._known[mine[8:]] = mine, print_
        self._newest = max(self._newest, _moment(mine))
        self._put(print_, mine)
        if len(self._known) > self._tidy_at:
            self._drop_expired()

    def _put(self, print_: bytes | None, mine: bytes) -> None:
        if print_ is None:
            return
        first = self._first.get(print_, mine)
        apart = _moment(mine) - _moment(first)
        reach = _milliseconds(self.window)
        if apart > reach or (-reach <= apart and mine < first) or print_ not in self._first:
            self._first[print_] = mine

    def remove(self, at: datetime, complaint: str, *, erased: bool = False) -> None:
        """Exclude a complaint that has ended, or whose report is erased, as an original, even if added later."""
        mine = _packed(at, complaint)
        before, print_ = self._known.get(mine[8:], (mine, None))
        if print_ is not None and self._first.get(print_) == before:
            del self._first[print_]
        self._known[mine[8:]] = before, None if erased else print_

    def put_back(self, complaint: str) -> None:
        """Include a reopened complaint as an original again, unless its report was erased or never added."""
        mine, print_ = self._known.get(UUID(complaint).bytes, (b"", None))
        self._put(print_, mine)

    def original(self, complaint: str, window: timedelta) -> str | None:
        """Return the first complaint with the same text, at most `window` before `complaint`; None without one."""
        mine, print_ = self._known.get(UUID(complaint).bytes, (b"", None))
        first = None if print_ is None else self._first.get(print_)
        if first is None or first >= mine or _moment(mine) - _moment(first) > _milliseconds(window):
            return None
        return str(UUID(bytes=first[8:]))

    def _drop_expired(self) -> None:
        oldest = self._newest - _milliseconds(self.window)
        self._first = {print_: first for print_, first in self._first.items() if _moment(first) >= oldest}
        self._known = {name: known for name, known in self._known.items() if _moment(known[0]) >= oldest}
        self._tidy_at = 2 * len(self._known) + _UNTIDY


def _packed(at: datetime, complaint: str) -> bytes:
    """Pack time and id into 24 bytes that sort by time, then by id."""
    return round(at.timestamp() * 1000).to_bytes(8, "big") + UUID(complaint).bytes


def _moment(packed: bytes) -> int:
    return int.from_bytes(packed[:8], "big")


def _milliseconds(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
