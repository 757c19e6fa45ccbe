"""The options of `alur submit` about a file: where its table is, what its columns and words mean."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, wraps
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from agents.cli.sources import channel
from agents.config import policy_files
from agents.integrations.cells import quoted
from agents.integrations.dates import Order
from agents.integrations.import_file import LAPOR, OPEN311, TableOptions
from agents.integrations.layouts import catalogue
from agents.integrations.report_rows import ZONE, ImportOptions
from agents.integrations.status_words import StatusWords
from events.vocabulary import ComplaintClass
from workflow.policy.model import Policy


class Format(StrEnum):
    """Formats of others that reports can come in."""

    OPEN311 = OPEN311
    LAPOR = LAPOR


def _zone(given: str | None) -> str | None:
    try:
        ZoneInfo(given or ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{given!r} is no time zone (such as Asia/Makassar)") from None
    return given


File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="reports in JSON, a table (CSV, .xlsx, .xls, .xlsb, .ods) or Open311; - is stdin"
    ),
]


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """What was asked for of a file: each field is an option, in the order in which they are told."""

    form: Annotated[
        Format | None,
        typer.Option(
            "--format", help="take it for this format; found out unless given, see docs/how-to/exchange-files.md"
        ),
    ] = None
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="which column of a table holds what; FIELD= for none"),
    ] = None
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="leave this column (of Open311: name) out on purpose"),
    ] = None
    no_id: Annotated[
        bool, typer.Option("--no-id", help="rows have no id: make one of what each says, the same for the same words")
    ] = False
    sheet: Annotated[
        str | None, typer.Option("--sheet", help="the sheet of a workbook; the one with the best header unless given")
    ] = None
    header_row: Annotated[
        int | None,
        typer.Option("--header-row", min=1, help="the row with the names of the columns; found unless given"),
    ] = None
    hidden: Annotated[bool, typer.Option("--hidden", help="read hidden sheets and rows too")] = False
    encoding: Annotated[str | None, typer.Option(help="of a CSV, such as cp1252; found out unless given")] = None
    dates: Annotated[
        Order | None,
        typer.Option(
            "--dates", help="the order of day, month and year in numbers; found out for each column unless given"
        ),
    ] = None
    zone: Annotated[
        str | None,
        typer.Option(callback=_zone, help=f"the zone of times that name none; of the layout unless given, else {ZONE}"),
    ] = None
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help=f"keep coordinates outside {catalogue().country['name']}")
    ] = False
    open_as: Annotated[
        list[str] | None,
        typer.Option("--open-as", metavar="WORD", help="a status that means there is something left to do"),
    ] = None
    closed_as: Annotated[
        list[str] | None, typer.Option("--closed-as", metavar="WORD", help="a status that means it is over")
    ] = None
    source: Annotated[
        str | None,
        typer.Option(
            callback=channel,
            help="the channel that reports come from; that of the layout, else of the file's name, unless given",
        ),
    ] = None
    complaint_class: Annotated[
        ComplaintClass | None, typer.Option("--class", help="the class of rows that have none; complaint unless given")
    ] = None
    settled: Annotated[
        bool, typer.Option("--settled", help="submit also what is closed or archived where it comes from")
    ] = False

    def table(self) -> TableOptions:
        """Return where the table is, and what its columns are."""
        return TableOptions(
            columns=tuple(self.columns or ()),
            ignored=tuple(self.ignore or ()),
            no_id=self.no_id,
            sheet=self.sheet,
            header_row=self.header_row,
            hidden=self.hidden,
            encoding=self.encoding,
            dates=self.dates,
            form=self.form,
        )

    def entries(self, origin: str | None, policy: str) -> ImportOptions:
        """Return how its entries become reports; `origin` is the channel of a table that names none."""
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
    """Give a command the fields of its parameter `asked: FileOptions` as options, one by one as typer wants them."""
    hints = get_type_hints(FileOptions, include_extras=True)
    mine = [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(FileOptions)
    ]

    @wraps(command)
    def run(ctx: typer.Context, **given: Any) -> None:  # noqa: ANN401 -- typer fills them in by the signature below
        asked = FileOptions(**{each.name: given.pop(each.name) for each in mine})
        command(ctx, asked=asked, **given)

    parameters = [
        new
        for old in inspect.signature(command, eval_str=True).parameters.values()
        for new in (mine if old.name == "asked" else [old])
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it, mypy does not
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def offices_of(policy: str) -> Callable[[str], tuple[str, str | None]]:
    """Return how to find an office of a policy's directory by its id or its name; the policy is read when it is asked.

    What is not in the directory today is given back as it is, with what is wrong. It raises PolicyError where the
    policy cannot be read.
    """

    @cache
    def current() -> Policy:
        return policy_files.load(policy).at(datetime.now(UTC))

    def find(text: str) -> tuple[str, str | None]:
        directory, today = current().directory, datetime.now(current().national_zone).date()
        named = (office.id for office in directory if office.name.casefold() == text.casefold())
        name = text if text in directory else next(named, text)
        if directory.known(name, today):
            return name, None
        what = "does not exist today" if name in directory else f"is not in the directory of {current().version}"
        return text, f"{quoted(text)} {what}: it is kept as text for who decides"

    return find
