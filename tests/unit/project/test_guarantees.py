"""Each guarantee names the tests that show it, and those tests exist."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from events.snapshot import REMEMBERED_COMMANDS
from tests.support.tables import every

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "explanation" / "guarantees.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)))


@cache
def _tests_in(file: str) -> set[str]:
    path = ROOT / file
    if not path.is_file():
        return set()
    functions = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if _is_test(node))
    return {getattr(node, "name", "") for node in functions}


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


@every(NAMED)
def test_a_test_that_is_named_exists(named: tuple[str, str]) -> None:
    file, test = named
    assert test in _tests_in(file)


def _promises() -> Iterator[str]:
    part = DOCUMENT.partition("## What is promised")[2].partition("\n## ")[0]
    yield from re.findall(r"^- (.*(?:\n  .*)*)", part, re.MULTILINE)


@every(list(_promises()))
def test_each_promise_is_shown(promise: str) -> None:
    assert re.search(r"`tests/[\w/]+\.py::\w+`", promise)


def test_figures_are_those_of_the_code() -> None:
    assert f"the last {REMEMBERED_COMMANDS} of each complaint" in DOCUMENT
