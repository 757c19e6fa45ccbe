"""What it means for complaints that a stage is behind."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """What waits in front of a stage, one and many, and what that leaves undone."""

    one: str
    many: str
    undone: str


MEANINGS: Final[dict[str, Meaning]] = {
    "intake": Meaning("report", "reports", "not registered: no complaint, no number, no deadline yet"),
    "lifecycle": Meaning("command", "commands", "not decided on; they count by when they came, however late that is"),
    "verification": Meaning("fact", "facts", "not looked at: new complaints wait for their verification"),
    "disposition": Meaning("fact", "facts", "not looked at: verified complaints wait for an office"),
    "sla": Meaning("snapshot", "snapshots", "without a timer: their deadlines ring late"),
    "escalation": Meaning("fact", "facts", "not looked at: missed deadlines are brought before nobody"),
    "resolution": Meaning("fact", "facts", "not looked at: settled complaints are not published"),
}
"""By stage."""

ON_DEADLINES: Final = frozenset({"lifecycle", "verification", "disposition", "sla", "escalation"})
"""Stages that deadlines hang on: while they are behind, one passes that would have been met, or is noticed late."""

BY_THE_CLOCK: Final = frozenset({"sla"})
"""Stages that work when time passes, also when no record comes: without a worker they are at fault without any lag."""


def waiting(stage: str | None, lag: int) -> str | None:
    """Say what waits in front of a stage: of so many offsets at most so many, since markers take some."""
    if stage is None or lag == 0:
        return None
    found = MEANINGS[stage]
    return f"up to {lag:,} {found.one if lag == 1 else found.many} {found.undone}"
