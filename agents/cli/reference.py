"""Command-line reference in Markdown, from the text of `--help`.

`make docs` writes it to `build/docs/cli.md` (`python -m agents.cli.reference FILE`).
"""

import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

import typer

from agents.cli.app import application

_HEAD: Final = """# Command line

Every command has `--help`. Options of `alur` itself (`--broker`, `--prefix`, `--policy`) precede the command.
A command exits with 0 on success, 1 on failure, 2 on a usage error, and 130 or 143 when interrupted."""
_INDENT: Final = "    "


class _Parameter(Protocol):
    """What Typer says of an option or an argument."""

    name: str
    metavar: str | None
    hidden: bool
    nargs: int
    param_type_name: str
    required: bool
    get_help_record: Callable[[Any], tuple[str, str]]


class _Command(Protocol):
    """What Typer says of a command, or of a group of commands."""

    help: str | None
    params: Sequence[_Parameter]
    context_class: Callable[["_Command"], Any]


def reference() -> str:
    """Return a section for each command of `alur`, in the order of `alur --help`."""
    root = cast("_Command", typer.main.get_command(application()))
    return "\n\n".join((_HEAD, *_sections(root, ("alur",)))) + "\n"


def _sections(command: _Command, path: Sequence[str]) -> Iterator[str]:
    inner = _inner(command)
    if inner and len(path) > 1:
        yield f"{_heading(path)}\n\n{_prose(command)}\n\n" + "\n".join(
            f"- [`{name}`](#{'-'.join((*path, name))})" for name in inner
        )
    else:
        yield "\n\n".join(_parts(command, path))
    for name, each in inner.items():
        yield from _sections(each, (*path, name))


def _parts(command: _Command, path: Sequence[str]) -> Iterator[str]:
    """Give heading, usage, what it does, what it takes, and examples."""
    yield _heading(path)
    arguments = [_argument(each) for each in command.params if each.param_type_name == "argument"]
    inner = ["COMMAND"] if _inner(command) else []
    options = ["[OPTIONS]"] if len(arguments) < len(command.params) else []
    yield f"`{' '.join((*path, *options, *arguments, *inner))}`"
    if prose := _prose(command):
        yield prose
    if taken := [_line(command, each) for each in command.params if not each.hidden]:
        yield "\n".join(taken)
    if examples := [line.strip() for line in _lines(command) if _is_example(line)]:
        yield "\n".join(["```sh", *examples, "```"])


def _inner(command: _Command) -> Mapping[str, _Command]:
    return getattr(command, "commands", {})


def _heading(path: Sequence[str]) -> str:
    return f"{'#' * (len(path) + 1)} {' '.join(path)}"


def _argument(parameter: _Parameter) -> str:
    name = parameter.metavar or parameter.name.upper()
    repeated = "..." if parameter.nargs == -1 and not name.endswith("...") else ""
    return f"{name}{repeated}" if parameter.required or name.startswith("[") else f"[{name}{repeated}]"


def _line(command: _Command, parameter: _Parameter) -> str:
    names, said = parameter.get_help_record(command.context_class(command))
    if parameter.param_type_name == "argument":
        names = _argument(parameter)
    return f"- `{names}`: {_plain(said)}".rstrip(": ")


def _lines(command: _Command) -> list[str]:
    return textwrap.dedent(command.help or "").strip().splitlines()


def _is_example(line: str) -> bool:
    # a docstring of nothing but examples has no indent to tell them by
    return line.startswith((_INDENT, "alur "))


def _prose(command: _Command) -> str:
    lines = [line for line in _lines(command) if not _is_example(line)]
    return _plain("\n".join(lines).strip().replace("\n\n\n", "\n\n"))


def _plain(text: str) -> str:
    """Keep Markdown from taking a star for emphasis."""
    return text.replace("*", r"\*")


def main(arguments: Sequence[str]) -> None:
    """Write the reference to the file that is named."""
    [name] = arguments
    target = Path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
