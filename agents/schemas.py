"""The messages of the contract as JSON Schemas (2020-12), written from the models so that the two cannot differ.

`python -m agents.schemas` writes them to schemas/, one file a message; with `--check` it only says which files are not
what the models give, and exits 1 if there are any.
"""

import argparse
import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from events import announcements, base, commands, facts, outcomes, reports, snapshot
from events.announcements import AnnouncementEvent, Announcements
from events.base import Envelope, Frozen
from events.codec import CALENDAR_TYPE, STATE_TYPE
from events.commands import COMMANDS, Command, CommandEvent, command_type
from events.facts import FACTS, Fact, fact_type
from events.outcomes import Rejection, Resolution
from events.reports import ReportSubmitted
from events.snapshot import Complaint

DIRECTORY: Final = "schemas"
_FACT_DATA: Final = "Data"  # behind a fact's name: its fields and the complaint after it
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_Rising = Annotated[str, Field(pattern="^[0-9]{10}$", description="rises with each change; compares as text")]


class _Ours(Envelope):
    """What we write: always with a time, and with an id that may be longer than those that we take."""

    id: str
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"


class _OnComplaint(_Ours):
    subject: UUID


class _FactEnvelope(_OnComplaint):
    id: Annotated[str, Field(description="complaint id and version, joined by a slash")]
    sequence: _Rising
    causationid: Annotated[str, Field(description="id of the command that led to it")]
    causationsource: Annotated[str, Field(description="source of the command that led to it")]


class _RejectionEnvelope(_Ours):
    subject: Annotated[UUID | Literal["calendar"], Field(description="what the refused command was about")]
    causationid: Annotated[str, Field(description="id of the refused command")]


class _SequencedEnvelope(_OnComplaint):
    sequence: _Rising


class _CalendarEnvelope(_Ours):
    subject: Literal["calendar"]
    sequence: _Rising


class _State(Frozen):
    """Where a complaint stands: the last of these for a complaint is its present standing."""

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
        complaint=(Complaint, Field(description="where the complaint stands after it")),
    )
    return whole


def _command_event(command: type[Command]) -> type[BaseModel]:
    event: Any = CommandEvent.__class_getitem__(command)
    fields: dict[str, Any] = {"type": (Literal[command_type(command.NAME)], ...)}
    return create_model(command_type(command.NAME), __base__=event, __doc__=command.__doc__, **fields)


def _read_by_us() -> dict[str, type[BaseModel]]:
    report = _event(ReportSubmitted.TYPE, ReportSubmitted, None)
    announcement = _event(AnnouncementEvent.TYPE, AnnouncementEvent, None)
    return {ReportSubmitted.TYPE: report, AnnouncementEvent.TYPE: announcement} | {
        command_type(each.NAME): _command_event(each) for each in COMMANDS
    }


def _written_by_us() -> dict[str, type[BaseModel]]:
    kinds: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
        fact_type(fact.NAME): (_FactEnvelope, _fact_data(fact)) for fact in FACTS
    }
    kinds[STATE_TYPE] = (_SequencedEnvelope, _State)
    kinds[CALENDAR_TYPE] = (_CalendarEnvelope, Announcements)
    kinds[Rejection.TYPE] = (_RejectionEnvelope, Rejection)
    kinds[Resolution.TYPE] = (_SequencedEnvelope, Resolution)
    return {kind: _event(kind, envelope, data) for kind, (envelope, data) in kinds.items()}


@cache
def _described() -> dict[str, dict[str, str]]:
    """Return what stands under the fields in the code, by class and field: pydantic would read it at every start."""
    found: dict[str, dict[str, str]] = {}
    for module in (announcements, base, commands, facts, outcomes, reports, snapshot):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = dict(_descriptions(node))
    return found


def _descriptions_of(name: str) -> dict[str, str]:
    described = _described()
    fact = described.get(name.removesuffix(_FACT_DATA)) if name.endswith(_FACT_DATA) else None
    return described.get(name, {}) if fact is None else described["Fact"] | fact


def _descriptions(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, doc in pairwise(node.body):
        match field, doc:
            case (ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text)))):
                yield name, inspect.cleandoc(text)


class _Plain(GenerateJsonSchema):
    """Without the titles that pydantic makes of field names, and with every field there that we always write."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 -- as the method it overrides
        del schema
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ANN401, FBT001 -- as the method it overrides
        return self.mode == "serialization" or super().field_is_required(field, total)


def _document(kind: str, model: type[BaseModel], mode: JsonSchemaMode) -> str:
    schema = model.model_json_schema(mode=mode, schema_generator=_Plain)
    for name, definition in [("CommandEvent", schema), *schema.get("$defs", {}).items()]:
        for field, doc in _descriptions_of(name).items():
            if field in definition.get("properties", {}):
                definition["properties"][field].setdefault("description", doc)
    whole = {"$schema": _DIALECT, **schema, "title": kind}
    return json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def documents() -> dict[str, str]:
    """Return each schema's file name and text.

    What others send us is described as we read it (a field with a default may be left out), what we send as we write it
    (every field is there).
    """
    read = {f"{kind}.json": _document(kind, model, "validation") for kind, model in _read_by_us().items()}
    written = {f"{kind}.json": _document(kind, model, "serialization") for kind, model in _written_by_us().items()}
    return read | written


def differences(directory: Path, expected: Mapping[str, str]) -> list[str]:
    """Say, a line a file, in what way `directory` is not `expected`."""
    found = {path.name: path for path in directory.glob("*.json")}
    missing = [f"{directory / name}: missing" for name in expected.keys() - found.keys()]
    superfluous = [f"{directory / name}: describes no message" for name in found.keys() - expected.keys()]
    other = [
        f"{directory / name}: is not what the models give"
        for name in found.keys() & expected.keys()
        if found[name].read_text(encoding="utf-8") != expected[name]
    ]
    return sorted(missing + superfluous + other)


def _write(directory: Path, expected: Mapping[str, str]) -> None:
    directory.mkdir(exist_ok=True)
    for path in directory.glob("*.json"):
        if path.name not in expected:
            path.unlink()
    for name, text in expected.items():
        (directory / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schemas, or check them; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m agents.schemas", description="The published schemas.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    parser.add_argument("--directory", type=Path, default=Path(DIRECTORY), help="where they lie (default: %(default)s)")
    given = parser.parse_args(arguments)
    expected = documents()
    if not given.check:
        _write(given.directory, expected)
        return 0
    wrong = differences(given.directory, expected)
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    if wrong:
        sys.stderr.write("run `make schemas` and look at what changes for those who read them\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
