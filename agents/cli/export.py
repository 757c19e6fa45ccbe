"""`alur export`: complaints in the file formats of other systems."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Final

import typer

from agents.cli.context import note, policy_now, settings_of
from agents.cli.errors import MISUSED, Failure, interruptible
from agents.config.settings import Settings
from agents.integrations.export import Export, ExportOptions
from agents.integrations.lapor_rows import HEADER
from agents.integrations.sheet_writer import CsvWriter, TooManyRows, XlsxWriter
from events.client import require_topics
from events.topics import TopicName
from events.wording import number_of

_XLSX: Final = ".xlsx"
_SUFFIXES: Final = (".csv", _XLSX)


class ExportFormat(StrEnum):
    """File formats of other systems."""

    LAPOR = "lapor"


def export(
    ctx: typer.Context,
    *,
    form: Annotated[ExportFormat, typer.Option("--format", help="format of the rows: the export of LAPOR")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="output file, .csv or .xlsx; default: CSV to stdout")
    ] = None,
    identities: Annotated[
        bool,
        typer.Option(
            "--identities", help="with reporters who are not anonymous; needs the right to read complaints.identities"
        ),
    ] = False,
) -> None:
    """Write every complaint as a row with the columns of the LAPOR export.

    Reporters are left out unless asked for, and anonymous ones always. The content of a secret complaint is left out:
    its texts, category and place.

        alur export --format lapor --out laporan.xlsx

        alur export --format lapor > laporan.csv
    """
    if out is not None and out.suffix.casefold() not in _SUFFIXES:
        raise Failure(f"--out: {out} is neither a .csv nor a .xlsx", MISUSED)
    settings = settings_of(ctx)
    require_topics(settings, [TopicName.EVENTS, TopicName.STATE, *([TopicName.IDENTITIES] if identities else [])])
    exported = Export(settings, _options(settings, identities=identities), waits=note)
    try:
        with interruptible(), _writer(out) as writer:
            writer.write(HEADER)
            for row in exported:
                writer.write(row)
    except TooManyRows as error:
        raise Failure(f"--out: {error}") from None
    note(f"exported {number_of(exported.rows, 'complaint')} as {form}" + (f" to {out}" if out else ""))
    if exported.incomplete:
        left_out = number_of(exported.incomplete, "complaint")
        raise Failure(f"left out: {left_out} whose facts could not be read to the last one")


def _options(settings: Settings, *, identities: bool) -> ExportOptions:
    policy = policy_now(settings)
    names = {office.id: office.name for office in policy.directory}
    offices = {office.id: (office.name, names.get(office.parent or "", "")) for office in policy.directory}
    return ExportOptions(offices, policy.national_zone, identities)


@contextmanager
def _writer(out: Path | None) -> Iterator[CsvWriter | XlsxWriter]:
    """Yield the writer; a file appears once it is complete, readable by its owner only."""
    if out is None:
        yield CsvWriter(sys.stdout)
        return
    try:
        with NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as unfinished:
            path = Path(unfinished.name)
    except OSError as error:
        # names the requested file, not the unfinished one
        raise Failure(f"{out}: {error.strerror}") from None
    try:
        if out.suffix.casefold() == _XLSX:
            with path.open("wb") as binary, closing(XlsxWriter(binary)) as writer:
                yield writer
        else:
            with path.open("w", encoding="utf-8", newline="") as text:
                yield CsvWriter(text)
        path.replace(out)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
