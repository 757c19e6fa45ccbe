"""Base of all messages: frozen models, limits on every field, and the CloudEvents envelope."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from operator import is_
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

CONTENT_TYPE: Final = "application/cloudevents+json"

_LAST_STAMP_MS: Final = 253_370_764_799_000
"""The last second of 9998, which is valid in any zone."""
MAX_TITLE: Final = 300
MAX_BODY: Final = 20_000
MAX_TEXT: Final = 4_000
MAX_NAME: Final = 100
MAX_LINK: Final = 2_048
MAX_LINKS: Final = 20
MAX_ATTRIBUTE: Final = 256

# U+0000 is legal JSON, but crashes many databases downstream.
_NO_NUL: Final = r"^[^\x00]*$"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
# invisible characters of a visible category
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(0xFE00 + n) for n in range(16)}
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
LINK_SCHEMES: Final = ("http", "https")
"""Allowed schemes of links to attachments or evidence."""
_set: Final = object.__setattr__
"""Setter for an attribute of a frozen model."""


def _short(limit: int, least: int = 0) -> StringConstraints:
    return StringConstraints(min_length=least, max_length=limit, pattern=_NO_NUL, strip_whitespace=True)


def _not_given(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _blank_is_null(limit: int) -> BeforeValidator:
    # forms send an empty text for an empty field; the schema allows it by the second argument
    return BeforeValidator(_not_given, json_schema_input_type=Annotated[str, _short(limit)] | None)


Name = Annotated[str, _short(MAX_NAME, 1)]
"""A name or a slug: category, office, place; 1-100 characters."""
OptionalName = Annotated[Name | None, _blank_is_null(MAX_NAME)]
"""An optional name; a blank one is null."""
Subject = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, pattern=r"^[^/\s\x00]+$")]
"""The channel's identifier of a citizen, in the source `/citizens/<subject>`."""
OptionalSubject = Annotated[Subject | None, _blank_is_null(MAX_NAME)]
EARLIER: Final = r"[1-9][0-9]{5,14}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
"""Pattern of a tracking number or a complaint id; a NIK (16 digits) does not match."""
EarlierComplaint = Annotated[
    Annotated[str, StringConstraints(pattern=f"^({EARLIER})$", strip_whitespace=True, to_lower=True)] | None,
    BeforeValidator(
        _not_given,
        json_schema_input_type=Annotated[str, StringConstraints(pattern=rf"^\s*({EARLIER})?\s*$")] | None,
    ),
]
"""Optional tracking number or id of another complaint."""
Title = Annotated[str, _short(MAX_TITLE)]
Line = Annotated[str, _short(MAX_TITLE, 1)]
"""A line of text: the name of a holiday, a decree; 1-300 characters."""
Body = Annotated[str, _short(MAX_BODY)]
OptionalTitle = Annotated[Title | None, _blank_is_null(MAX_TITLE)]
OptionalBody = Annotated[Body | None, _blank_is_null(MAX_BODY)]
Text = Annotated[str, _short(MAX_TEXT, 1)]
"""Free text: a reason, a follow-up, a reply; 1-4,000 characters."""
Link = Annotated[str, _short(MAX_LINK, 1)]
Attribute = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ATTRIBUTE, pattern=_NO_NUL)]
"""A CloudEvents attribute such as `source` or `id`."""


class Frozen(BaseModel):
    """A value of the contract: immutable and strictly typed; undeclared fields are refused by name."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the model as pydantic does, in a fifth of the time, since it has no extra and private fields."""
        if deep:
            return super().model_copy(update=update, deep=True)
        copied = self.__class__.__new__(self.__class__)
        changed, fields_set = update or {}, self.__pydantic_fields_set__
        _set(copied, "__dict__", {**self.__dict__, **changed})
        # a frozen model never changes this set: copies share it
        _set(
            copied,
            "__pydantic_fields_set__",
            fields_set if fields_set.issuperset(changed) else fields_set.union(changed),
        )
        _set(copied, "__pydantic_extra__", None)
        _set(copied, "__pydantic_private__", None)
        return copied


UNLESS_NONE: Final = Field(exclude_if=partial(is_, None))
"""For a field that most messages have no value for: then it is left out."""


class Attachment(Frozen):
    """Link to a file."""

    url: Link
    name: OptionalName = None
    media_type: OptionalName = None


Links = Annotated[tuple[Link | Attachment, ...], Field(max_length=MAX_LINKS)]
"""Attachments or evidence: links, or objects with a url; at most 20."""


def unseen(text: str) -> bool:
    """Return whether a text is invisible: empty, or only zero-width characters and fillers."""
    if text.isascii():
        return not text.strip()
    return all(letter in _FILLERS or unicodedata.category(letter) in _UNSEEN for letter in text)


def _linked(links: tuple[Link | Attachment, ...]) -> tuple[Link | Attachment, ...]:
    for each in links:
        link = each.url if isinstance(each, Attachment) else each
        # browsers ignore white space and control characters in a scheme
        scheme = _SCHEME.match("".join(letter for letter in link if unicodedata.category(letter) not in _UNSEEN))
        if scheme and scheme[1].casefold() not in LINK_SCHEMES:
            msg = f"a link with {scheme[1][:20]}: is not an attachment: use http or https"
            raise ValueError(msg)
    return links


NewLinks = Annotated[Links, AfterValidator(_linked)]
"""Attachments or evidence in new messages; facts may have what earlier releases accepted, see `Links`."""


class Envelope(BaseModel):
    """CloudEvents 1.0 context attributes; unknown attributes are legal and ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)

    specversion: Literal["1.0"]
    type: Attribute
    source: Attribute
    id: Attribute
    time: AwareDatetime | None = None


class AboutComplaint(Envelope):
    """An envelope whose `subject` is a complaint id."""

    subject: UUID


def log_moment(milliseconds: int) -> datetime:
    """Return the timestamp of a record as a UTC datetime.

    Kafka accepts timestamps outside the range of datetime: one before 1970 becomes the beginning of that year, one
    after 9998 its end.
    """
    return datetime.fromtimestamp(min(max(milliseconds, 0), _LAST_STAMP_MS) / 1000, UTC)


def timestamp(moment: datetime) -> str:
    """Format a timezone-aware UTC datetime as RFC 3339 with milliseconds, the resolution of the log."""
    # in place of "+00:00"; strftime takes eight times as long, and every message has a time
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"
