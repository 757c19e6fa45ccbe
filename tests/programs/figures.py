"""How measurements are written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass
class Figures:
    """A table that grows while things are measured, and is printed at the end."""

    title: str
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, what: str, figure: str, goal: str = "") -> None:
        """Write down one figure, on the terminal at once."""
        self.rows.append((what, figure, goal))
        say(f"{what}: {figure}")

    def show(self) -> None:
        """Print the whole."""
        table = Table("figure", "measured", "goal", title=self.title)
        for row in self.rows:
            table.add_row(*row)
        Console(width=120).print(table)


def say(line: str) -> None:
    """Tell whoever waits what goes on."""
    Console(stderr=True, highlight=False).print(line)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
