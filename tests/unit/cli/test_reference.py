"""The command-line reference is generated, complete, and its links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from agents.cli.app import application
from agents.cli.reference import main


def commands(command: Any, path: tuple[str, ...] = ("alur",)) -> Iterator[str]:
    yield " ".join(path)
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))


def test_every_command_has_a_section(tmp_path: Path) -> None:
    target = tmp_path / "docs" / "cli.md"
    main([str(target)])
    text = target.read_text(encoding="utf-8")
    headings = re.findall(r"^##+ (alur.*)$", text, re.MULTILINE)
    assert headings == list(commands(typer.main.get_command(application())))
    anchors = {heading.replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors
