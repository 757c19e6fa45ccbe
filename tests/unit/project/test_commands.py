"""The commands and options that the documents show exist."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from tests.support.tables import every

ROOT = Path(__file__).parents[3]
PAGES = [*(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")), *(ROOT / "docs").rglob("*.md")]
GENERATED = re.compile(r"<!-- generated: (\w+) -->.*?<!-- end: \1 -->", re.DOTALL)
TYPED = re.compile(r"^[ ]*```sh\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:^[ ]*|\$\(|\bALUR_\w+=\S+ )(alur [^|;&)#\n]*)", re.MULTILINE)
INLINE = re.compile(r"`(alur [^`]+)`")


@cache
def _help(*path: str) -> str | None:
    result = CliRunner().invoke(application(), [*path, "--help"], env={"COLUMNS": "200"})
    return result.stdout if result.exit_code == 0 else None


def _commands(text: str) -> Iterator[list[str]]:
    text = GENERATED.sub("", text)
    typed = [each for block in TYPED.findall(text) for each in COMMAND.findall(block)]
    for command in dict.fromkeys([*typed, *INLINE.findall(text)]):
        yield shlex.split(command.split("$(")[0])[1:]


def _unknown(words: list[str]) -> list[str]:
    """Return the words of a command line that are neither a command nor an option."""
    path: list[str] = []
    while words and words[0] == "--prefix":
        words = words[2:]
    for word in words[:2]:
        if re.fullmatch(r"[a-z][a-z-]+", word) and _help(*path, word) not in {None, _help(*path)}:
            path.append(word)
        else:
            break
    if not path:
        return words[:1] if words and not words[0].startswith("-") and words[0].islower() else []
    known = _help(*path) or ""
    options = [word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)]
    return [option for option in options if not re.search(rf"{option}\b", known)]


@pytest.mark.long
@every(PAGES)
def test_each_command_exists(path: Path) -> None:
    lines = list(_commands(path.read_text(encoding="utf-8")))
    assert {" ".join(words): unknown for words in lines if (unknown := _unknown(words))} == {}


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("lag --window 60", []),
        ("lagg", ["lagg"]),
        ("dead list --kode bug", ["--kode"]),
        ("send close-complaint --complaint X", []),
        ("--prefix crowd. board", []),
    ],
)
def test_a_mistake_is_found(line: str, unknown: list[str]) -> None:
    assert _unknown(line.split()) == unknown
