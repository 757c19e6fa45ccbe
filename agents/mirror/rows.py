"""Rows of the mirror from records of `complaints.events` and `complaints.resolutions`.

The engine validated these records when it wrote them: they are parsed, and not validated again. A record that does not
have the expected shape becomes a row of `unread`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final

import orjson

from events.client import Record
from events.outcomes import ResolutionReopened
from events.topics import TopicName

Row = tuple[object, ...]
WorkingDays = Callable[[str, datetime, datetime], int | None]
"""Working days from receipt to a moment under a policy version; None if there is no such version."""

_NAME: Final = slice(len("lapor.complaint."), -len(".v1"))
_NAMED_ACTORS: Final = frozenset({"offices", "stages", "channels"})
_FIRSTS: Final = {"verified": "verified_at", "disposed": "disposed_at", "followed-up": "answered_at"}


@dataclass(slots=True)
class Rows:
    """Rows of one transaction, by table. Of each complaint and resolution the last one counts."""

    facts: list[Row] = field(default_factory=list)
    unread: list[Row] = field(default_factory=list)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    snapshots: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    firsts: dict[str, dict[str, Any]] = field(default_factory=dict)
    resolutions: dict[str, Row] = field(default_factory=dict)


class RowBuilder:
    """Builds rows from records.

    Args:
        zone: of the days.
        working_days: counts the working days to a first answer.
    """

    def __init__(self, zone: tzinfo, working_days: WorkingDays) -> None:
        self._zone = zone
        self._working_days = working_days

    def add(self, rows: Rows, records: Iterable[Record]) -> None:
        """Add the rows of `records` to `rows`."""
        for record in records:
            try:
                if record.topic is TopicName.EVENTS:
                    self._add_fact(rows, orjson.loads(record.value or b""))
                else:
                    _add_resolution(rows, (record.key or b"").decode(), record.value)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                reason = f"{type(error).__name__}: not a record of the engine"
                rows.unread.append((str(record.topic), record.partition, record.offset, reason))
            rows.positions[str(record.topic), record.partition] = record.offset + 1

    def _add_fact(self, rows: Rows, event: dict[str, Any]) -> None:
        data, name = event["data"], event["type"][_NAME]
        complaint = data["complaint"]
        complaint_id = complaint["complaint_id"]
        at, archived = _moment(event["time"]), name == "archived"
        rows.facts.append(
            (
                complaint_id, complaint["version"], name, at, actor(data["by"]), complaint["status"],
                complaint["office"], data.get("office"), data.get("clock"), _moment(data.get("due_at")),
                data["reason"] if archived else None, data.get("rating"), data.get("working_days"),
            )
        )  # fmt: skip
        rows.snapshots[complaint_id] = complaint
        if name == "follow-up-rejected":
            known = rows.firsts.setdefault(complaint_id, {})
            known["answered_at"] = known["answered_working_days"] = None
        if (first := _FIRSTS.get(name)) is not None:
            known = rows.firsts.setdefault(complaint_id, {})
            if known.get(first) is None:
                known[first] = at
                if first == "answered_at":
                    known["answered_working_days"] = self._days(complaint, event["time"])

    def _days(self, complaint: Mapping[str, Any], until: str) -> int | None:
        received = datetime.fromisoformat(complaint["received_at"])
        return self._working_days(complaint["policy"], received, datetime.fromisoformat(until))

    def complaint_rows(self, rows: Rows) -> list[Row]:
        """Return the rows of `complaints`."""
        return [self._complaint(each, rows.firsts.get(name, {})) for name, each in rows.snapshots.items()]

    def _complaint(self, each: Mapping[str, Any], firsts: Mapping[str, Any]) -> Row:
        place, waiting = each["location"] or {}, each.get("waiting_for") or {}
        return (
            each["complaint_id"], each["tracking_id"], each["version"], each["status"], each["class"], each["category"],
            place.get("province"), place.get("city"), place.get("district"), each["channel"], each["anonymous"],
            each["secret"], each["chosen_office"], each["office"], each["round"], each["returns"], each["rung"],
            each["exhausted"], each["breaches"], each["extensions"], each["policy"], _moment(each["received_at"]),
            self._day(each["received_at"]), _moment(each["updated_at"]), firsts.get("verified_at"),
            firsts.get("disposed_at"), firsts.get("answered_at"), firsts.get("answered_working_days"), each["outcome"],
            _moment(each["closed_at"]), self._day(each["closed_at"]), each["working_days"], each["rating"],
            each.get("reopenings", 0), each.get("progress_notes", 0),
            each.get("follow_up_rejections", 0), each.get("follows"), waiting.get("who"), waiting.get("why"),
        )  # fmt: skip

    def _day(self, moment: str | None) -> str | None:
        return None if moment is None else str(datetime.fromisoformat(moment).astimezone(self._zone).date())


def clock_rows(rows: Rows) -> list[Row]:
    """Return the rows of `clocks`."""
    return [
        (
            name, clock, _moment(run["started_at"]), _moment(run["due_at"]), run.get("warned", False),
            run.get("breached", False), run.get("paused", False),
        )
        for name, complaint in rows.snapshots.items()
        for clock, run in complaint["clocks"].items()
    ]  # fmt: skip


def _add_resolution(rows: Rows, complaint_id: str, value: bytes | None) -> None:
    event = None if value is None else orjson.loads(value)
    if event is None or event["type"] == ResolutionReopened.TYPE:
        rows.resolutions[complaint_id] = (complaint_id, *[None] * 17)
        return
    data = event["data"]
    story = data["story"] or {}
    rows.resolutions[complaint_id] = (
        complaint_id, int(event["sequence"]), data["tracking_id"], data["outcome"], data["class"], data["category"],
        data["province"], data["city"], data["office"], _moment(data["received_at"]), _moment(data["closed_at"]),
        data["working_days"], data["on_time"], data["breaches"], data["escalations"], data["rating"],
        story.get("title"), story.get("answer"),
    )  # fmt: skip


def actor(source: str) -> str:
    """Return the system or office that caused a fact: the same for each citizen."""
    kind, name = [*source.removeprefix("/").split("/"), ""][:2]
    return f"/{kind}/{name}" if kind in _NAMED_ACTORS else f"/{kind}"


def _moment(written: str | None) -> str | None:
    """Return a time of the contract as the databases read it; they take UTC times without the `Z`."""
    return None if written is None else written.removesuffix("Z")
