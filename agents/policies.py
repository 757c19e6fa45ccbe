"""Brings a policy from its file to the core: one that comes with the package, or one of your own."""

import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from workflow.policy import PolicyError, PolicySet, parse_policies

_PACKAGED: Final = resources.files("workflow") / "policies"
_OFFICES: Final = "offices.toml"


def packaged() -> list[str]:
    """Name the policies that come with the package."""
    files = (entry.name for entry in _PACKAGED.iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml") and name != _OFFICES)


def load(name_or_path: str) -> PolicySet:
    """Load a policy by the name of a packaged one, else from a TOML file.

    Offices are read from the file that its key ``offices`` names (relative to the policy file), else the packaged ones.
    Raises PolicyError, one line with the file and what is wrong with it.
    """
    if name_or_path in packaged():
        source: Traversable = _PACKAGED / f"{name_or_path}.toml"
        folder: Traversable = _PACKAGED
    else:
        path = Path(name_or_path)
        if not path.is_file():
            known = " or ".join(f'"{name}"' for name in packaged())
            raise PolicyError(f'no policy "{name_or_path}": there is no such file, and it is not {known}')
        source, folder = path, path.parent
    document = _read(source)
    named = document.get("offices")
    offices = _read(folder / named if isinstance(named, str) else _PACKAGED / _OFFICES)
    try:
        return parse_policies(document, offices)
    except PolicyError as error:
        raise PolicyError(f"{source}: {error}") from None


def _read(source: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"{source}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{source}: not valid TOML: {error}") from None
