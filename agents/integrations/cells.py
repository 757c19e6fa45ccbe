"""Conversion of table cells to values of the contract."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic_core import from_json

from agents.integrations.entries import NO_RESULT, Unusable
from agents.integrations.layouts import catalogue, plain
from events.cloudevents import LINK_SCHEMES, MAX_LINK, MAX_LINKS, MAX_NAME, unseen
from events.vocabulary import ComplaintClass
from events.wording import FORMULA

_SHOWN: Final = 40
_ERROR: Final = re.compile(r"#(?:N/A|[A-Z0-9/_]+[!?])|#{3,}|Err:[0-9]{3}")
_OF_LINKS: Final = ("url", "href", "src", "link", "media_url", "value")
_BETWEEN: Final = re.compile(r"\s+|[,;|]\s*(?=https?:|$)")
_DATA_URI_END: Final = re.compile(r"[\s,;|]+(?=https?:)")
"""Separator after a data: URI, which itself contains separators and often line ends."""
_QUOTED: Final = re.compile(r'="((?:[^"]|"")*)"')


class BadValue(ValueError):
    """An invalid value, which is dropped from its report; the message is the reason."""


def as_written(cell: str) -> str:
    """Return the original text of a cell that was defused, or is a formula that keeps zeros: ="0042"."""
    if text := _QUOTED.fullmatch(cell):
        return text[1].replace('""', '"')
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def quoted(cell: str) -> str:
    """Return a cell for a message: quoted, printable and shortened."""
    printed = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cell[:_SHOWN])
    return f"'{printed}'" if len(cell) <= _SHOWN else f"'{printed}...'"


def error_of(cell: str) -> str | None:
    """Return why a cell has no value (an error, or a formula without a result); None if it has one."""
    if cell == NO_RESULT:
        return "is a formula without a result in the file: open it in a spreadsheet and save it"
    return f"{quoted(cell)} is an error of the spreadsheet" if _ERROR.fullmatch(cell.strip()) else None


def complaint_class(cell: str) -> str:
    """Return the class that a cell names; raise Unusable if it names none."""
    name = plain(cell)
    try:
        return catalogue().classes.get(name) or ComplaintClass(name)
    except ValueError:
        raise Unusable(f"class: {quoted(cell)} is not a class; use one of {', '.join(ComplaintClass)}") from None


def category(cell: str) -> str:
    """Return a category, in most exports free text, as a slug."""
    return (plain(cell).replace("_", "-") or cell)[:MAX_NAME]


def coordinates(cells: Mapping[str, str], *, anywhere: bool) -> dict[str, float]:
    """Return the coordinates of a report, if any; raise BadValue if they are invalid or implausible."""
    degrees = {name: _degrees(name, cells[name]) for name in ("lat", "lon") if cells.get(name)}
    if not degrees:
        return {}
    if len(degrees) == 1:
        raise BadValue(f"{next(iter(degrees))}: given without the other coordinate")
    lat, lon = degrees["lat"], degrees["lon"]
    where = f"{lat:g}, {lon:g}"
    if lat == lon == 0:
        raise BadValue(f"lat, lon: {where} is in the sea off Africa, which stands for an unknown place")
    country = catalogue().country
    swapped = _within(country, lon, lat) or (abs(lat) > 90 and abs(lon) <= 90)  # noqa: PLR2004 -- degrees
    if not _within(country, lat, lon) and swapped:
        raise BadValue(f"lat, lon: {where} look swapped: map lat and lon the other way round")
    if abs(lat) > 90 or abs(lon) > 180:  # noqa: PLR2004 -- degrees
        raise BadValue(f"lat, lon: {where} is not a place on earth")
    if not anywhere and not _within(country, lat, lon):
        raise BadValue(f"lat, lon: {where} lies outside {country['name']} (--anywhere keeps it)")
    return degrees


def _within(country: Mapping[str, Any], lat: float, lon: float) -> bool:
    (south, north), (west, east) = country["lat"], country["lon"]
    return bool(south <= lat <= north and west <= lon <= east)


def _degrees(name: str, cell: str) -> float:
    try:
        degrees = float(cell.replace(",", ".") if "." not in cell else cell)
    except ValueError:
        degrees = math.nan
    if not math.isfinite(degrees):
        raise BadValue(f"{name}: {quoted(cell)} is not a number of degrees")
    return degrees


def links(values: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Return the attachments in texts, lists or objects with a link, and reasons for dropped ones."""
    attachments: list[str] = []
    notes: list[str] = []
    for each in _flat(values):
        link = each if isinstance(each, str) else ""
        if reason := _no_link(each, link):
            notes.append(f"attachment: {reason}")
        elif link and link not in attachments:
            attachments.append(link)
    if len(attachments) > MAX_LINKS:
        notes.append(f"attachment: there are {len(attachments)}; {len(attachments) - MAX_LINKS} are left out")
    return attachments[:MAX_LINKS], notes


def _flat(nested_value: object) -> list[object]:
    if isinstance(nested_value, list | tuple):
        return [each for part in nested_value for each in _flat(part)]
    if isinstance(nested_value, Mapping):
        # an attribute of XML has an @ before its name
        named = [link for name in _OF_LINKS if (link := nested_value.get(name) or nested_value.get(f"@{name}"))]
        # XML lists are one element inside another
        nested = [value for value in nested_value.values() if isinstance(value, list | Mapping)]
        return _flat(named[0]) if named else _flat(nested) if nested else [nested_value] if nested_value else []
    if isinstance(nested_value, str):
        return _in_text(nested_value.strip())
    return [] if nested_value is None else [nested_value]


def _in_text(text: str) -> list[object]:
    """Return the links in a text, separated by space or punctuation, or in JSON."""
    if text[:1] in {"[", "{"}:
        with suppress(ValueError):
            return _flat(from_json(text))
    between = _DATA_URI_END if text[:5].casefold() == "data:" else _BETWEEN
    return [part for part in between.split(text) if part]


def _no_link(value: object, link: str) -> str | None:
    if not isinstance(value, str):
        return "is not a link"
    if not link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return f"{quoted(link)} is not a link"
    if parts.scheme.casefold() not in LINK_SCHEMES or not parts.netloc:
        what = f"a {parts.scheme}: link" if parts.scheme else quoted(link)
        return f"{what} is not an attachment: use http or https"
    return f"has {len(link):,} characters, over {MAX_LINK:,}" if len(link) > MAX_LINK else None


def readable(cell: str) -> str:
    """Return a text, empty if nothing of it is visible; raise Unusable for undecodable bytes."""
    text = cell.strip()
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Unusable("is not in the encoding of the file (--encoding names another)")
    return "" if text == "-" or unseen(text) else text
