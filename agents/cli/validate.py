"""`alur validate`: validate messages before they are sent, and predict their effect. Needs no broker."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, BinaryIO

import typer

from agents.cli.context import policy_now, say, settings_of
from agents.cli.errors import Failure
from agents.cli.input_files import name_of, one_line, opened
from agents.cli.wording import safe
from agents.contract.dry_run import dry_run
from agents.contract.validation import ValidationReport, validate_message
from agents.integrations.encodings import lines_of
from agents.integrations.entries import NOTHING
from agents.integrations.json_messages import head_of, is_json, messages_in
from events.wording import number_of
from workflow.policy.model import Policy


def validate(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="messages in JSON: one, one per line, or a list; -: stdin")
    ],
) -> None:
    """Validate messages of the contract field by field, and predict their effect.

    Accepts messages of every type: reports, commands, facts, snapshots, rejections, resolutions. For a report it prints
    the complaint id and what the policy requires in addition: such a report is registered and postponed. Exits with 1
    if a message is invalid or the file empty. Needs no broker.

        alur validate report.json

        generate | alur validate -

        alur --policy ./our-policy.toml validate reports.jsonl
    """
    now = datetime.now(UTC)
    policy = policy_now(settings_of(ctx))
    count = wrong = 0
    with one_line(name_of(file)), opened(file) as stream:
        for place, raw in messages_of(name_of(file), stream):
            report = validate_message(raw)
            count += 1
            wrong += bool(report.errors)
            for line in _lines(place, report, now, policy):
                say(safe(line))
    if not count:
        raise Failure(f"{name_of(file)}: {NOTHING}")
    if wrong:
        raise Failure(f"{name_of(file)}: {wrong} of {number_of(count, 'message')} not valid")


def _lines(place: str, report: ValidationReport, now: datetime, policy: Policy) -> Iterator[str]:
    if report.message is None:
        yield f"{place}: {report.name}: {number_of(len(report.errors), 'mistake')}"
        yield from (f"  {error}" for error in report.errors)
        return
    yield f"{place}: {report.name}: valid"
    yield from (f"  {line}" for line in dry_run(report.message, now, policy))


def messages_of(name: str, stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield place and bytes of each message, parsed like those of `alur submit`; raise Failure for another format."""
    lines = lines_of(stream)
    head = head_of(lines)
    if head[-1].strip() and not is_json(head[-1]):
        file = "-" if name == "stdin" else name
        raise Failure(f"{name}: is not JSON: for a table or XML, alur submit --dry-run {file} shows what would be sent")
    for each in messages_in(chain(head, lines)):
        yield name if each.within == "whole" else f"{name}:{each.line}", each.raw
