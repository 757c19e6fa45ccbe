"""Service requests of Open311 GeoReport v2 as reports of the contract.

Read are the fields of the standard's answers (`GET requests`) and of what its clients send (`POST requests`), see
https://wiki.open311.org/GeoReport_v2: one request, a list of them, or one a line.
"""

import math
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any, Final

from pydantic_core import from_json

from agents.bridges.items import Item, Settled, Skipped, UnreadableFile, Unusable, item_of
from agents.bridges.lines import LONGEST
from agents.bridges.reports import TableOptions
from agents.bridges.rows import quoted, read
from events.client.channel import report_event

SOURCE: Final = "/channels/open311"

_LISTS: Final = ("service_requests", "requests")
"""Under what some servers put the list, instead of giving it by itself."""
_CLOSED: Final = "closed"


def open311_reports(lines: Iterator[bytes], options: TableOptions, now: datetime) -> Iterator[Item]:
    """Give what comes of each service request, numbered from 1.

    Raises:
        UnreadableFile: it is no JSON, no list of requests, or too large to be read in one piece.
    """
    return _items(_requests(lines), options, now)


def _items(requests: Iterable[Any], options: TableOptions, now: datetime) -> Iterator[Item]:
    for number, request in enumerate(requests, start=1):
        if isinstance(request, UnreadableFile):
            yield Skipped(number, str(request))
        else:
            yield item_of(number, partial(_report, request, options, now))


def _requests(lines: Iterator[bytes]) -> Iterable[Any]:
    first = next(lines, b"").removeprefix(BOM_UTF8)
    alone = _parsed(first)
    if isinstance(alone, dict) and not any(name in alone for name in _LISTS):
        return chain([alone], (_parsed(line) for line in lines if line.strip()))
    whole = _parsed(b"".join(_limited(chain([first], lines))))
    if isinstance(whole, UnreadableFile):
        raise whole
    if isinstance(whole, dict):
        return next((found for name in _LISTS if isinstance(found := whole.get(name), list)), [whole])
    if isinstance(whole, list):
        return whole
    raise UnreadableFile("is no list of service requests")


def _limited(lines: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for line in lines:
        size += len(line)
        if size > LONGEST:
            raise UnreadableFile(f"is one list of over {LONGEST:,} bytes: write one request a line, or several files")
        yield line


def _parsed(raw: bytes) -> Any:  # noqa: ANN401 -- whatever JSON holds
    try:
        return from_json(raw)
    except ValueError as error:
        return UnreadableFile(f"is no JSON: {error}")


def _report(request: object, options: TableOptions, now: datetime) -> dict[str, Any]:
    if not isinstance(request, dict):
        raise Unusable("is no object")
    said = {str(name): text for name, value in request.items() if (text := _text(str(name), value)) is not None}
    if "service_request_id" not in said:
        raise Unusable("service_request_id: missing; without it the request would be another one each time it is sent")
    if said.get("status", "").casefold() == _CLOSED and not options.settled:
        raise Settled
    made_at = _moment(said.get("requested_datetime"), now)
    data = _data(said, _links(request.get("media_url")), options)
    return report_event(options.source or SOURCE, said["service_request_id"], data, made_at)


def _data(said: Mapping[str, str], links: list[str], options: TableOptions) -> dict[str, Any]:
    service = said.get("service_name") or said.get("service_code")
    address = said.get("address_string") or said.get("address")
    where = ", ".join(part for part in (address, said.get("zipcode")) if part)
    body = "\n\n".join(part for part in (said.get("description"), f"Alamat: {where}" if where else None) if part)
    data: dict[str, Any] = {"class": options.complaint_class, "title": service, "body": body, "attachments": links}
    if service:
        data["category"] = read("category", service)
    if place := _place(said):
        data["location"] = place
    name = " ".join(said[part] for part in ("first_name", "last_name") if part in said)
    reporter = {"name": name, "phone": said.get("phone"), "email": said.get("email")}
    if any(reporter.values()):
        data["reporter"] = reporter
    return data


_READ: Final = frozenset(
    {
        *("service_request_id", "service_name", "service_code", "description", "status", "requested_datetime"),
        *("lat", "long", "address", "address_string", "zipcode", "first_name", "last_name", "phone", "email"),
    }
)


def _text(name: str, value: object) -> str | None:
    """Return a field as text: servers write ids and coordinates as numbers or as text; None for what is not given."""
    if name not in _READ or value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unusable(f"{name}: is no text")
    return str(value).strip() or None


def _place(said: Mapping[str, str]) -> dict[str, object]:
    place = {ours: read(ours, said[theirs]) for ours, theirs in (("lat", "lat"), ("lon", "long")) if theirs in said}
    # in the sea off Africa: what many forms send for a place that is not known
    nowhere = all(isinstance(degrees, float) and math.isclose(degrees, 0.0) for degrees in place.values())
    return {} if nowhere else place


def _links(value: object) -> list[str]:
    found = [link for link in (value if isinstance(value, list) else [value]) if link is not None]
    links = [link.strip() for link in found if isinstance(link, str)]
    if len(links) != len(found):
        raise Unusable("media_url: is no link")
    return [link for link in links if link]


def _moment(text: str | None, now: datetime) -> datetime:
    """Read when a request was made, in UTC unless it says otherwise; `now` if it does not say."""
    if text is None:
        return now
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unusable(f"requested_datetime: {quoted(text)} is no time (such as 2026-03-16T09:11:00+07:00)") from None
