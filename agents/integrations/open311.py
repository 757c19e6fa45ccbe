"""Service requests of Open311 GeoReport v2 as entries: JSON or XML, with the envelopes and attributes of cities.

Fields are those of responses (`GET requests`) and of clients' requests (`POST requests`), see
https://wiki.open311.org/GeoReport_v2.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from agents.integrations.entries import ADDED, SOURCE, Entry, Skipped, UnreadableFile, Unusable
from agents.integrations.layouts import Layout, catalogue
from agents.integrations.privacy import named_values, privacy_within, speaks_of_privacy

LAYOUT: Final = Layout(name="Open311 (GeoReport v2)", source="/channels/open311", needs=("id",))

_ID: Final = "service_request_id"
_MARKS: Final = (_ID, "service_code", "service_name", "requested_datetime")
_FIELDS: Final = {
    **{name: name for name in ("status", "description", "address", "zipcode", "phone", "email", "lat", "category")},
    **{name: name for name in ("first_name", "last_name")},
    _ID: "id",
    "description": "body",
    "address_string": "address",
    "long": "lon",
    "lon": "lon",
    "requested_datetime": "received",
}
_TEXTS: Final = (
    *("description", "title", "service_name", "service_code", "category", "status", "status_notes", "address"),
    *("address_string", "agency_responsible", "service_notice"),
)
"""Fields with free text."""
_ENVELOPE: Final = "envelope"
_ENVELOPES: Final = ("service_requests", "requests")
_ATTRIBUTES: Final = ("attributes", "extended_attributes", "attribute")
_LINKS: Final = ("media_url", "media_urls", "photos", "photo", "media", "attachments", "images")


def looks_like_requests(value: object) -> bool:
    """Return whether JSON contains service requests, judging by the first one."""
    requests = requests_in(value)
    if not requests:
        return isinstance(value, Mapping) and any(name in value for name in _ENVELOPES)
    first = _flat(requests[0]) if isinstance(requests[0], Mapping) else {}
    return "specversion" not in first and any(name in first for name in _MARKS)


def requests_in(value: object) -> list[Any]:
    """Return the requests of a document: a list, one request, or one in an envelope."""
    if isinstance(value, list):
        return value
    if not isinstance(value, Mapping) or any(name in value for name in _MARKS):
        return [value]
    lists: list[Any] = [
        each for each in value.values() if isinstance(each, list) and any(isinstance(part, Mapping) for part in each)
    ]
    inner: list[Any] = [each for each in value.values() if isinstance(each, Mapping)]
    chosen = lists or inner
    if len(chosen) != 1:
        return [] if any(each == [] for each in value.values()) else [value]
    requests: list[Any] = chosen[0] if lists else requests_in(chosen[0])
    # flags of the envelope apply to each request
    around = {name: each for name, each in value.items() if each is not chosen[0]}
    if not speaks_of_privacy(around):
        return requests
    return [{**each, _ENVELOPE: around} if isinstance(each, Mapping) else each for each in requests]


def entries_of(requests: Iterator[tuple[int, Any]], ignored: Collection[str] = ()) -> Iterator[Entry | Skipped]:
    """Yield each request as an entry; names in `ignored` are not treated as privacy flags."""
    for number, request in requests:
        yield _entry(number, request, ignored)


def _entry(number: int, request: object, ignored: Collection[str]) -> Entry | Skipped:
    if isinstance(request, UnreadableFile):
        return Skipped(number, str(request))
    if not isinstance(request, Mapping):
        return Skipped(number, "is not an object", request)
    fields = _flat(request)
    attributes: dict[str, Any] = {}
    for attribute, value in named_values({name: fields[name] for name in _ATTRIBUTES if name in fields}):
        attributes.setdefault(attribute, value)
    cells: dict[str, str] = {}
    try:
        for theirs, ours in _FIELDS.items():
            if (text := _text(theirs, fields.get(theirs))) is not None:
                cells.setdefault(ours, text)
        service = _text("service_name", fields.get("service_name")) or _text("service_code", fields.get("service_code"))
        title = _text("title", fields.get("title")) or attributes.get("title")
        cells |= {"title": title or service or "", "category": service or ""}
        for name in catalogue().fields["follows"]:
            if (earlier := _text(name, fields.get(name, attributes.get(name)))) is not None:
                cells.setdefault("follows", earlier)
        cells |= privacy_within(fields, ignored, _TEXTS)
    except (ValueError, Unusable) as error:
        return Skipped(number, str(error), request)
    if "id" not in cells:
        return Skipped(
            number, f"{_ID}: missing; without it the request would be another one each time it is sent", request
        )
    # two names for the same list
    links = tuple(fields[name] for name in _LINKS if fields.get(name)) + tuple(
        attributes[name] for name in _LINKS if attributes.get(name)
    )
    source = request.get(SOURCE)
    return Entry(number, cells, request, links, source if isinstance(source, str) else None)


def _flat(request: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the fields of a request, including those in GeoJSON's `properties` and `geometry`."""
    fields = {str(name): value for name, value in request.items() if name not in ADDED}
    if isinstance(inner := fields.get("properties"), Mapping):
        fields |= {str(name): value for name, value in inner.items()}
    match fields.get("geometry"):
        case {"type": "Point", "coordinates": [lon, lat, *_]}:
            fields = {"lat": lat, "long": lon} | fields
    return fields


def _text(name: str, value: object) -> str | None:
    """Return a field, text or a number, as text; None for a missing value."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{name}: is not text")  # noqa: TRY004 -- becomes the reason for a skipped entry
    return str(value).strip() or None


def from_xml(content: bytes) -> list[Any]:
    """Return the requests of an XML document; raise UnreadableFile if it contains no service requests."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        what = type(error).__name__ if isinstance(error, DefusedXmlException) else error
        raise UnreadableFile(f"is not readable XML: {what}") from None
    name = _tag(root)
    if name in {"workbook", "html"}:
        raise UnreadableFile(f"is a {name} written as XML: save it as .xlsx or CSV")
    if name in _ENVELOPES and not len(root):
        return []
    try:
        value = _value(root)
    except RecursionError:
        raise UnreadableFile(f"is XML of {name}, nested too deeply") from None
    requests = requests_in({name: value, **_marks(root)} if isinstance(value, list) else value)
    if not requests or not all(
        isinstance(each, Mapping) and any(mark in each for mark in _MARKS) for each in requests[:1]
    ):
        raise UnreadableFile(f"is XML of {name}, not a list of service requests")
    return requests


def _value(element: Element) -> object:
    children = [(_tag(child), _value(child), _marks(child)) for child in element]
    if not children:
        return (element.text or "").strip() or None
    tags = {tag for tag, _, _ in children}
    if element.get("type") == "array" or (
        len(tags) == 1 and (len(children) > 1 or f"{children[0][0]}s" == _tag(element))
    ):
        return [_with(marks, value) for _, value, marks in children]
    members: dict[str, Any] = _marks(element)
    for tag, value, marks in children:
        if marks and not isinstance(value, Mapping):
            members[f"@{tag}"] = _with(marks, value)
        if tag in members:
            before = members[tag]
            members[tag] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            members[tag] = value
    return members


def _with(marks: dict[str, Any], value: object) -> object:
    """Return the value of an element together with its attributes."""
    return {**marks, "value": value} if marks and not isinstance(value, Mapping) else value


def _marks(element: Element) -> dict[str, Any]:
    """Return the attributes of an element, except those that declare the type of its value."""
    named = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    return {f"@{name}": value for name, value in named.items() if name not in {"type", "nil", "lang", "schemaLocation"}}


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2].casefold()
