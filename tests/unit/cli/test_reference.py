"""The command-line reference and `alur --help` are complete."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.markup import render

from agents.cli.app import COMMANDS, all_commands, load
from agents.dashboard.listing import FILTER_VALUES
from tests.support.cli_reference import main
from tests.support.tables import every


def commands(command: Any, path: tuple[str, ...] = ("alur",)) -> Iterator[str]:
    yield " ".join(path)
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))


def test_every_command_has_a_section(tmp_path: Path) -> None:
    target = tmp_path / "docs" / "cli.md"
    main(str(target))
    headings = re.findall(r"^#+ `(alur.*)`$", target.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(commands(all_commands()))


@pytest.mark.long
@pytest.mark.parametrize("name", ["submit", "validate"])
def test_help_fills_the_width_of_a_narrow_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    alur = Path(sys.executable).with_name("alur")
    done = subprocess.run([alur, name, "--help"], capture_output=True, text=True, check=True)
    prose = [line.strip() for line in done.stdout.split("╭")[0].splitlines()]
    for line, following in pairwise(prose):
        if line and following and not line.startswith("alur "):
            assert len(line) + len(following.split()[0]) + 1 > 80 - 3, line


def _with_subcommands(command: Any) -> Iterator[Any]:
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from _with_subcommands(each)


@every(COMMANDS)
def test_no_word_of_a_help_is_taken_for_markup(name: str) -> None:
    for command in _with_subcommands(load(name)):
        for text in (command.help, *(getattr(each, "help", None) for each in command.params)):
            assert text is None or render(text).plain == text


def test_list_offers_the_clocks_that_it_accepts() -> None:
    [clock] = [each for each in load("list").params if each.name == "clock"]
    assert clock.help.partition(": ")[2].split(", ") == list(FILTER_VALUES["clock"])


@every(COMMANDS)
def test_the_line_in_the_list_is_the_first_of_its_own_help(name: str) -> None:
    summary = COMMANDS[name][1]
    assert " ".join((load(name).help or "").split("\n\n")[0].split()) == summary


@pytest.mark.long
def test_help_imports_no_command() -> None:
    program = "import sys; from agents.cli.app import application; application()(['--help'])"
    heavy = "{'pydantic', 'kafka', 'aiokafka', 'faust', 'aiohttp', 'openpyxl'}"
    check = f"import atexit, sys; atexit.register(lambda: print('loaded:', sorted({heavy} & sys.modules.keys())))"
    done = subprocess.run([sys.executable, "-c", f"{check}; {program}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"
