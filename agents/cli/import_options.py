"""The options of `alur submit` about a file: where its table is, what its columns and words mean."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from agents.cli.sources import channel
from agents.config import policy_files
from agents.integrations.cells import quoted
from agents.integrations.dates import Order
from agents.integrations.import_file import LAPOR, OPEN311
from agents.integrations.layouts import catalogue
from agents.integrations.report_rows import ZONE
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
Form = Annotated[
    Format | None,
    typer.Option("--format", help="take it for this format; found out unless given, see docs/how-to/exchange-files.md"),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="which column of a table holds what; FIELD= for none"),
]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="COLUMN", help="leave this column out on purpose")
]
NoId = Annotated[
    bool, typer.Option("--no-id", help="rows have no id: make one of what each says, the same for the same words")
]
Sheet = Annotated[
    str | None, typer.Option("--sheet", help="the sheet of a workbook; the one with the best header unless given")
]
HeaderRow = Annotated[
    int | None, typer.Option("--header-row", min=1, help="the row with the names of the columns; found unless given")
]
Hidden = Annotated[bool, typer.Option("--hidden", help="read hidden sheets and rows too")]
Encoding = Annotated[str | None, typer.Option(help="of a CSV, such as cp1252; found out unless given")]
Dates = Annotated[
    Order | None,
    typer.Option("--dates", help="the order of day, month and year in numbers; found out for each column unless given"),
]
Zone = Annotated[
    str | None,
    typer.Option(callback=_zone, help=f"the zone of times that name none; of the layout unless given, else {ZONE}"),
]
Anywhere = Annotated[bool, typer.Option("--anywhere", help=f"keep coordinates outside {catalogue().country['name']}")]
OpenAs = Annotated[
    list[str] | None,
    typer.Option("--open-as", metavar="WORD", help="a status that means there is something left to do"),
]
ClosedAs = Annotated[
    list[str] | None, typer.Option("--closed-as", metavar="WORD", help="a status that means it is over")
]
Source = Annotated[
    str | None,
    typer.Option(
        callback=channel,
        help="the channel that reports come from; that of the layout unless given, else made from the name of the file",
    ),
]
Class = Annotated[
    ComplaintClass | None, typer.Option("--class", help="the class of rows that have none; complaint unless given")
]
Settled = Annotated[bool, typer.Option("--settled", help="submit also what is closed or archived where it comes from")]


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
