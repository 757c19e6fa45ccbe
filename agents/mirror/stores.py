"""Databases of the mirror: DuckDB in a file, PostgreSQL by URL.

Rows and positions are written in one transaction, so that each record has its effect once.
"""

import csv
import io
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote

from agents.mirror import tables
from events.errors import AlurError

_URL: Final = ("postgresql://", "postgres://")
_SCHEMA: Final = "alur"
_NEXT: Final = "alur_next"
_CONNECT_S: Final = 5
_LOCK: Final = 0x616C7572  # "alur"


class MirrorError(AlurError):
    """The database is unusable; the message is one line with what to do."""


class AnotherMirror(MirrorError):
    """The database is a mirror of another installation or of another layout."""


class NoMirror(MirrorError):
    """The database contains something other than a mirror."""


class Database:
    """A connection to DuckDB or PostgreSQL; a context manager. A parameter of a statement is `%s` in both.

    `failure` begins the message if the database refuses something. All methods raise MirrorError.
    """

    def __init__(self, driver: str, failure: str, where: str, **options: object) -> None:
        try:
            self._driver = import_module(driver)
        except ImportError:
            raise MirrorError(f"the mirror needs {driver}: pip install 'alur[mirror]'") from None
        self._placeholder = "?" if driver == "duckdb" else "%s"
        self._failure, self._target = failure, where
        self._connect = partial(self._driver.connect, where, **options)
        with self._errors():
            self._connection = self._connect()

    def __enter__(self) -> Self:
        """Return the database."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        self._run(statement, parameters)

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        fetched: list[tuple[Any, ...]] = self._run(statement, parameters).fetchall()
        return fetched

    def _run(self, statement: str, parameters: Sequence[object]) -> Any:  # noqa: ANN401 -- a cursor of either driver
        with self._errors():
            return self._connection.execute(
                statement.replace("%s", self._placeholder), list(parameters) if parameters else None
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as error:
            line = next(iter(str(error).splitlines()), type(error).__name__)
            raise MirrorError(f"{self._failure}: {without_password(line, self._target)}") from None


class Store(Database, ABC):
    """A database that the mirror writes to."""

    persistent: bool
    """Whether readers see each transaction at once, as needed by a continuous mirror."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Commit the statements inside the block, all or none."""

    @abstractmethod
    def load(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows to a table."""

    @abstractmethod
    def publish(self, *, compact: bool) -> None:
        """Make committed rows visible to readers; `compact` removes the bytes of deleted rows."""


def open_store(target: str, *, rebuild: bool) -> Store:
    """Open the database `target` (file name, or PostgreSQL URL) for writing; raise MirrorError.

    With `rebuild`, begin with empty tables; readers see the present ones until `publish`.
    """
    if target.startswith(_URL):
        return PostgresStore(target, rebuild=rebuild)
    return DuckStore(Path(target), rebuild=rebuild)


class DuckStore(Store):
    """DuckDB in a working file, copied over the readers' file."""

    persistent = False

    def __init__(self, path: Path, *, rebuild: bool) -> None:
        self._path, self._writer = path, path.with_name(path.name + ".writer")
        if path.is_dir():
            raise MirrorError(f"{path} is a directory: name a file in it, such as {path / 'mirror.duckdb'}")
        if not path.parent.is_dir():
            shown = without_password(str(path), str(path))
            raise MirrorError(f"{shown}: there is no such directory: create it, or name another file")
        _refuse_others(path)
        if rebuild:
            for file in (self._writer, self._writer.with_name(self._writer.name + ".wal")):
                file.unlink(missing_ok=True)
        try:
            super().__init__("duckdb", without_password(str(path), str(path)), str(self._writer))
        except MirrorError as error:
            raise MirrorError(f"{error}; does another mirror write to it?") from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the statements inside the block, all or none."""
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def load(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows to a table through a file, since DuckDB's driver is slow with single rows."""
        if not rows:
            return
        with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", suffix=".csv") as file:
            csv.writer(file).writerows(rows)
            file.flush()
            # not strict: the strict parser stops at a line break within a text
            options = "FORMAT csv, HEADER false, AUTO_DETECT false, STRICT_MODE false"
            self.execute(f"COPY {table} FROM '{file.name}' ({options})")

    def publish(self, *, compact: bool) -> None:
        """Replace the readers' file by a compact copy; with `compact` the writer's file too."""
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        name = self.rows("SELECT current_database()")[0][0]
        self.execute(f"ATTACH '{_quoted(fresh)}' AS fresh")
        self.execute(f'COPY FROM DATABASE "{name}" TO fresh')
        self.execute("DETACH fresh")
        if compact:
            self._connection.close()
            copy = self._writer.with_name(self._writer.name + ".new")
            shutil.copyfile(fresh, copy)
            self._writer.with_name(self._writer.name + ".wal").unlink(missing_ok=True)
            copy.replace(self._writer)
            self._connection = self._connect()
        fresh.replace(self._path)


class PostgresStore(Store):
    """PostgreSQL: the tables are in the schema `alur`, and are rebuilt in `alur_next`."""

    persistent = True

    def __init__(self, url: str, *, rebuild: bool) -> None:
        super().__init__("psycopg", "PostgreSQL", url, autocommit=True)
        self._schema = _NEXT if rebuild else _SCHEMA
        with ExitStack() as opening:
            opening.callback(self._connection.close)
            if not self.rows(f"SELECT pg_try_advisory_lock({_LOCK})")[0][0]:
                raise MirrorError("PostgreSQL: another mirror writes to this database: stop it first")
            if rebuild:
                self.execute(f"DROP SCHEMA IF EXISTS {_NEXT} CASCADE")
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
            self.execute(f"SET search_path TO {self._schema}")
            self.execute("SET timezone TO 'UTC'")
            opening.pop_all()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the statements inside the block, all or none."""
        with self._errors(), self._connection.transaction():
            yield

    def load(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows to a table with COPY."""
        if not rows:
            return
        copying = f"COPY {table} FROM STDIN (FORMAT csv)"
        with self._errors(), self._connection.cursor() as cursor, cursor.copy(copying) as copy:
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            copy.write(text.getvalue())

    def publish(self, *, compact: bool) -> None:
        """Replace the tables by rebuilt ones; with `compact`, release the space of deleted stories."""
        if self._schema == _NEXT:
            with self.transaction():
                self.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
                self.execute(f"ALTER SCHEMA {_NEXT} RENAME TO {_SCHEMA}")
            self._schema = _SCHEMA
            self.execute(f"SET search_path TO {_SCHEMA}")
        if compact:
            self.execute("VACUUM FULL resolutions")


class Reading(Database):
    """Read-only access to a mirror; a context manager. Raises MirrorError if there is none of this layout.

    `timeout_s`: limit of each PostgreSQL statement in seconds; 0: none. `prefix`: of the installation that it must
    mirror.
    """

    current_at: datetime | None
    """The mirror has all records from before this moment (UTC); None until it has once had all."""

    def __init__(self, target: str, *, timeout_s: int = 0, prefix: str | None = None) -> None:
        self._is_postgres = target.startswith(_URL)
        shown = without_password(target, target)  # a malformed URL counts as a file name
        if self._is_postgres:
            options: dict[str, Any] = {
                "autocommit": True,
                "connect_timeout": _CONNECT_S,
                "options": f"-c search_path={_SCHEMA} -c timezone=UTC -c statement_timeout={timeout_s}s",
            }
            super().__init__("psycopg", "the mirror cannot be read", target, **options)
        else:
            if not Path(target).exists():
                raise MirrorError(f"{shown} does not exist: alur mirror sync {shown} creates it")
            super().__init__("duckdb", f"{shown} cannot be read as a mirror", ":memory:")
        with ExitStack() as opening:
            opening.callback(self._connection.close)
            if not self._is_postgres:
                # attached: connecting by name would return the cached old file after a replacement
                self.execute(f"ATTACH '{_quoted(Path(target))}' AS copied (READ_ONLY)")
                self.execute("USE copied")
            where = _SCHEMA if self._is_postgres else "main"
            query = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = 'mirror'"
            if not self.rows(query, [where]):
                raise NoMirror(f"{shown} has no table mirror: name the file or database of a mirror")
            entries = dict(self.rows("SELECT name, value FROM mirror"))
            require_ours(entries, prefix)
            opening.pop_all()
        current_at = entries.get(tables.CURRENT_AT)
        self.current_at = datetime.fromisoformat(current_at).astimezone(UTC) if current_at else None

    def parts(self, statement: str, parameters: Sequence[object], size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in lists of `size`, without loading all of them."""
        with ExitStack() as opened, self._errors():
            cursor = self._connection
            if self._is_postgres:  # without a name, the driver fetches all rows
                opened.enter_context(self._connection.transaction())
                cursor = opened.enter_context(self._connection.cursor(name="parts"))
            cursor.execute(statement.replace("%s", self._placeholder), list(parameters))
            while rows := cursor.fetchmany(size):
                yield rows


def without_password(text: str, url: str) -> str:
    """Return a text without user and password of a URL, and without any part of the password.

    An `@` or `/` in a password makes a driver take the rest for a host, and show it.
    """
    userinfo = url.partition(":")[2].lstrip("/").rpartition("@")[0]
    passwords = [userinfo.partition(":")[2], *re.findall(r"[?&]\w*password=([^&]*)", url)]
    forms = {form for each in passwords for form in (each, unquote(each))}
    if userinfo:
        text = text.replace(f"{userinfo}@", "")
    for part in sorted({part for form in forms for part in (form, *re.split(r"\W+", form))} - {""}, key=len)[::-1]:
        text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "***", text)
    return text


def require_ours(entries: Mapping[str, str], prefix: str | None) -> None:
    """Raise MirrorError for a mirror of another installation or layout, by its table `mirror`."""
    its, layout = entries.get("prefix"), entries.get("layout")
    if prefix is not None and its != prefix:
        raise AnotherMirror(f"the mirror has prefix {its!r}, not {prefix!r}: choose the mirror of this prefix")
    if layout != str(tables.SCHEMA_VERSION):
        raise AnotherMirror(
            f"the mirror has layout {layout!r}, not '{tables.SCHEMA_VERSION}': rebuild it with alur mirror sync "
            "--rebuild"
        )


def _refuse_others(path: Path) -> None:
    """Raise MirrorError if the file, which would be replaced, is not a mirror."""
    if not path.exists() or not path.stat().st_size:
        return
    try:
        with suppress(AnotherMirror), Reading(str(path)):
            pass
    except NoMirror as error:
        raise MirrorError(f"{error}; it would be replaced: name another file") from None
    except MirrorError as error:
        raise MirrorError(f"{error}; close what has it open; if it was a mirror and is damaged, delete it") from None


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
