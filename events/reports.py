"""What a citizen reports, as a channel publishes it."""

from datetime import date
from operator import not_
from typing import Annotated, ClassVar, Final, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from events.cloudevents import (
    MAX_ATTRIBUTE,
    Attribute,
    Body,
    EarlierComplaint,
    Envelope,
    Frozen,
    Links,
    NewLinks,
    OptionalName,
    OptionalSubject,
    Title,
    unseen,
)
from events.ids import complaint_id
from events.vocabulary import ComplaintClass


def _null_is_empty(value: object) -> object:
    return "" if value is None else value


def _null_is_none(value: object) -> object:
    return () if value is None else tuple(value) if isinstance(value, list) else value


# channels write null for missing values; the second argument declares it in the published schema
_TITLE: Final = BeforeValidator(_null_is_empty, json_schema_input_type=Title | None)
_BODY: Final = BeforeValidator(_null_is_empty, json_schema_input_type=Body | None)
_ATTACHMENTS: Final = BeforeValidator(_null_is_none, json_schema_input_type=Links | None)


class Location(Frozen):
    """Place, by name, by coordinates (WGS 84, degrees), or both."""

    province: OptionalName = None
    city: OptionalName = None
    district: OptionalName = None
    village: OptionalName = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None

    @property
    def is_known(self) -> bool:
        """Whether it has any name, or a complete pair of coordinates."""
        named = self.province or self.city or self.district or self.village
        return bool(named) or (self.lat is not None and self.lon is not None)


class Reporter(Frozen):
    """The reporter. Stored on `complaints.identities` only."""

    name: OptionalName = None
    phone: OptionalName = None
    email: OptionalName = None
    subject: OptionalSubject = None
    """Commands from `/citizens/<subject>` about this complaint are the reporter's. A pseudonym, different for each
    report."""


class ReportContent(Frozen):
    """A report without its reporter, as in commands and facts."""

    class_: ComplaintClass = Field(alias="class")
    title: Annotated[Title, _TITLE] = ""
    body: Annotated[Body, _BODY] = ""
    category: OptionalName = None
    event_date: date | None = None
    location: Location | None = None
    office: OptionalName = None
    """The office that the reporter chose, if any."""
    anonymous: bool = False
    """*Anonim*: the reported party and the public do not learn who reports."""
    secret: bool = False
    """*Rahasia*: the public sees no content. Independent of `anonymous`."""
    attachments: Annotated[Links, _ATTACHMENTS] = ()
    follows: Annotated[EarlierComplaint, Field(exclude_if=not_)] = None
    """Tracking number or id of an earlier complaint that the report continues."""

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if not self.title and not self.body:
            msg = "a report needs a title or a body that is not empty"
            raise ValueError(msg)
        return self


class ReportData(ReportContent):
    """`data` of a submitted report."""

    # stricter than `ReportContent`, since facts may contain what earlier releases accepted
    attachments: Annotated[NewLinks, _ATTACHMENTS] = ()
    reporter: Reporter | None = None

    @model_validator(mode="after")
    def _has_visible_texts(self) -> Self:
        if unseen(self.title) and unseen(self.body):
            msg = "a report needs a title or a body that is not empty"
            raise ValueError(msg)
        return self

    def content(self) -> ReportContent:
        """Return the report without its reporter."""
        return ReportContent(**{name: getattr(self, name) for name in ReportContent.model_fields})


class ReportSubmitted(Envelope):
    """`lapor.report.submitted.v1`: a channel submits a citizen's report."""

    TYPE: ClassVar[str] = "lapor.report.submitted.v1"

    # "#" joins source and id in the complaint's name; in a source it would make two reports one
    source: Annotated[str, StringConstraints(min_length=1, max_length=MAX_ATTRIBUTE, pattern=r"^[^#\x00]+$")]
    id: Attribute
    data: ReportData

    @property
    def complaint_id(self) -> str:
        """The complaint id of this report."""
        return complaint_id(self.source, self.id)


class ReporterIdentity(Frozen):
    """The record of `complaints.identities` for a delivery of a report."""

    complaint_id: str
    reporter: Reporter
