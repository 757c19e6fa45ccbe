"""The reports of a demonstration as channels deliver them: made up, or from a file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from agents.bridges.columns import BadMapping
from agents.bridges.items import Item, Report, Skipped, UnreadableFile
from agents.bridges.reports import TableOptions, csv_table, is_json, json_reports
from agents.demo.generator import Generator
from agents.demo.scripts import Script
from workflow.policy import Policy


class NoReports(Exception):
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
    reports: list[Report] = []
    skipped: list[Skipped] = []
    try:
        with path.open("rb") as stream:
            for item in _items(path, stream):
                if isinstance(item, Report):
                    reports.append(item)
                elif isinstance(item, Skipped):
                    skipped.append(item)
    except (UnreadableFile, BadMapping) as error:
        raise NoReports(f"{path}: {error}") from None
    if not reports:
        reason = f"line {skipped[0].line}: {skipped[0].reason}" if skipped else "it is empty"
        raise NoReports(f"{path}: no reports in it ({reason})")
    return Deliveries(tuple((each.complaint, each.value) for each in reports), skipped=tuple(skipped))


def _items(path: Path, stream: Iterable[bytes]) -> Iterable[Item]:
    lines = iter(stream)
    first = next(lines, b"")
    everything = chain([first], lines)
    if is_json(str(path), first):
        return json_reports(everything)
    return csv_table(everything, TableOptions(), datetime.now(UTC))
