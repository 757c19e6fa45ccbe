"""The file into which `alur submit` writes what it has skipped."""

import csv
from collections.abc import Iterable
from pathlib import Path

from agents.bridges.items import Skipped
from agents.cli.errors import MISUSED, Failure


def refuse_unless_writable(path: Path | None, file: str) -> None:
    """Try whether `path`, if any, can be written, and leave it as it is, before anything of `file` is sent.

    Raises:
        Failure: it cannot, or it is the file of the reports itself.
    """
    if path is None:
        return
    if _are_same(path, file):
        raise Failure(f"--rejects: {path} is the file of the reports itself: name another", MISUSED)
    try:
        new = not path.exists()
        if not new and not path.is_file():
            return  # a pipe or a device: opening it is already a use of it
        path.open("ab").close()
        if new:
            path.resolve().unlink()  # where it is a link to what was not there yet, the link stays
    except OSError as no:
        raise Failure(f"{_unwritable(path, no)}; nothing was submitted", MISUSED) from None


def _are_same(path: Path, file: str) -> bool:
    try:
        return path.samefile(file)
    except OSError:  # one of them is not there, or cannot be seen: whoever opens it says so
        return False


def write(path: Path, skipped: Iterable[Skipped]) -> None:
    """Write the line and the reason of each, as CSV.

    Raises:
        Failure: it cannot be written.
    """
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("line", "reason"))
            writer.writerows((each.line, each.reason) for each in skipped)
    except OSError as no:
        raise Failure(f"{_unwritable(path, no)}; what was submitted is submitted") from None


def _unwritable(path: Path, no: OSError) -> str:
    return f"--rejects: {path} cannot be written ({no.strerror})"
