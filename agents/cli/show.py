"""`alur show`: the whole history of one complaint."""

from datetime import UTC, datetime

import typer

from agents.cli.context import console, say, settings_of
from agents.cli.options import AsJson, Complaint
from agents.cli.timeline import as_json, as_text
from agents.config.settings import Settings
from agents.ops.complaint_policy import policy_of
from events.client import ComplaintHistory, NoSuchComplaint, find_complaint, read_history, require_topics
from events.topics import TopicName
from events.wording import number_of

_TOPICS = (TopicName.EVENTS, TopicName.REJECTIONS, TopicName.STATE)


def show(ctx: typer.Context, complaint: Complaint, *, json: AsJson = False) -> None:
    """Show a complaint: its timeline, its clocks as of now, and refused commands.

    Times are local to the national zone of its policy; a clock's due time is local to the zone that counts for it.

        alur show 1042007

        alur show 7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11 --json
    """
    settings = settings_of(ctx)
    history = history_of(settings, complaint)
    if json:
        say(as_json(history))
    else:
        for part in as_text(history, policy_of(settings, history), datetime.now(UTC)):
            console().print(part)


def history_of(settings: Settings, complaint: str) -> ComplaintHistory:
    """Read the history of a complaint, named by its complaint id or its tracking id."""
    require_topics(settings, _TOPICS)
    history = read_history(settings, find_complaint(settings, complaint))
    if not history.history:
        refused = number_of(len(history.refusals), "command about it was", "commands about it were")
        raise NoSuchComplaint(
            f"there is no complaint {history.complaint} (a report that was just submitted may still be on its way)"
            + (f"; {refused} refused" if history.refusals else "")
        )
    return history
