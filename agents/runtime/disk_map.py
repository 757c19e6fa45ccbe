"""Key-value map with bounded memory: most values are in a temporary file, for what can be rebuilt from Kafka.

SQLite creates the file in SQLITE_TMPDIR, TMPDIR, /var/tmp or /tmp, readable by its owner only, and unlinks it at once.
"""

import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from events.errors import AlurError

RECENT_BYTES: Final = 4 * 1_048_576
"""Bytes of recent entries in memory, above which they are written to the file."""
_ENTRY_BYTES: Final = 200
"""Memory of an entry in addition to key and value."""
_SET_UP: Final = (
    "PRAGMA journal_mode = OFF",  # no journal: a rollback is never needed
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -4096",  # KiB
    # rows in insertion order and a separate index on the key: inserting moves no values
    "CREATE TABLE entry (key BLOB NOT NULL UNIQUE, value BLOB NOT NULL)",
)
_GET: Final = "SELECT value FROM entry WHERE key = ?"
_PUT: Final = "INSERT INTO entry VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_REMOVE: Final = "DELETE FROM entry WHERE key = ?"
_ABSENT: Final = b"absent"


class DiskFailed(AlurError):
    """The temporary file cannot be written or read."""


class DiskMap:
    """Values by key; one thread may change the map while others look up."""

    def __init__(self) -> None:
        self._recent: dict[bytes, bytes | None] = {}  # None: to be removed from the file
        self._size = 0
        self._lock = Lock()
        with _disk_errors():
            self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            for statement in _SET_UP:
                self._file.execute(statement)
        # not `__del__`: the map is in a reference cycle, and a stage rarely collects garbage
        weakref.finalize(self, self._file.close)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key; None if there is none. Raises DiskFailed: the file cannot be read."""
        value = self._recent.get(key, _ABSENT)
        if value is not _ABSENT:
            return value
        with self._lock, _disk_errors():
            row = self._file.execute(_GET, (key,)).fetchone()
        return None if row is None else row[0]

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set the value of a key; None removes it. Raises DiskFailed: the file cannot be written."""
        self._recent[key] = value
        self._size += _ENTRY_BYTES + len(key) + len(value or b"")
        if self._size > RECENT_BYTES:
            self._write()

    def _write(self) -> None:
        entries = sorted(self._recent.items())  # in the order of the index, for fewer page writes
        with self._lock, _disk_errors():
            self._file.execute("BEGIN")
            self._file.executemany(_REMOVE, ((key,) for key, value in entries if value is None))
            self._file.executemany(_PUT, ((key, value) for key, value in entries if value is not None))
            self._file.execute("COMMIT")
        # after the commit, so that concurrent readers find each value in memory or in the file
        self._recent = {}
        self._size = 0


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DiskFailed(
            f"the temporary file of this process failed ({error}): free space where TMPDIR points, or set it elsewhere"
        ) from error
