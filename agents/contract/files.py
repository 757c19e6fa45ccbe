"""The published contract as files: written from the models, compared with them, and with what was last released.

* `schemas/<message>.json`: one JSON Schema a message.
* `schemas/asyncapi.json`: all of it as one AsyncAPI document.
* `schemas/released/<version>/`: the JSON Schemas as they were released, which nobody changes.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
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
from agents.contract.records import messages
from events.errors import AlurError
from events.wording import clipped

SCHEMAS: Final = Path("schemas")
EXAMPLES: Final = Path("tests/golden")
ASYNCAPI: Final = "asyncapi.json"
_RELEASED: Final = "released"
_SUFFIX: Final = ".json"
_UNFINISHED: Final = ".unfinished-"
_COMMAND: Final = "alur schemas"
_LONGEST: Final = 80  # characters of a value in a line


class SchemasError(AlurError):
    """The contract cannot be written, compared or released; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Released:
    """A set of schemas that others rely on."""

    version: str
    schemas: Mapping[str, Schema]


def contract_version() -> str:
    """Return the version that is being written: that of the package."""
    return version_of("alur")


def documents(examples: Path = EXAMPLES) -> dict[str, str]:
    """Return each file of the contract and its text, from the models and the kept example of each message.

    Raises:
        SchemasError: an example is not there, or is no JSON.
    """
    if not examples.is_dir():
        raise SchemasError(
            f"{examples}: there is no such folder; run this in a checkout of alur, or name it (--examples)"
        )
    schemas = message_schemas()
    found = {kind: _example(examples, kind) for kind in schemas}
    whole = document(messages(schemas, found), Components(schemas, sides()), contract_version())
    return {**_schema_texts(), ASYNCAPI: to_json(whole, indent=2).decode() + "\n"}


@cache
def _schema_texts() -> Mapping[str, str]:
    """Write the schemas once: the models do not change while we run."""
    return {
        f"{kind}{_SUFFIX}": json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for kind, schema in message_schemas().items()
    }


def _example(folder: Path, kind: str) -> dict[str, Any]:
    path = folder / kind.rpartition(".")[2] / f"{kind}{_SUFFIX}"
    try:
        example: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise SchemasError(
            f"{path}: there is no example of this message; keep one there, as it goes over the wire"
        ) from None
    except ValueError as error:
        raise SchemasError(f"{path}: is no JSON: {error}") from None
    return example


def write(directory: Path, expected: Mapping[str, str]) -> int:
    """Write what is `expected` and take away what describes no message; return how many files changed."""
    directory.mkdir(parents=True, exist_ok=True)
    superfluous = [path for path in directory.glob(f"*{_SUFFIX}") if path.name not in expected]
    for path in superfluous:
        path.unlink()
    behind = {name: text for name, text in expected.items() if _there(directory / name) != text}
    for name, text in behind.items():
        (directory / name).write_text(text, encoding="utf-8")
    return len(superfluous) + len(behind)


