"""Tables and views of the mirror: the SQL files of this package, which DuckDB and PostgreSQL both accept."""

from importlib.resources import files
from typing import Final

SCHEMA_VERSION: Final = 6
"""Version of the table layout: a mirror with another one is rebuilt."""

CURRENT_AT: Final = "current_at"
"""Entry of the table `mirror`: time (ISO 8601) before which it has all records; absent at first."""

REPLACED_STORIES: Final = """
    SELECT 1 FROM resolutions JOIN new_resolutions USING (complaint_id)
    WHERE resolutions.story_title IS NOT NULL LIMIT 1"""
"""Query that shows whether a published story is about to be replaced or deleted."""

INDEXES: Final = (
    "CREATE UNIQUE INDEX ON complaints (complaint_id)",
    "CREATE UNIQUE INDEX ON resolutions (complaint_id)",
    "CREATE INDEX ON clocks (complaint_id)",
    "CREATE INDEX ON facts (complaint_id)",
)
"""Of PostgreSQL; DuckDB reads whole columns as fast."""


def _statements(name: str) -> list[str]:
    text = files("agents.mirror").joinpath(name).read_text("utf-8")
    return [statement for statement in text.split(";") if statement.strip()]


REPLACE_COMPLAINTS: Final = _statements("replace_complaints.sql")
CREATE: Final = _statements("tables.sql") + _statements("views.sql")
