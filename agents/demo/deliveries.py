"""The reports of a demonstration as channels deliver them: made up, or from a file."""

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
    """A file gives no reports; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What is delivered, in its order."""

    messages: tuple[tuple[str, bytes], ...]
    """Complaint id and message of each; a report may be among them more than once."""
    scripts: dict[str, Script] = field(default_factory=dict)
    """What people will do about each complaint; for those that are not named, lots are drawn."""
    skipped: tuple[Skipped, ...] = ()
    """Lines of the file that are no reports."""


def made_up(count: int, seed: int, policy: Policy, now: datetime) -> Deliveries:
    """Make up `count` distinct reports."""
    today = now.astimezone(policy.national_zone).date()
    submissions = list(Generator(seed, policy.directory, today).submissions(count))
    return Deliveries(
        tuple((each.report.complaint_id, each.raw) for each in submissions),
        {each.report.complaint_id: each.script for each in submissions},
    )


def from_file(path: Path) -> Deliveries:
    """Take the reports of a file: JSON lines of the contract, or a CSV whose columns are found by their names.

    Raises:
        NoReports: there are none in it.
        OSError: it cannot be read.
    """
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
    # a demonstration plays what is over too, wherever it was
    options = ImportOptions(settled=True, anywhere=True)
    try:
        return open_import(stream, TableOptions(), options, datetime.now(UTC))
    except BadLayout:
        # and nothing is submitted to it again: rows need no ids of their own
        stream.seek(0)
        return open_import(stream, TableOptions(no_id=True), options, datetime.now(UTC))
