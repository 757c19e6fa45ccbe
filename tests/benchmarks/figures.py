"""Output of measurements: a table for people, JSON for comparisons of two runs."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from agents.local_broker.node import KAFKA_VERSION

_CPUINFO: Final = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal of a figure: a lower or an upper bound."""

    bound: float
    at_least: bool = True

    def reached(self, value: float) -> bool:
        """Return whether `value` reaches it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        """Format it for people."""
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity, once per round."""

    what: str
    values: tuple[float, ...]
    form: str
    goal: Goal | None = None
    remark: str = ""

    def __str__(self) -> str:
        """Format the median with minimum and maximum."""
        if len(self.values) == 1:
            return f"{self.values[0]:{self.form}}{self.remark}"
        low, high = min(self.values), max(self.values)
        return f"{median(self.values):{self.form}} ({low:{self.form}} to {high:{self.form}}){self.remark}"

    @property
    def verdict(self) -> str:
        """Return whether the median reaches the goal, if there is one."""
        if self.goal is None:
            return ""
        return f"{self.goal}" + ("" if self.goal.reached(median(self.values)) else ": not reached")


@dataclass
class Figures:
    """A table that grows while measuring and is printed at the end."""

    title: str
    rows: list[Figure] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    """How busy the machine was by its load average: before each figure was written down."""

    def add(
        self, what: str, values: Iterable[float], form: str = ",.0f", *, goal: Goal | None = None, remark: str = ""
    ) -> None:
        """Add one figure with a value per round, and print it."""
        figure = Figure(what, tuple(values), form, goal, remark)
        self.rows.append(figure)
        self.load.append(os.getloadavg()[0])
        say(f"{figure.what}: {figure} {figure.verdict}".rstrip())

    def show(self, file: Path) -> None:
        """Print the whole, and write it to `file` as JSON."""
        table = Table("figure", "median (least to most)", "goal", title=self.title)
        for row in self.rows:
            table.add_row(row.what, str(row), row.verdict)
        console = Console(width=140)
        console.print(table)
        about = machine(self.load)
        console.print(", ".join(f"{name} {value}" for name, value in about.items()), highlight=False)
        figures = [{**asdict(row), "median": median(row.values), "verdict": row.verdict} for row in self.rows]
        file.write_text(json.dumps({"machine": about, "figures": figures}, indent=2, ensure_ascii=False))
        say(f"written to {file}")


def machine(load: Sequence[float]) -> dict[str, Any]:
    """Describe machine and time: compare ratios between machines, not figures."""
    models = [line.partition(": ")[2] for line in _lines(_CPUINFO) if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": f"{os.cpu_count()} x {models[0] if models else platform.machine()}",
        "memory": f"{memory / 1e9:.0f} GB",
        "Python": platform.python_version(),
        "Kafka": KAFKA_VERSION,
        "load": f"{min(load, default=0):.1f} to {max(load, default=0):.1f}",
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def say(line: str) -> None:
    """Print progress."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(line)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
