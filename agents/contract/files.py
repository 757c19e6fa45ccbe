"""The published contract as files: generated from the models, compared with them, and with the last release.

* `schemas/<message>.json`: one JSON Schema per message.
* `schemas/asyncapi.json`: the contract as one AsyncAPI document.
* `schemas/released/<version>/`: the JSON Schemas of a release, never changed.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydantic_core import to_json

from agents.contract.asyncapi import document
from agents.contract.compatibility import Break, Side, breaks
from agents.contract.components import Components
from agents.contract.messages import Schema, message_schemas, sides
from events.errors import AlurError

SCHEMAS: Final = Path("schemas")
EXAMPLES: Final = Path("tests/golden")
ASYNCAPI: Final = "asyncapi.json"
_RELEASED: Final = "released"
_SUFFIX: Final = ".json"
_UNFINISHED: Final = ".unfinished-"


class SchemasError(AlurError):
    """The contract cannot be written, compared or released; the message is one line with what to do."""


@dataclass(frozen=True, slots=True)
class Released:
    """The schemas of a release."""

    version: str
    schemas: Mapping[str, Schema]


def contract_version() -> str:
    """Return the version of the package."""
    return version_of("alur")


def documents(examples: Path = EXAMPLES) -> dict[str, str]:
    """Return the text of each file of the contract; raise a SchemasError for a missing or invalid example."""
    if not examples.is_dir():
        raise SchemasError(
            f"{examples}: there is no such folder; run this in a checkout of alur, or name it (--examples)"
        )
    schemas = message_schemas()
    messages = {kind: _example(examples, kind) for kind in schemas}
    asyncapi = document(schemas, messages, _components(), contract_version())
    return {**_schema_texts(), ASYNCAPI: to_json(asyncapi, indent=2).decode() + "\n"}


@cache
def _components() -> Components:
    return Components(message_schemas(), sides())


@cache
def _schema_texts() -> Mapping[str, str]:
    return {
        f"{kind}{_SUFFIX}": json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for kind, schema in message_schemas().items()
    }


def _example(folder: Path, kind: str) -> dict[str, Any]:
    path = folder / kind.rpartition(".")[2] / f"{kind}{_SUFFIX}"
    try:
        example: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise SchemasError(f"{path}: there is no example of this message; keep one there, as it is sent") from None
    except ValueError as error:
        raise SchemasError(f"{path}: is not JSON: {error}") from None
    return example


def write(directory: Path, expected: Mapping[str, str]) -> int:
    """Write the `expected` files and remove stale ones; return the number of changed files."""
    directory.mkdir(parents=True, exist_ok=True)
    superfluous = [path for path in directory.glob(f"*{_SUFFIX}") if path.name not in expected]
    for path in superfluous:
        path.unlink()
    behind = {name: text for name, text in expected.items() if _text(directory / name) != text}
    for name, text in behind.items():
        (directory / name).write_text(text, encoding="utf-8")
    return len(superfluous) + len(behind)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def differences(directory: Path, expected: Mapping[str, str]) -> list[str]:
    """Return a line with what to do for each file that differs from the `expected` one."""
    mend = "run `alur schemas write` and review the difference"
    lines = []
    for name in expected.keys() | {path.name for path in directory.glob(f"*{_SUFFIX}")}:
        path = directory / name
        if name not in expected:
            lines.append(f"{path}: describes no message; {mend}")
        elif (present := _text(path)) is None:
            lines.append(f"{path}: does not exist; {mend}")
        elif present != expected[name]:
            lines.append(f"{path}: differs from the models; {mend}")
    return sorted(lines)


def last_released(directory: Path) -> Released | None:
    """Return the last release under `directory`, or None if nothing was released yet."""
    folders = [path for path in (directory / _RELEASED).glob("*") if path.is_dir()]
    if not folders:
        return None
    folder = max(folders, key=lambda path: _order(path.name))
    return Released(folder.name, {path.stem: _read(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))})


def _order(version: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key for versions: numbers by value, other parts before all numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in version.split("."))


def _read(path: Path) -> Schema:
    try:
        schema: Schema = json.loads(path.read_bytes())
    except ValueError as error:
        raise SchemasError(f"{path}: is not JSON: {error}; restore the release from git") from None
    return schema


def incompatibilities(directory: Path, released: Released) -> list[str]:
    """Return a line with what to do for each change of the models that breaks users of a release."""
    return [_line(directory, released.version, each) for each in breaks(released.schemas, message_schemas(), sides())]


_USERS: Final = {Side.READ: "senders", Side.WRITTEN: "readers", None: "users"}
_WHY: Final = {
    Side.READ: "valid messages would be refused",
    Side.WRITTEN: "they may not expect it",
    None: "it would be unknown",
}


def _line(directory: Path, version: str, broken: Break) -> str:
    kind, *more = broken.kinds
    others = f" (and {len(more)} more)" if more else ""
    breaks_whom = f"breaks {_USERS[broken.side]} of {version}: {broken.why or _WHY[broken.side]}"
    todo = f"undo it, or keep {_stem(kind)} unchanged and add {_next(kind)}, with an upcast"
    if broken.side is None:
        todo = "keep it as long as it is used"
    return f"{directory / kind}{_SUFFIX}{others}: {broken.path}: {broken.difference}; {breaks_whom}; {todo}"


def _stem(kind: str) -> str:
    return kind.rpartition(".")[2]


def _next(kind: str) -> str:
    number = _stem(kind).removeprefix("v")
    return f"v{int(number) + 1}" if number.isdigit() else "new version"


def release(directory: Path, version: str) -> Path:
    """Copy the files of `directory` to a release; raise a SchemasError unless `version` is above all others."""
    last = last_released(directory)
    folder = directory / _RELEASED / version
    if last is not None and _order(version) <= _order(last.version):
        raise SchemasError(
            f"{last.version} has been released; give pyproject.toml a higher version than that, and run make"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # outside of schemas/released/, where a partial copy would look like a release
    with TemporaryDirectory(dir=directory, prefix=_UNFINISHED) as unfinished:
        whole = Path(unfinished) / version
        whole.mkdir()
        for path in directory.glob(f"*{_SUFFIX}"):
            if path.name != ASYNCAPI:  # has the same content
                shutil.copyfile(path, whole / path.name)
        whole.rename(folder)
    return folder
