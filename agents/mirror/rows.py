"""Rows of the mirror from records of `complaints.events` and `complaints.resolutions`.

The engine validated these records when it wrote them, so they are only parsed. A record with an unexpected structure
becomes a row of `unread`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

import orjson

from agents.mirror.topic_reader import Part
from events.codec import partial
from events.outcomes import ResolutionReopened
from events.topics import TopicName

Row = tuple[object, ...]
WorkingDays = Callable[[str, datetime, datetime], int | None]
"""Working days from receipt to a moment under a policy version; None if there is no such version."""

_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)
_NAME: Final = slice(len("lapor.complaint."), -len(".v1"))
_NAMED_ACTORS: Final = frozenset({"offices", "stages", "channels"})
_FIRSTS: Final = {"verified": "verified_at", "disposed": "disposed_at", "followed-up": "answered_at"}


@dataclass(slots=True)
class Rows:
    """Rows of one transaction by table; only the last row of each complaint and resolution."""

    facts: list[Row] = field(default_factory=list)
    unread: list[Row] = field(default_factory=list)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    complaints: dict[str, Row] = field(default_factory=dict)
    clocks: dict[str, list[Row]] = field(default_factory=dict)
    resolutions: dict[str, Row] = field(default_factory=dict)


class RowBuilder:
    """Builds rows from records; `zone` determines days, `working_days` counts those up to a first answer."""

    def __init__(self, zone: tzinfo, working_days: WorkingDays) -> None:
        self._zone = zone
        self._working_days = working_days

    def rows(self, parts: Sequence[Part]) -> Rows:
        """Return the rows of records. Only the last snapshot of a complaint is parsed, if no record is foreign."""
        with suppress(*_UNREADABLE):
            return _Batch(self._zone, self._working_days, all_parsed=False).filled(parts)
        return _Batch(self._zone, self._working_days, all_parsed=True).filled(parts)


class _Batch:
    def __init__(self, zone: tzinfo, working_days: WorkingDays, *, all_parsed: bool) -> None:
        self._zone = zone
        self._working_days = working_days
        self._all_parsed = all_parsed
        self._rows = Rows()
        self._snapshots: dict[str, bytes] = {}
        self._firsts: dict[str, dict[str, Any]] = {}

    def filled(self, parts: Sequence[Part]) -> Rows:
        rows = self._rows
        for topic, records in parts:
            for record in records:
                try:
                    if topic is TopicName.EVENTS:
                        self._add_fact(record.value or b"")
                    else:
                        _add_resolution(rows, (record.key or b"").decode(), record.value)
                except _UNREADABLE as error:
                    if not self._all_parsed:
                        raise
                    reason = f"{type(error).__name__}: not a record of the engine"
                    rows.unread.append((str(topic), record.partition, record.offset, reason))
            if records:
                rows.positions[str(topic), records[-1].partition] = records[-1].offset + 1
        for raw in self._snapshots.values():
            self._add_complaint(orjson.loads(raw))
        return rows

    def _add_fact(self, value: bytes) -> None:
        cut = None if self._all_parsed else partial.cut_fact(value)
        summary = None if cut is None else partial.summary_in(cut[1])
        event = orjson.loads(value if cut is None or summary is None else cut[0])
        if cut is not None and summary is not None and partial.is_well_cut(event):
            snapshot: bytes | dict[str, Any] = cut[1]
            self._snapshots[summary.complaint_id] = cut[1]
        else:
            event = orjson.loads(value)
            snapshot = each = event["data"]["complaint"]
            summary = partial.SnapshotSummary(each["complaint_id"], each["version"], each["status"], each["office"])
            self._add_complaint(each)  # first, since it detects unreadable records
            self._snapshots.pop(summary.complaint_id, None)
        data, name, at = event["data"], event["type"][_NAME], _moment(event["time"])
        row = (
            summary.complaint_id, summary.version, name, at, actor(data["by"]), summary.status, summary.office,
            data.get("office"), data.get("clock"), _moment(data.get("due_at")),
            data["reason"] if name == "archived" else None, data.get("rating"), data.get("working_days"),
        )  # fmt: skip
        if name == "follow-up-rejected":
            firsts = self._firsts.setdefault(summary.complaint_id, {})
            firsts["answered_at"] = firsts["answered_working_days"] = None
        if (first := _FIRSTS.get(name)) is not None:
            firsts = self._firsts.setdefault(summary.complaint_id, {})
            if firsts.get(first) is None:
                firsts[first] = at
                if first == "answered_at":
                    firsts["answered_working_days"] = self._days(snapshot, event["time"])
        if isinstance(snapshot, dict):
            self._add_complaint(snapshot)
        self._rows.facts.append(row)

    def _days(self, snapshot: bytes | Mapping[str, Any], until: str) -> int | None:
        complaint = orjson.loads(snapshot) if isinstance(snapshot, bytes) else snapshot
        received = datetime.fromisoformat(complaint["received_at"])
        return self._working_days(complaint["policy"], received, datetime.fromisoformat(until))

    def _add_complaint(self, each: Mapping[str, Any]) -> None:
        name = each["complaint_id"]
        place, waiting, firsts = each["location"] or {}, each.get("waiting_for") or {}, self._firsts.get(name, {})
        self._rows.complaints[name] = (
            name, each["tracking_id"], each["version"], each["status"], each["class"], each["category"],
            place.get("province"), place.get("city"), place.get("district"), each["channel"], each["anonymous"],
            each["secret"], each["chosen_office"], each["office"], each["round"], each["returns"], each["rung"],
            each["exhausted"], each["breaches"], each["extensions"], each["policy"], _moment(each["received_at"]),
            self._day(each["received_at"]), _moment(each["updated_at"]), firsts.get("verified_at"),
            firsts.get("disposed_at"), firsts.get("answered_at"), firsts.get("answered_working_days"), each["outcome"],
            _moment(each["closed_at"]), self._day(each["closed_at"]), each["working_days"], each["rating"],
            each.get("reopenings", 0), each.get("progress_notes", 0),
            each.get("follow_up_rejections", 0), each.get("follows"), waiting.get("who"), waiting.get("why"),
        )  # fmt: skip
        self._rows.clocks[name] = [
            (
                name, clock, _moment(run["started_at"]), _moment(run["due_at"]), run.get("warned", False),
                run.get("breached", False), run.get("paused", False),
            )
            for clock, run in each["clocks"].items()
        ]  # fmt: skip

    def _day(self, moment: str | None) -> str | None:
        return None if moment is None else str(datetime.fromisoformat(moment).astimezone(self._zone).date())


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


@lru_cache(maxsize=10_000)
def actor(source: str) -> str:
    """Return the system or office that caused a fact; all citizens have the same value."""
    kind, name = [*source.removeprefix("/").split("/"), ""][:2]
    return f"/{kind}/{name}" if kind in _NAMED_ACTORS else f"/{kind}"


def _moment(written: str | None) -> str | None:
    """Return a time of the contract in the format of the databases, which take UTC without `Z`."""
    return None if written is None else written.removesuffix("Z")
