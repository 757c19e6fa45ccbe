"""Tables and views of the mirror, in SQL that DuckDB and PostgreSQL both accept.

Times are UTC without zone; columns that end in `_on` are days in the national zone.
"""

from importlib.resources import files
from typing import Final

SCHEMA_VERSION: Final = 6
"""Number of this layout: a mirror of another number is built anew."""

CURRENT_AT: Final = "current_at"
"""Name in the table `mirror` of the moment (ISO 8601) from before which it has all records; absent at first."""

TABLES: Final[dict[str, str]] = {
    "facts": """
        complaint_id TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, happened_at TIMESTAMP NOT NULL,
        actor TEXT NOT NULL, status TEXT NOT NULL, holder TEXT, office TEXT, clock TEXT, due_at TIMESTAMP,
        archive_reason TEXT, rating INTEGER, working_days INTEGER""",
    "complaints": """
        complaint_id TEXT NOT NULL, tracking_id TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL,
        class TEXT NOT NULL, category TEXT, province TEXT, city TEXT, district TEXT, channel TEXT NOT NULL,
        anonymous BOOLEAN NOT NULL, secret BOOLEAN NOT NULL, chosen_office TEXT, office TEXT,
        round INTEGER NOT NULL, returns INTEGER NOT NULL, escalations INTEGER NOT NULL, exhausted BOOLEAN NOT NULL,
        breaches INTEGER NOT NULL, extensions INTEGER NOT NULL, policy TEXT NOT NULL,
        received_at TIMESTAMP NOT NULL, received_on DATE NOT NULL, updated_at TIMESTAMP NOT NULL,
        verified_at TIMESTAMP, disposed_at TIMESTAMP, answered_at TIMESTAMP, answered_working_days INTEGER,
        outcome TEXT, closed_at TIMESTAMP, closed_on DATE, working_days INTEGER, rating INTEGER,
        reopenings INTEGER NOT NULL, progress_notes INTEGER NOT NULL, follow_up_rejections INTEGER NOT NULL,
        follows TEXT, waiting_for TEXT, waiting_why TEXT""",
    "clocks": """
        complaint_id TEXT NOT NULL, name TEXT NOT NULL, started_at TIMESTAMP NOT NULL, due_at TIMESTAMP,
        warned BOOLEAN NOT NULL, breached BOOLEAN NOT NULL, paused BOOLEAN NOT NULL""",
    "resolutions": """
        complaint_id TEXT NOT NULL, sequence INTEGER, tracking_id TEXT, outcome TEXT, class TEXT, category TEXT,
        province TEXT, city TEXT, office TEXT, received_at TIMESTAMP, closed_at TIMESTAMP, working_days INTEGER,
        on_time BOOLEAN, breaches INTEGER, escalations INTEGER, rating INTEGER, story_title TEXT, story_answer TEXT""",
    "offices": """
        office TEXT NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL, parent TEXT, agency TEXT NOT NULL, province TEXT,
        city TEXT, since DATE, until DATE, categories TEXT""",
    "unread": """
        topic TEXT NOT NULL, kafka_partition INTEGER NOT NULL, kafka_offset BIGINT NOT NULL, reason TEXT NOT NULL""",
    "positions": "topic TEXT NOT NULL, kafka_partition INTEGER NOT NULL, next_offset BIGINT NOT NULL",
    "mirror": "name TEXT NOT NULL, value TEXT NOT NULL",
}
"""Columns of each table, by its name."""

MILESTONES: Final = ("verified_at", "disposed_at", "answered_at", "answered_working_days")
"""Columns of `complaints` that keep the first value; of answers, the first since the last one that was rejected."""

REPLACED_STORIES: Final = """
    SELECT 1 FROM resolutions JOIN new_resolutions USING (complaint_id)
    WHERE resolutions.story_title IS NOT NULL LIMIT 1"""
"""Finds out whether a published story is about to be replaced or deleted."""


def create_statements() -> list[str]:
    """Return the SQL that creates tables and views."""
    tables = [f"CREATE TABLE {name} ({definition})" for name, definition in TABLES.items()]
    views = files("agents.mirror").joinpath("views.sql").read_text("utf-8")
    return [*tables, *(statement for statement in views.split(";") if "CREATE" in statement)]


def _kept(name: str) -> str:
    first = f"COALESCE(complaints.{name}, new_complaints.{name})"
    if not name.startswith("answered"):
        return f"{name} = {first}"
    rejected = "new_complaints.follow_up_rejections > complaints.follow_up_rejections"
    return f"{name} = CASE WHEN {rejected} THEN new_complaints.{name} ELSE {first} END"


_KEPT: Final = ", ".join(map(_kept, MILESTONES))
REPLACE_COMPLAINTS: Final = (
    f"UPDATE new_complaints SET {_KEPT} FROM complaints WHERE complaints.complaint_id = new_complaints.complaint_id",  # noqa: S608
    "DELETE FROM complaints WHERE complaint_id IN (SELECT complaint_id FROM new_complaints)",
    "INSERT INTO complaints SELECT * FROM new_complaints",
    "DELETE FROM clocks WHERE complaint_id IN (SELECT complaint_id FROM new_complaints)",
)
"""Replaces complaints by those of the table `new_complaints`: in DuckDB a fourth of the time of ON CONFLICT."""

INDEXES: Final = (
    "CREATE UNIQUE INDEX ON complaints (complaint_id)",
    "CREATE UNIQUE INDEX ON resolutions (complaint_id)",
    "CREATE INDEX ON clocks (complaint_id)",
    "CREATE INDEX ON facts (complaint_id)",
)
"""Of PostgreSQL; DuckDB reads whole columns as fast."""
