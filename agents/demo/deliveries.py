"""The reports of a demonstration as channels deliver them: generated, or from a file."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from agents.demo.generator import Generator
from agents.demo.scripts import Script
from agents.integrations.entries import BadLayout, Report, Skipped, UnreadableFile
from agents.integrations.import_file import Import, TableOptions, open_import
from agents.integrations.report_rows import ImportOptions
from events.errors import AlurError
from workflow.policy.model import Policy


class NoReports(AlurError):
    """A file contains no reports; the message is one line with the reason."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Reports in the order of their delivery."""

    messages: tuple[tuple[str, bytes], ...]
    """Complaint id and message; a report may occur more than once."""
    scripts: dict[str, Script] = field(default_factory=dict)
    """Behaviour of the people by complaint; random for other complaints."""
    skipped: tuple[Skipped, ...] = ()
    """Invalid entries of the file."""


def generated(count: int, seed: int, policy: Policy, now: datetime) -> Deliveries:
    """Generate `count` distinct reports."""
    today = now.astimezone(policy.national_zone).date()
    submissions = list(Generator(seed, policy.directory, today).submissions(count))
    return Deliveries(
        tuple((each.report.complaint_id, each.raw) for each in submissions),
        {each.report.complaint_id: each.script for each in submissions},
    )


def from_file(path: Path) -> Deliveries:
    """Read the reports of a file, JSON lines or a table; raise NoReports if there are none, or OSError."""
    try:
        with path.open("rb") as stream:
            items = list(_opened(stream).items)
    except (UnreadableFile, BadLayout) as error:
        raise NoReports(f"{path}: {error}") from None
    reports = [item for item in items if isinstance(item, Report)]
    skipped = [item for item in items if isinstance(item, Skipped)]
    if not reports:
        reason = f"line {skipped[0].line}: {skipped[0].reason}" if skipped else "it is empty"
        raise NoReports(f"{path}: no reports in it ({reason})")
    return Deliveries(tuple((each.complaint, each.value) for each in reports), skipped=tuple(skipped))


def _opened(stream: BinaryIO) -> Import:
    # settled reports too, from any country
    options = ImportOptions(settled=True, anywhere=True)
    try:
        return open_import(stream, TableOptions(), options, datetime.now(UTC))
    except BadLayout:
        # each demonstration has its own topics: ids of rows need not last
        stream.seek(0)
        return open_import(stream, TableOptions(no_id=True), options, datetime.now(UTC))