def _there(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def differences(directory: Path, expected: Mapping[str, str]) -> list[str]:
    """Say, a line a file, in what way `directory` is not what is `expected`, and what to do."""
    mend = f"run `{_COMMAND} write` and look at what changes for others"
    lines = []
    for name in expected.keys() | {path.name for path in directory.glob(f"*{_SUFFIX}")}:
        path = directory / name
        if name not in expected:
            lines.append(f"{path}: describes no message of ours; {mend}")
        elif (there := _there(path)) is None:
            lines.append(f"{path}: is not there; {mend}")
        elif there != expected[name]:
            lines.append(f"{path}: {_first_difference(there, expected[name])}; {mend}")
    return sorted(lines)


def _first_difference(there: str, expected: str) -> str:
    try:
        found = next(_unlike(json.loads(there), json.loads(expected), ""), None)
    except ValueError as error:
        return f"is no JSON: {error}"
    return "is written in another way than we write it" if found is None else found


def _unlike(there: object, expected: object, path: str) -> Iterator[str]:
    """Give what is different, the first thing first."""
    if isinstance(there, dict) and isinstance(expected, dict):
        for key in {**expected, **there}:
            where = f"{path}.{key}" if path else key
            if key not in there:
                yield f"{where} is not there, the models have it"
            elif key not in expected:
                yield f"{where} is there, the models do not have it"
            else:
                yield from _unlike(there[key], expected[key], where)
    elif isinstance(there, list) and isinstance(expected, list):
        for index, (one, other) in enumerate(zip(there, expected, strict=False)):
            yield from _unlike(one, other, f"{path}[{index}]")
        if len(there) != len(expected):
            yield f"{path} has {len(there)} entries, the models give {len(expected)}"
    elif there != expected:
        yield f"{path} is {_shown(there)}, the models give {_shown(expected)}"


def _shown(value: object) -> str:
    return clipped(json.dumps(value, ensure_ascii=False), _LONGEST)


def last_released(directory: Path) -> Released | None:
    """Return the set of the highest version under `directory`, or None if nothing was released yet.

    Raises:
        SchemasError: a file of it cannot be read.
    """
    folders = [path for path in (directory / _RELEASED).glob("*") if path.is_dir()]
    if not folders:
        return None
    folder = max(folders, key=lambda path: _order(path.name))
    return Released(folder.name, {path.stem: _read(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))})


def _order(version: str) -> tuple[tuple[int, str], ...]:
    """Order versions by their numbers; what is no number comes before all numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in version.split("."))


def _read(path: Path) -> Schema:
    try:
        schema: Schema = json.loads(path.read_bytes())
    except ValueError as error:
        raise SchemasError(
            f"{path}: is no JSON: {error}; a released set is not changed: take it back from git"
        ) from None
    return schema


def incompatibilities(directory: Path, released: Released) -> list[str]:
    """Say, a line a change, what the models break for those who rely on a released set, and what to do about it."""
    return [_line(directory, released.version, each) for each in breaks(released.schemas, message_schemas(), sides())]


_WHO: Final = {Side.READ: "sends", Side.WRITTEN: "reads", None: "sends or reads"}
_WHY: Final = {
    Side.READ: "what was right would be refused",
    Side.WRITTEN: "they would get what could not come before",
    None: "nobody would know it",
}


def _line(directory: Path, version: str, found: Break) -> str:
    kind, *more = found.kinds
    others = f" (and {len(more)} more)" if more else ""
    breaks_whom = f"breaks who {_WHO[found.side]} it as of {version}: {found.why or _WHY[found.side]}"
    todo = f"take it back, or leave {_stem(kind)} as it was and make {_next(kind)} beside it, with an upcast"
    if found.side is None:
        todo = "keep it as long as anybody may need it"
    return f"{directory / kind}{_SUFFIX}{others}: {found.path}: {found.what}; {breaks_whom}; {todo}"


def _stem(kind: str) -> str:
    return kind.rpartition(".")[2]


def _next(kind: str) -> str:
    number = _stem(kind).removeprefix("v")
    return f"v{int(number) + 1}" if number.isdigit() else "new version"


def release(directory: Path, version: str) -> Path:
    """Keep the files of `directory` as what others rely on from now on.

    Raises:
        SchemasError: that version has been released, or a later one.
    """
    last = last_released(directory)
    folder = directory / _RELEASED / version
    if last is not None and _order(version) <= _order(last.version):
        raise SchemasError(
            f"{last.version} has been released; give pyproject.toml a higher version than that, and run make"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # beside schemas/released/, where no half of it is ever taken for a release
    with TemporaryDirectory(dir=directory, prefix=_UNFINISHED) as unfinished:
        whole = Path(unfinished) / version
        whole.mkdir()
        for path in directory.glob(f"*{_SUFFIX}"):
            if path.name != ASYNCAPI:  # says the same once more
                shutil.copyfile(path, whole / path.name)
        whole.rename(folder)
    return folder
