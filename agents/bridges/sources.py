"""The channel of a table that names none: ids of rows are unique in one table only, and two shall not share them."""

from hashlib import blake2b
from pathlib import Path
from typing import Final
from urllib.parse import quote

from events.base import MAX_ATTRIBUTE

_FILES: Final = "/files/"


def source_of(file: str) -> str:
    """Return the source of the reports in a file: its folder and its name, the same each time it is submitted."""
    path = Path(file).resolve()
    source = f"{_FILES}{quote(path.parent.name)}/{quote(path.name)}"
    if len(source) <= MAX_ATTRIBUTE:
        return source
    return f"{_FILES}{blake2b(source.encode(), digest_size=16).hexdigest()}"
