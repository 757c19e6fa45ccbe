"""Lines of the keys in a TOML file, which the parser does not keep: for error messages.

Reads tables, arrays of tables, bare and quoted keys. A missing key has the line of its table.
"""

import re
from collections.abc import Iterator
from typing import Final

KeyPath = tuple[str | int, ...]

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_HEADER: Final = re.compile(r"\s*(\[\[?)([^\[\]]+)(\]\]?)\s*(?:#.*)?")
_KEY: Final = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART: Final = re.compile(r"[\w-]+|\"([^\"]*)\"|'([^']*)'")
_LONG: Final = ('"""', "'''")


def path_of(written: str) -> KeyPath:
    """Read a path as mistakes name it: ``versions[0].clocks.follow_up``."""
    return tuple(name or int(index) for name, index in _STEP.findall(written))


def line_of(text: str, path: KeyPath) -> int | None:
    """Return the line, from 1, of the key at `path`, or of the innermost table around it that has one."""
    lines = dict(_places(text))
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _places(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Give each table and key with its line."""
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    long: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if long is not None:
            long = None if long in line else long
        elif header := _HEADER.fullmatch(line):
            table = _absolute(_names(header[2]), counts, opens=header[1] == "[[")
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_names(key[1])), number
            long = next((mark for mark in _LONG if line.count(mark) == 1), None)


def _names(written: str) -> KeyPath:
    return tuple(part[1] or part[2] or part[0].strip("\"'") for part in _PART.finditer(written))


def _absolute(names: KeyPath, counts: dict[KeyPath, int], *, opens: bool) -> KeyPath:
    """Put the number of its last table behind each name that is an array of tables."""
    path: KeyPath = ()
    for place, name in enumerate(names, 1):
        path = (*path, name)
        if opens and place == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
