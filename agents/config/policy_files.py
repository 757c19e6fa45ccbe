"""Policy files: packaged ones and those of an installation."""

import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from workflow.policy.document import parse_policies
from workflow.policy.model import PolicyError, PolicySet

_PACKAGED: Final = resources.files("workflow") / "policy"
_OFFICES: Final = "offices.toml"
_LARGEST: Final = 4 * 1024 * 1024
"""Maximum file size in bytes; all offices of the country need a fraction of it."""
_DEEPEST: Final = 30
"""Maximum nesting of values: a policy needs five levels."""


def packaged() -> list[str]:
    """Return the names of the policies that come with the package."""
    files = (entry.name for entry in _PACKAGED.iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml") and name != _OFFICES)


def load(name_or_path: str) -> PolicySet:
    """Load a policy by the name of a packaged one, else from a TOML file.

    Offices come from the file in its key `offices`, relative to the policy file, else from the packaged one. Raises
    PolicyError with a line per mistake: file, field or office, and what is wrong.
    """
    if name_or_path in packaged():
        source: Traversable = _PACKAGED / f"{name_or_path}.toml"
        folder: Traversable = _PACKAGED
    else:
        path = Path(name_or_path)
        if not path.is_file():
            known = " or ".join(f'"{name}"' for name in packaged())
            problem = "that is a folder" if name_or_path and path.is_dir() else "there is no such file"
            raise PolicyError(f'no policy "{name_or_path}": {problem}, and it is not {known}')
        source, folder = path, path.parent
    try:
        document = _read(source)
    except PolicyError as error:
        raise PolicyError(f"{source}: {error}") from None
    named = document.get("offices", _OFFICES)
    directory = folder / str(named) if "offices" in document else _PACKAGED / _OFFICES
    offices, unreadable = None, tuple[str, ...]()
    if isinstance(named, str):
        try:
            offices = _read(directory)
        except PolicyError as error:
            unreadable = error.mistakes
    try:
        return parse_policies(document, offices, unreadable)
    except PolicyError as error:
        of_offices = (f"{directory}: {mistake}" for mistake in error.of_offices)
        raise PolicyError(*(f"{source}: {mistake}" for mistake in error.mistakes), *of_offices) from None


def _read(source: Traversable) -> dict[str, Any]:
    try:
        with source.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
        document = tomllib.loads(raw.decode().replace("\r\n", "\n")) if len(raw) <= _LARGEST else None
    except OSError as error:
        raise PolicyError(f"cannot be read ({error.strerror})") from None
    except RecursionError:
        raise PolicyError("not valid TOML: its values are nested too deeply") from None
    except UnicodeDecodeError:
        raise PolicyError("not UTF-8: save it with this encoding") from None
    except ValueError as error:  # also for numbers of thousands of digits
        raise PolicyError(f"not valid TOML: {error}") from None
    if document is None:
        raise PolicyError(f"has more than {_LARGEST:,} bytes, which no policy and no directory needs")
    if _is_deeper(document, _DEEPEST):
        raise PolicyError("not valid TOML: its values are nested too deeply")
    return document


def _is_deeper(value: object, levels: int) -> bool:
    """Return True if tables or arrays are nested deeper than `levels`; their readers are recursive."""
    within = [value]
    while within and levels:
        tables = (each.values() if isinstance(each, dict) else each for each in within if isinstance(each, dict | list))
        within = [part for parts in tables for part in parts]
        levels -= 1
    return bool(within)
