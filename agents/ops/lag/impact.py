"""What it means for complaints that a stage is behind."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StageImpact:
    """What waits in front of a stage, one and many, and what that leaves undone."""

    one: str
    many: str
    undone: str


STAGE_IMPACTS: Final[dict[str, StageImpact]] = {
    "intake": StageImpact("report", "reports", "not registered: no complaint, no number, no deadline yet"),
    "lifecycle": StageImpact(
        "command", "commands", "not decided on; they count by when they came, however late that is"
    ),
    "verification": StageImpact("fact", "facts", "not looked at: new complaints wait for their verification"),
    "disposition": StageImpact("fact", "facts", "not looked at: verified complaints wait for an office"),
    "sla": StageImpact("snapshot", "snapshots", "without a timer: their deadlines ring late"),
    "escalation": StageImpact("fact", "facts", "not looked at: missed deadlines are brought before nobody"),
    "resolution": StageImpact("fact", "facts", "not looked at: settled complaints are not published"),
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
    found = STAGE_IMPACTS[stage]
    return f"up to {lag:,} {found.one if lag == 1 else found.many} {found.undone}"
