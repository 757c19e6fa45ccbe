"""Options of `alur submit` for a file: where its table is, and what columns and words mean."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, wraps
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from agents.cli.fields import option, with_parameters
from agents.cli.options import channel
from agents.config import policy_files
from agents.integrations.cells import quoted
from agents.integrations.dates import Order
from agents.integrations.import_file import LAPOR, OPEN311, TableOptions
from agents.integrations.layouts import StatusWords, catalogue
from agents.integrations.report_rows import ZONE, ImportOptions
from events.vocabulary import ComplaintClass
from workflow.policy.model import Policy


class Format(StrEnum):
    """File formats of other systems that are read."""

    OPEN311 = OPEN311
    LAPOR = LAPOR


def _zone(name: str | None) -> str | None:
    try:
        ZoneInfo(name or ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{name!r} is not a time zone (such as Asia/Makassar)") from None
    return name


File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="reports in JSON, a table (CSV, .xlsx, .xls, .xlsb, .ods) or Open311; -: stdin"
    ),
]
_Text = str | None
_Texts = list[str] | None
_COUNTRY = catalogue().country["name"]


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """The options about a file, in the order of the help."""

    form: Annotated[
        Format | None,
        typer.Option("--format", help="format of the file, by default detected: see docs/how-to/exchange-files.md"),
    ] = None
    columns: Annotated[
        _Texts, typer.Option("--map", metavar="FIELD=COLUMN", help="the column of a field; FIELD= for none")
    ] = None
    ignore: Annotated[
        _Texts, typer.Option("--ignore", metavar="COLUMN", help="ignore this column (of Open311: name)")
    ] = None
    no_id: Annotated[bool, typer.Option("--no-id", help="rows have no id: derive it from their content")] = False
    sheet: Annotated[_Text, typer.Option(help="sheet of a workbook; default: the one with the best header")] = None
    header_row: Annotated[
        int | None, typer.Option(min=1, help="row with the names of the columns; default: detected")
    ] = None
    hidden: Annotated[bool, typer.Option("--hidden", help="read hidden sheets and rows too")] = False
    encoding: Annotated[_Text, typer.Option(help="of a CSV, such as cp1252; default: detected")] = None
    dates: Annotated[Order | None, typer.Option(help="order of day, month and year; default: detected per column")] = (
        None
    )
    zone: Annotated[
        _Text, typer.Option(callback=_zone, help=f"zone of times without one; default: that of the layout, else {ZONE}")
    ] = None
    anywhere: Annotated[bool, typer.Option("--anywhere", help=f"keep coordinates outside {_COUNTRY}")] = False
    open_as: Annotated[_Texts, typer.Option(metavar="WORD", help="a status that means open")] = None
    closed_as: Annotated[_Texts, typer.Option(metavar="WORD", help="a status that means settled")] = None
    source: Annotated[
        _Text,
        typer.Option(callback=channel, help="channel of the reports; default: by layout or file name"),
    ] = None
    complaint_class: Annotated[
        ComplaintClass | None, typer.Option("--class", help="class of rows without one; default: complaint")
    ] = None
    settled: Annotated[bool, typer.Option("--settled", help="submit settled entries too")] = False

    def table(self) -> TableOptions:
        """Return the options of the table."""
        return TableOptions(
            columns=tuple(self.columns or ()),
            ignored=tuple(self.ignore or ()),
            **{
                name: getattr(self, name)
                for name in ("no_id", "sheet", "header_row", "hidden", "encoding", "dates", "form")
            },
        )

    def entries(self, origin: str | None, policy: str) -> ImportOptions:
        """Return the options for converting entries to reports; `origin` is the channel of a table without one."""
        return ImportOptions(
            source=self.source,
            origin=origin,
            complaint_class=self.complaint_class or ComplaintClass.COMPLAINT,
            settled=self.settled,
            words=StatusWords(tuple(self.open_as or ()), tuple(self.closed_as or ())),
            zone=ZoneInfo(self.zone) if self.zone else None,
            anywhere=self.anywhere,
            offices=offices_of(policy),
        )


def with_file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter `asked: FileOptions` of a command by an option for each of its fields."""
    hints = get_type_hints(FileOptions, include_extras=True)
    options = [option(each.name, hints[each.name], each.default) for each in fields(FileOptions)]

    @wraps(command)
    def run(ctx: typer.Context, **values: Any) -> None:  # noqa: ANN401 -- typer passes them by the parameters below
        asked = FileOptions(**{each.name: values.pop(each.name) for each in options})
        command(ctx, asked=asked, **values)

    own = inspect.signature(command, eval_str=True).parameters.values()
    return with_parameters(run, [new for old in own for new in (options if old.name == "asked" else [old])])


def offices_of(policy: str) -> Callable[[str], tuple[str, str | None]]:
    """Return a function that finds an office by id or name, else the reason; the policy is read on first use."""

    @cache
    def current() -> Policy:
        return policy_files.load(policy).at(datetime.now(UTC))

    def find(text: str) -> tuple[str, str | None]:
        directory, today = current().directory, datetime.now(current().national_zone).date()
        named = (office.id for office in directory if office.name.casefold() == text.casefold())
        name = text if text in directory else next(named, text)
        if directory.exists_on(name, today):
            return name, None
        what = "does not exist today" if name in directory else f"is not in the directory of {current().version}"
        return text, f"{quoted(text)} {what}: it is kept as text for the decision"

    return find
