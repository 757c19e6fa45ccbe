"""Conversion of entries to reports: rows of tables, and requests of Open311, which have the same fields."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from hashlib import blake2b
from typing import Any, Final
from zoneinfo import ZoneInfo

from agents.integrations import cells as read
from agents.integrations.cells import BadValue, quoted
from agents.integrations.dates import Implausible, Order, Stamp, plausible_day, read_date, read_time, reported_at
from agents.integrations.entries import SOURCE, BadLayout, Entry, LayoutLine, Settled, Unusable
from agents.integrations.layouts import Layout, StatusWords, catalogue
from agents.integrations.privacy import is_no_name, privacy
from events.client.channel import report_event
from events.cloudevents import EARLIER, MAX_NAME
from events.vocabulary import ComplaintClass
from workflow.machine.permissions import NAMES_A_PERSON, names_a_person

_RULE: Final = re.compile(r"[-:_=\s]+")
_AMOUNT: Final = re.compile(r"(?:(?:rp|idr)\b\.?\s*)?-?(?!0\d)\d[\d.,\s]*(?:,-|%)?", re.IGNORECASE)
"""A number, an amount of money or a percentage, but no phone number with a leading zero."""
_ROUNDED: Final = re.compile(r"[0-9][.,][0-9]+[eE]\+?[0-9]+")
ZONE: Final = "Asia/Jakarta"
"""Default zone of times without one."""
_PLACES: Final = ("province", "city", "district", "village")
_NEEDED: Final = frozenset(
    {"id", "class", "status", "privacy", "anonymous", "secret", "public", "name", "first_name", "last_name"}
)
"""Fields whose invalid value refuses a report; names are among them, since a name may be `Anonim`."""
_CHANGING: Final = frozenset({"id", "status", "received", "received_time", "final"})
"""Fields that are not part of the digest of a report without an id, since they may change."""


@dataclass(frozen=True)
class ImportOptions:
    """Options for converting entries to reports."""

    source: str | None = None
    """The channel; by default that of the layout."""
    origin: str | None = "/channels/web"
    """The channel of a table of unknown layout; None if `--source` is required."""
    complaint_class: ComplaintClass = ComplaintClass.COMPLAINT
    settled: bool = False
    """Import entries that are settled in their source system too."""
    words: StatusWords = field(default_factory=StatusWords)
    zone: tzinfo | None = None
    """Zone of times without one; by default that of the layout."""
    anywhere: bool = False
    """Accept coordinates outside the country."""
    offices: Callable[[str], tuple[str, str | None]] = lambda text: (text, None)
    """Returns the id of an office by its name in a cell; else the name, and what is wrong with it."""

    @property
    def times_of(self) -> tzinfo:
        """The time zone of times without one."""
        return self.zone or ZoneInfo(ZONE)

    def within(self, layout: Layout, *, named: bool = False) -> "ImportOptions":
        """Return the options with defaults of a layout; raise BadLayout without a channel, unless entries name it."""
        origin = self.source or layout.source or self.origin
        if origin is None and not named:
            raise BadLayout(
                "the channel of its ids is unknown: name it with --source, the same each time (/channels/web "
                "where nothing else is)"
            )
        return replace(self, origin=origin, zone=self.zone or ZoneInfo(layout.zone or ZONE))


class Maker:
    """Builds reports from entries; two entries without an id are two reports, even with the same content.

    Without a column for ids, an id is a digest of the content, so that the same file yields the same ids.
    """

    def __init__(
        self, layout: Layout, options: ImportOptions, orders: Mapping[str, Order | None], now: datetime, *, no_id: bool
    ) -> None:
        self._layout = layout
        self._options = options
        self._orders = orders
        self._now = now
        self._no_id = no_id
        self._id_counts: dict[str, int] = {}

    def report(self, entry: Entry) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the report as JSON, with a note per dropped value; raise Unusable, LayoutLine or Settled."""
        notes: list[str] = []
        cells = _values(entry.cells, notes)
        if names := [cells[part] for part in ("first_name", "last_name") if part in cells]:
            cells.setdefault("name", " ".join(names))
        _refuse_sums(cells, entry.raw)
        number = self._id(cells)
        over = self._options.words.is_over(cells.get("status", ""))
        if over is None and not self._options.settled:
            word = quoted(cells["status"])
            raise Unusable(f"status: {word} is not known: explain it with --open-as {word} or --closed-as {word}")
        if over and not self._options.settled:
            raise Settled
        received = self._received(cells, notes)
        data = self._data(cells, received, notes)
        data["attachments"], left_out = read.links([*entry.links, cells.get("attachments", "")])
        source = self._options.source or entry.source or self._options.origin
        if source is None:
            raise Unusable(f"{SOURCE}: empty, and there is no --source")
        event = report_event(source, number, data, received or self._now)
        return event, (*notes, *left_out)

    def _id(self, cells: Mapping[str, str]) -> str:
        if not self._no_id:
            number = cells.get("id", "")
            if not number:
                raise Unusable("id: empty")
            if _ROUNDED.fullmatch(number):
                raise Unusable(f"id: {quoted(number)} was rounded by a spreadsheet: export it again, with ids as text")
            if self._layout.id and not re.fullmatch(self._layout.id, number):
                raise Unusable(
                    f"id: {quoted(number)} is not a Tracking ID (digits); if a spreadsheet has changed it, export it "
                    "again and leave that column as text"
                )
            return number
        content = "\x1f".join(f"{name}\x1e{cells[name]}" for name in sorted(cells.keys() - _CHANGING))
        made = blake2b(content.encode(), digest_size=12).hexdigest()
        self._id_counts[made] = self._id_counts.get(made, 0) + 1
        return made if self._id_counts[made] == 1 else f"{made}-{self._id_counts[made]}"

    def _received(self, cells: Mapping[str, str], notes: list[str]) -> datetime | None:
        stamp = self._stamp("received", cells, notes)
        if stamp is None:
            return None
        clock = None
        if "received_time" in cells and (clock := read_time(cells["received_time"])) is None:
            notes.append(f"received_time: {quoted(cells['received_time'])} is not a time of day")
        try:
            return reported_at(stamp, clock, self._options.times_of, self._now)
        except Implausible as error:
            notes.append(f"received: {quoted(cells['received'])} {error}")
            return None

    def _stamp(self, field_: str, cells: Mapping[str, str], notes: list[str]) -> Stamp | None:
        if field_ not in cells:
            return None
        stamp = read_date(cells[field_], self._orders.get(field_), self._options.times_of)
        if stamp is None:
            order = f" written {order}" if (order := self._orders.get(field_)) else ""
            notes.append(f"{field_}: {quoted(cells[field_])} is not a date{order}")
        return stamp

    def _data(self, cells: Mapping[str, str], received: datetime | None, notes: list[str]) -> dict[str, Any]:
        anonymous, secret = privacy(cells)
        data: dict[str, Any] = {
            "class": read.complaint_class(cells["class"]) if "class" in cells else self._options.complaint_class,
            "title": cells.get("title"),
            "body": _body(cells),
            "anonymous": anonymous,
            "secret": secret,
        }
        if "category" in cells:
            data["category"] = read.category(cells["category"])
        if stamp := self._stamp("event_date", cells, notes):
            try:
                reported = (received or self._now).astimezone(self._options.times_of).date()
                data["event_date"] = plausible_day(stamp.day, reported).isoformat()
            except Implausible as error:
                notes.append(f"event_date: {quoted(cells['event_date'])} {error}")
        if "follows" in cells:
            if re.fullmatch(EARLIER, number := cells["follows"].removeprefix("#")):
                data["follows"] = number
            else:
                notes.append(f"follows: {quoted(number)} is neither a tracking number nor a complaint id")
        place: dict[str, object] = {part: cells[part] for part in _PLACES if part in cells}
        try:
            place |= read.coordinates(cells, anywhere=self._options.anywhere)
        except BadValue as error:
            notes.append(str(error))
        if place:
            data["location"] = place
        if "office" in cells:
            data["office"], wrong = self._options.offices(cells["office"][:MAX_NAME])
            notes.extend([f"office: {wrong}"] if wrong else [])
        if reporter := _reporter(cells, notes):
            data["reporter"] = reporter
        return data


