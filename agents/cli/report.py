"""`alur report`: figures of a period from the mirror."""

import json
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, note, say
from agents.cli.errors import MISUSED, Failure
from agents.cli.options import FromMirror
from agents.cli.tables import grid, new_table
from agents.cli.wording import safe
from agents.integrations.csv_text import csv_text
from agents.integrations.sheet_writer import XlsxWriter
from agents.mirror import change_drivers
from agents.mirror.definitions import FIGURES, REPORTS, Grouping, Report
from agents.mirror.figures import MIN_COMPARED, Line, Period, report
from agents.mirror.stores import Reading
from agents.runtime.http.templates import render


class Form(StrEnum):
    """Output formats of a report."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"
    HTML = "html"


_PLAIN_WIDTH: Final = 10_000
_NOTE_WITH_CHANGES: Final = "Below each value is its change; of shares in points, with a 95 % interval."
_NOTE_ON_SHARES: Final = "The change of shares is in points, with a 95 % interval."


def show_report(  # noqa: PLR0913 -- the options of a command are its arguments
    name: Annotated[Report, typer.Argument(help="which figures")],
    *,
    mirror: FromMirror,
    period: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="2026, 2026-Q3 or 2026-09; default: this year")
    ] = None,
    by: Annotated[Grouping | None, typer.Option(help="one line for each; the default depends on the report")] = None,
    office: Annotated[str | None, typer.Option(metavar="ID", help="only this office and its units")] = None,
    form: Annotated[Form, typer.Option("--format", help="output format")] = Form.TABLE,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="output file; default: stdout")] = None,
) -> None:
    """Show figures of the complaints received in a period, beside the period before.

    alur report scorecard --from mirror.duckdb --period 2026-Q3

    alur report offices --from mirror.duckdb --period 2026 --format xlsx --out offices.xlsx
    """
    if form is Form.XLSX and out is None:
        raise Failure("--format xlsx writes to a file: give --out FILE.xlsx", MISUSED)
    chosen = Period.parse(period or str(date.today().year))  # noqa: DTZ011 -- the local day of the caller
    if name is Report.DRIVERS:
        if by or office or out or form in {Form.XLSX, Form.HTML}:
            raise Failure("drivers takes --period and --format table, csv or json only", MISUSED)
        _print_change(mirror, chosen, form)
        return
    with Reading(mirror) as reading:
        lines = report(reading, name, chosen, by=by, office=office)
    if not lines:
        raise Failure(f"no complaint was received in {chosen.name}" + (f" that {office} holds" if office else ""))
    group = by or REPORTS[name].grouping
    _write(form, lines, name, chosen, group, out=out)


def _write(  # noqa: PLR0913 -- as `_text`, and the file
    form: Form, lines: list[Line], name: Report, period: Period, group: Grouping, *, out: Path | None
) -> None:
    if form is Form.TABLE:
        _print(lines, period, group, out)
    elif out is None:
        say(_text(form, lines, name, period, group))
    elif form is Form.XLSX:
        with out.open("wb") as binary, closing(XlsxWriter(binary)) as writer:
            for row in [*_rows(lines, group), *([each] for each in _notes(lines))]:
                writer.write(row)
    else:
        out.write_text(_text(form, lines, name, period, group) + "\n", encoding="utf-8")
    if out:
        note(f"wrote {out}")


def _print_change(mirror: str, period: Period, form: Form) -> None:
    with Reading(mirror) as reading:
        change = change_drivers.change(reading, period)
    fields = ("dimension", "group", "now", "before", "points")
    rows = [[getattr(part, name) for name in fields] for part in change.parts]
    if form is Form.JSON:
        document = {"definition": change_drivers.DEFINITION, **asdict(change)}
        say(json.dumps(document, indent=2, ensure_ascii=False))
        return
    text = [[f"{cell:+.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    if form is Form.CSV:
        say(_as_csv([list(fields), *text], [f"# {change_drivers.DEFINITION}"]))
        return
    table = new_table(*fields)
    for row in text:
        table.add_row(*(Text(safe(cell)) for cell in row))
    screen = console()
    screen.print(safe(change.sentence), markup=False)
    screen.print(table)
    screen.print(change_drivers.DEFINITION, markup=False)


def _rows(lines: list[Line], group: Grouping) -> list[list[str]]:
    figures = list(lines[0].values)
    shares = [name for name in figures if FIGURES[name].of]
    bounds = [f"{name}_{bound}" for name in shares for bound in ("change", "low", "high")]
    header = [str(group), *figures, *(f"{name}_before" for name in figures), *bounds]
    values = (
        [
            line.group, *line.values.values(), *line.before.values(),
            *(each for name in shares for each in line.changes.get(name, (None,) * 3)),
        ]
        for line in lines
    )  # fmt: skip
    return [header, *(["" if value is None else str(value) for value in row] for row in values)]


def _notes(lines: list[Line]) -> list[str]:
    return [f"# {name}: {FIGURES[name].definition}" for name in lines[0].values]


def _as_csv(rows: list[list[str]], notes: list[str]) -> str:
    return "\n".join([csv_text(rows).rstrip("\n"), *notes])


def _json(lines: list[Line], period: Period) -> str:
    document = {
        "period": period.name,
        "before": period.before().name,
        "definitions": {name: FIGURES[name].definition for name in lines[0].values},
        "lines": [
            {"group": line.group, "figures": line.values, "before": line.before, "changes": line.changes,
             "growth": line.growth}
            for line in lines
        ],
    }  # fmt: skip
    return json.dumps(document, indent=2, ensure_ascii=False)


def _text(form: Form, lines: list[Line], name: Report, period: Period, group: Grouping) -> str:
    if form is Form.JSON:
        return _json(lines, period)
    return _html(lines, name, period, group) if form is Form.HTML else _as_csv(_rows(lines, group), _notes(lines))


_PLOTTED: Final = 20


def _html(lines: list[Line], name: Report, period: Period, group: Grouping) -> str:
    """Return one HTML page: plots of the size and of the first share, the table, the definitions."""
    figures = list(lines[0].values)
    plotted = [figures[0], *[figure for figure in figures if FIGURES[figure].of][:1]] if len(lines) > 1 else []
    return render(
        "agents.mirror",
        "pages",
        "report.html",
        title=f"{name}: {_title(lines, period)}",
        note=_NOTE_WITH_CHANGES,
        charts=[(figure, bars) for figure in plotted if (bars := list(_bars(figure, lines)))],
        lines=lines,
        group=None if group is Grouping.TOTAL else str(group),
        figures={figure: FIGURES[figure] for figure in figures},
        change_of=_change_of,
        few=_few,
    )


def _bars(figure: str, lines: list[Line]) -> Iterator[tuple[str, float, float | None, str]]:
    """Yield label, value, value before and text of each bar of a plot."""
    plotted = [line for line in lines if not line.few and line.values[figure] is not None][:_PLOTTED]
    for line in plotted:
        yield line.group, line.values[figure], line.before[figure], _shown(figure, line.values[figure])


def _few(line: Line) -> str:
    return f" (fewer than {MIN_COMPARED})" if line.few else ""


def _print(lines: list[Line], period: Period, group: Grouping, out: Path | None) -> None:
    with out.open("w", encoding="utf-8") if out else nullcontext() as stream:
        screen = console() if stream is None else Console(file=stream, width=160, highlight=False, emoji=False)
        screen.print(_title(lines, period), markup=False)
        total = group is Grouping.TOTAL
        if _compared(lines):
            screen.print(_NOTE_ON_SHARES if total else _NOTE_WITH_CHANGES, markup=False)
        table = _details(lines[0]) if total else _comparison(lines, group)
        wide = Measurement.get(screen, screen.options.update(max_width=_PLAIN_WIDTH), table).minimum > screen.width
        screen.print(_narrow(lines) if wide and not total else table)
        if not total:
            for name in lines[0].values:
                screen.print(f"{name}: {FIGURES[name].definition}", markup=False)


def _details(line: Line) -> Table:
    """Return one group with a row per figure: value, period before, change, definition."""
    numbers = ("value", "before", "change")
    table = new_table("figure", *numbers, "definition", unwrapped=numbers, right=numbers)
    for name, value in line.values.items():
        change = _change_of(name, line)
        table.add_row(name, _shown(name, value), _shown(name, line.before[name]), change, FIGURES[name].definition)
    return table


def _comparison(lines: list[Line], group: Grouping) -> Table:
    names = list(lines[0].values)
    table = new_table(str(group), *names, right=names)
    for line in lines:
        cells = (f"{_shown(name, value)}\n{_change_of(name, line)}" for name, value in line.values.items())
        table.add_row(Text(safe(line.group) + _few(line)), *map(str.rstrip, cells))
    return table


def _narrow(lines: list[Line]) -> Table:
    """Return a row for each figure of each group, for a screen too narrow for one column per figure."""
    table = grid(3)
    for line in lines:
        table.add_row(Text(safe(line.group) + _few(line)))
        for name, value in line.values.items():
            table.add_row(f"  {name}", _shown(name, value), _change_of(name, line))
    return table


def _title(lines: list[Line], period: Period) -> str:
    received = f"complaints received in {period.name}"
    return f"{received}, beside {period.before().name}" if _compared(lines) else f"{received}, none before"


def _compared(lines: list[Line]) -> bool:
    return any(value is not None for line in lines for value in line.before.values())


def _shown(name: str, value: float | None) -> str:
    return FIGURES[name].formatted(value)


def _change_of(name: str, line: Line) -> str:
    if name in line.changes:
        change, low, high = (100 * each for each in line.changes[name])
        return f"{change:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"{line.growth[name]:+.0%}" if name in line.growth else ""
