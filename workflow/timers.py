"""When the sla stage has to look at a complaint again."""

from dataclasses import dataclass
from datetime import datetime

from events.snapshot import Complaint
from events.vocabulary import ClockName


@dataclass(frozen=True, slots=True)
class Alarm:
    """A moment at which notice of a clock has to be given."""

    at: datetime
    """The notice is true from just after this moment on."""
    clock: ClockName
    due_at: datetime
    warning: bool
    """Notice that the deadline is near, rather than that it has passed."""


def alarms(complaint: Complaint) -> tuple[Alarm, ...]:
    """Return the next alarm of each running clock: its warning if that is still to come, else its due time."""
    found = []
    for name, clock in complaint.clocks.items():
        if not clock.running or clock.due_at is None:
            continue
        warning = clock.warn_at is not None and not clock.warned and clock.warn_at < clock.due_at
        at = clock.warn_at if warning and clock.warn_at is not None else clock.due_at
        found.append(Alarm(at, name, clock.due_at, warning))
    return tuple(found)