def _values(entry: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """Return the cells with a value, with a note per error; raise Unusable for an error in a required one."""
    cells = {}
    for name, cell in entry.items():
        if error := read.error_of(cell):
            if name in _NEEDED:
                raise Unusable(f"{name}: {error}")
            notes.append(f"{name}: {error}")
        elif text := read.readable(cell):
            cells[name] = text
    return cells


def _refuse_sums(cells: Mapping[str, str], raw: object) -> None:
    """Raise LayoutLine for a row with only a total or a separator, Unusable for one that may be such a row.

    Its texts may be a citizen's, so it is not silently ignored. Requests have no such rows.
    """
    first = cells.get("id", cells.get("title", ""))
    texts = [cells[part] for part in ("title", "body", "final") if part in cells]
    if not _is_sum(first) and not (texts and all(map(_RULE.fullmatch, texts))):
        word = _word_of_sum(first)
        if word and isinstance(raw, list) and _may_be_sum(raw, first, word):
            raise Unusable(
                f"{quoted(first)} may be the line of a sum: of a sum leave out the line, or write {word} alone there; "
                "of a report give the rest of its text, or begin it with another word"
            )
        return
    if is_layout(raw):
        raise LayoutLine
    if _is_sum(first):
        raise Unusable(
            f"begins as the line of a sum ({quoted(first)}), and has more than amounts: begin a report with another "
            "word, or leave out the line of a sum"
        )
    raise Unusable(f"{quoted(texts[0])} is not text: a report needs a title or a body with words")


def is_layout(raw: object) -> bool:
    """Check whether a row has only a total or a separator."""
    row = _texts(raw) if isinstance(raw, list) else []
    return bool(row) and (_is_of_amounts(row, row[0]) if _is_sum(row[0]) else all(map(_RULE.fullmatch, row)))


def _texts(row: Iterable[Any]) -> list[str]:
    return [text for cell in row if (text := read.as_written(cell).strip())]


def _is_of_amounts(row: Iterable[Any], first: str) -> bool:
    """Check whether a row has only amounts, separators, and `first`, which merged cells repeat."""
    return all(text == first or _AMOUNT.fullmatch(text) or _RULE.fullmatch(text) for text in _texts(row))


def _may_be_sum(row: Iterable[Any], first: str, word: str) -> bool:
    """Check whether `first` labels a total: beside amounts only, or with only an amount or no letter after `word`."""
    if not _is_of_amounts(row, first):
        return False
    behind = first[len(word) :].lstrip(" :=-")
    beside = any(text != first and _AMOUNT.fullmatch(text) for text in _texts(row))
    return beside or _AMOUNT.fullmatch(behind) is not None or not any(map(str.isalpha, behind))


def _is_sum(text: str) -> bool:
    return text.casefold().rstrip(" :") in catalogue().words["sums"]


def _word_of_sum(text: str) -> str:
    """Return the longest word for a total that a text begins with."""
    words = (text[: len(word)] for word in catalogue().words["sums"] if text.casefold().startswith(word))
    return max((word for word in words if not text[len(word) : len(word) + 1].isalnum()), key=len, default="")


def _body(cells: Mapping[str, str]) -> str:
    # the citizen's text, not an administrator's version of it
    words = cells.get("body") or cells.get("final", "")
    where = ", ".join(cells[part] for part in ("address", "zipcode") if part in cells)
    return "\n\n".join(part for part in (words, f"Alamat: {where}" if where else "") if part)


def _reporter(cells: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    reporter = {part: cells[part] for part in ("name", "phone", "email", "subject") if part in cells}
    if is_no_name(reporter.get("name", "")):
        reporter.pop("name", None)
    if names_a_person(subject := reporter.get("subject", "")):
        notes.append(f"subject: {quoted(subject)} {NAMES_A_PERSON}")
        del reporter["subject"]
    return reporter
