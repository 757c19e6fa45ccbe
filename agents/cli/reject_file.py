"""Reject file of `alur submit`: skipped entries with their reasons, to be corrected and submitted again."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from pydantic_core import from_json, to_json

from agents.cli.errors import MISUSED, Failure
from agents.integrations.cells import as_written
from agents.integrations.entries import ADDED, LINE, REASON, SOURCE, Skipped
from agents.integrations.import_file import Import
from events.wording import defused


def refuse_unless_writable(path: Path | None, file: str) -> None:
    """Raise a Failure, before anything is sent, if `path` cannot be written or is `file`; leave it unchanged."""
    if path is None:
        return
    if _are_same(path, file):
        raise Failure(f"--rejects: {path} is the file of the reports itself: name another", MISUSED)
    try:
        new = not path.exists()
        if not new and not path.is_file():
            return  # a pipe or a device: opening it would use it
        path.open("ab").close()
        if new:
            path.resolve().unlink()  # for a link to a missing file, keep the link
    except OSError as error:
        raise Failure(f"{_unwritable(path, error)}; nothing was submitted", MISUSED) from None


def _are_same(path: Path, file: str) -> bool:
    try:
        return path.samefile(file)
    except OSError:  # a missing or unreadable file: opening it fails later
        return False


def write(path: Path, skipped: Iterable[Skipped], imported: Import) -> None:
    """Write the skipped entries with line, reason and channel: CSV with their table's columns, or JSON lines."""
    try:
        with open(path, "w", newline="", encoding="utf-8", errors="replace", opener=_for_owner) as stream:
            if imported.header is None:
                stream.writelines(f"{to_json(_object(each, imported.source)).decode()}\n" for each in skipped)
            else:
                _write_rows(stream, skipped, imported.header, imported.source)
    except OSError as error:
        raise Failure(f"{_unwritable(path, error)}; what was submitted is submitted") from None


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # it contains identities


def _write_rows(stream: TextIO, skipped: Iterable[Skipped], header: Sequence[str], source: str | None) -> None:
    added = {name: column for column, name in enumerate(header) if name in ADDED}
    writer = csv.writer(stream)
    writer.writerow((LINE, REASON, SOURCE, *_without(header, added)))
    for each in skipped:
        cells = each.raw if isinstance(each.raw, Sequence) and not isinstance(each.raw, str | bytes) else ()
        of = cells[added[SOURCE]] if SOURCE in added and len(cells) > added[SOURCE] else ""
        rest = (defused(as_written(cell.strip("\r\n\0"))) for cell in _without(cells, added))
        writer.writerow((each.line, each.reason, of or source or "", *rest))


def _without(cells: Sequence[str], added: Mapping[str, int]) -> list[str]:
    return [cell for column, cell in enumerate(cells) if column not in added.values()]


def _object(skipped: Skipped, source: str | None) -> dict[str, Any]:
    value = skipped.raw
    if isinstance(value, bytes):
        try:
            value = from_json(value)
        except ValueError:
            value = value.decode(errors="replace")
    rest = dict(value) if isinstance(value, Mapping) else {} if value is None else {"alurtext": value}
    rest.pop(REASON, None)
    return {REASON: skipped.reason} | ({SOURCE: source} if source else {}) | rest


def _unwritable(path: Path, error: OSError) -> str:
    return f"--rejects: {path} cannot be written ({error.strerror})"
