"""The messages of the contract as JSON Schemas (2020-12), generated from the models.

In messages to the engine, fields with a default are optional and unknown fields are refused. In messages from the
engine, a field is missing only if the schema does not require it, and more may be added.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from agents.contract.compatibility import Side
from agents.contract.parties import ERASURE, IDENTITY, STORY, TEXTS
from events import announcements, cloudevents, commands, facts, outcomes, reports, snapshot, texts
from events.announcements import CALENDAR_TYPE, AnnouncementEvent, Announcements
from events.cloudevents import Envelope, Frozen
from events.commands import COMMANDS, Command, CommandEvent, command_type
from events.facts import FACTS, Fact, fact_type
from events.outcomes import Rejection, Resolution, ResolutionReopened, Story
from events.reports import ReporterIdentity, ReportSubmitted
from events.snapshot import STATE_TYPE, Complaint
from events.texts import Erasure, FactTexts

_FACT_DATA: Final = "Data"  # suffix of a fact's name: its fields and the snapshot after it
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_Rising = Annotated[str, Field(pattern="^[0-9]{10}$", description="increases with each change; compares as text")]


class _Ours(Envelope):
    """Envelope of the engine's messages: time is required, and ids may be longer than in messages to the engine."""

    id: str
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"


class _OnComplaint(_Ours):
    subject: UUID


class _FactEnvelope(_OnComplaint):
    id: Annotated[str, Field(description="complaint id and version, joined by a slash")]
    sequence: _Rising
    causationid: Annotated[str, Field(description="id of the causing command")]
    causationsource: Annotated[str, Field(description="source of the causing command")]


class _RejectionEnvelope(_Ours):
    subject: Annotated[UUID | Literal["calendar"], Field(description="subject of the refused command")]
    causationid: Annotated[str, Field(description="id of the refused command")]


class _SequencedEnvelope(_OnComplaint):
    sequence: _Rising


class _CalendarEnvelope(_Ours):
    subject: Literal["calendar"]
    sequence: _Rising


class State(Frozen):
    """Snapshot of a complaint; the last one is its present state."""

    complaint: Complaint


def _event(kind: str, envelope: type[BaseModel], data: type[BaseModel] | None) -> type[BaseModel]:
    fields: dict[str, Any] = {"type": (Literal[kind], ...)}
    if data is not None:
        fields["data"] = (data, ...)
    return create_model(kind, __base__=envelope, __doc__=(data or envelope).__doc__, **fields)


def _fact_data(fact: type[Fact]) -> type[BaseModel]:
    whole: type[BaseModel] = create_model(
        f"{fact.__name__}{_FACT_DATA}",
        __base__=fact,
        __doc__=fact.__doc__,
        complaint=(Complaint, Field(description="snapshot after it")),
    )
    return whole


def _command_event(command: type[Command]) -> type[BaseModel]:
    event: Any = CommandEvent.__class_getitem__(command)
    fields: dict[str, Any] = {"type": (Literal[command_type(command.NAME)], ...)}
    return create_model(command_type(command.NAME), __base__=event, __doc__=command.__doc__, **fields)


@cache
def _described() -> dict[str, dict[str, str]]:
    """Return the docstrings of fields by class and field, which pydantic would parse at every start."""
    descriptions: dict[str, dict[str, str]] = {}
    for module in (announcements, cloudevents, commands, facts, outcomes, reports, snapshot, texts):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                descriptions[node.name] = dict(_descriptions(node))
    return descriptions


def _descriptions_of(name: str) -> dict[str, str]:
    described = _described()
    fact = described.get(name.removesuffix(_FACT_DATA)) if name.endswith(_FACT_DATA) else None
    return described.get(name, {}) if fact is None else described["Fact"] | described["Worded"] | fact


def _descriptions(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, doc in pairwise(node.body):
        match field, doc:
            case (ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text)))):
                yield name, inspect.cleandoc(text)


class _Plain(GenerateJsonSchema):
    """JSON Schemas without generated titles, in which a written message has all fields but those with `exclude_if`."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ANN401, FBT001 -- as the method it overrides
        left_out = "serialization_exclude_if" in field
        return (self.mode == "serialization" and not left_out) or super().field_is_required(field, total)


def _schema(kind: str, model: type[BaseModel], mode: JsonSchemaMode) -> Schema:
    schema = model.model_json_schema(mode=mode, schema_generator=_Plain)
    for name, definition in [("CommandEvent", schema), *schema.get("$defs", {}).items()]:
        for field, doc in _descriptions_of(name).items():
            if field in definition.get("properties", {}):
                definition["properties"][field].setdefault("description", doc)
        if mode == "serialization" and definition.get("additionalProperties") is False:
            # readers must ignore unknown fields
            del definition["additionalProperties"]
    return {"$schema": _DIALECT, **schema, "title": kind}


@cache
def read_by_us() -> Mapping[str, type[BaseModel]]:
    """Return the model of each message that others may send to the engine, by its CloudEvents type."""
    report = _event(ReportSubmitted.TYPE, ReportSubmitted, None)
    announcement = _event(AnnouncementEvent.TYPE, AnnouncementEvent, None)
    return {ReportSubmitted.TYPE: report, AnnouncementEvent.TYPE: announcement} | {
        command_type(each.NAME): _command_event(each) for each in COMMANDS
    }


@cache
def written_by_us() -> Mapping[str, type[BaseModel]]:
    """Return the model of each message that the engine writes, by its CloudEvents type."""
    kinds: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
        fact_type(fact.NAME): (_FactEnvelope, _fact_data(fact)) for fact in FACTS
    }
    kinds[STATE_TYPE] = (_SequencedEnvelope, State)
    kinds[CALENDAR_TYPE] = (_CalendarEnvelope, Announcements)
    kinds[Rejection.TYPE] = (_RejectionEnvelope, Rejection)
    kinds |= {each.TYPE: (_SequencedEnvelope, each) for each in (Resolution, ResolutionReopened)}
    return {kind: _event(kind, envelope, data) for kind, (envelope, data) in kinds.items()}


_VALUES: Final[Mapping[str, type[BaseModel]]] = {
    IDENTITY: ReporterIdentity,
    STORY: Story,
    TEXTS: FactTexts,
    ERASURE: Erasure,
}


@cache
def sides() -> Mapping[str, Side]:
    """Return the direction of each message."""
    return dict.fromkeys(read_by_us(), Side.READ) | dict.fromkeys([*written_by_us(), *_VALUES], Side.WRITTEN)


@cache
def message_schemas() -> Mapping[str, Schema]:
    """Return the JSON Schema of each message by its CloudEvents type, or by its name if it is no CloudEvent."""
    read = {kind: _schema(kind, model, "validation") for kind, model in read_by_us().items()}
    written = {kind: _schema(kind, model, "serialization") for kind, model in written_by_us().items()}
    values = {kind: _schema(kind, model, "serialization") for kind, model in _VALUES.items()}
    del values[TEXTS]["required"]  # empty texts of a fact are omitted
    return read | written | values
