"""Plain technical English: refused words do not occur in docs, docstring summaries, messages, or names of tests.

Run by `make check`. The glossary (docs/reference/glossary.md) has the terms to use.
"""

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRODUCT = ("agents", "events", "workflow")
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
REFUSED = re.compile(
    r"""\b(?:
        whoever | nobody | somebody | everybody | anybody          # name the role, or the thing
      | says | tells | told | hears | heard | knows                # programs are not people
      | lets?\ go\ of | sets?\ aside | t(?:ake|akes|aken)\ in      # release; dead letter; read, accept
      | pass(?:es|ed)?\ over | in\ silence | in\ good\ order       # skip, ignore; silently; cleanly
      | comes?\ to\ nothing | has\ in\ hand | lots\ are\ drawn
      | reckon\w* | re-?dat(?:ed|es|ing) | almanac | yearbook      # compute; recalculate; calendar
      | shel(?:f|ves) | drawers? | leash | knock(?:s|ed)? | dossier
      | headroom | unhurried | prospects
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
GENERATED = re.compile(r"<!-- generated: (\w+) -->.*?<!-- end: \1 -->", re.DOTALL)
CODE = re.compile(r"^[ ]*```.*?^[ ]*```|`[^`\n]*`|\]\([^)\s]*\)", re.DOTALL | re.MULTILINE)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
MESSAGE_WORDS = 3


def _page(path: Path) -> Iterator[tuple[int, str]]:
    def blank(found: re.Match[str]) -> str:
        return "\n" * found[0].count("\n")

    text = CODE.sub(blank, GENERATED.sub(blank, path.read_text(encoding="utf-8")))
    yield from enumerate(text.splitlines(), 1)


def _module(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the first line of each docstring, and each string that reads like a message."""
    docstrings = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        # Typer prints the whole docstring of a command
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            docstrings.add(text)
            yield getattr(node, "lineno", 1), text if path.parent.name == "cli" else text.split("\n", 1)[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if len(text.split()) >= MESSAGE_WORDS and "\n" not in text:
                yield node.lineno, text


def _test_module(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the names, docstrings and comments of a module of tests, not its data."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, DOCUMENTED):
            yield getattr(node, "lineno", 1), getattr(node, "name", "").replace("_", " ")
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""
    with path.open("rb") as code:
        yield from (
            (each.start[0], each.string) for each in tokenize.tokenize(code.readline) if each.type == tokenize.COMMENT
        )


@cache
def files() -> tuple[Path, ...]:
    """Return all files that are checked."""
    code = (path for folder in (*PRODUCT, "tests") for path in (ROOT / folder).rglob("*.py"))
    pages = (ROOT / name for name in PAGES)
    return tuple(sorted((*code, *pages, *(ROOT / "docs").rglob("*.md"))))


@cache
def hits(path: Path) -> list[str]:
    """Return a line for each refused word in a file."""
    name = path.relative_to(ROOT)
    if not REFUSED.search(path.read_text(encoding="utf-8")):  # most files need no parser
        return []
    read = _page if path.suffix == ".md" else _test_module if name.parts[0] == "tests" else _module
    lines = read(path)
    return [f"{name}:{number}: {found[0]!r}" for number, line in lines for found in REFUSED.finditer(line)]


def test_no_refused_word() -> None:
    found = [hit for path in files() for hit in hits(path)]
    assert found == [], "use a plain term, see docs/reference/glossary.md"


@pytest.mark.parametrize(
    ("text", "refused"),
    [("Nobody waits", True), ("The stage knows it", True), ("acknowledged", False), ("`nobody`", False)],
)
def test_what_is_refused(tmp_path: Path, text: str, *, refused: bool) -> None:
    page = tmp_path / "a.md"
    page.write_text(text, encoding="utf-8")
    assert any(REFUSED.search(line) for _, line in _page(page)) is refused
