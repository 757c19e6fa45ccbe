"""Databases of the mirror: DuckDB in a file, PostgreSQL by URL.

Rows and positions are written in one transaction, so each record has its effect once, wherever the process ends.
"""

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from events.errors import AlurError

_URL: Final = ("postgresql://", "postgres://")
_SCHEMA: Final = "alur"
_NEXT: Final = "alur_next"
_LOCK: Final = 0x616C7572  # "alur"


class MirrorError(AlurError):
    """The database cannot be used; the message is one line with what to do."""


class Store(Protocol):
    """A database that holds the tables of the mirror; a context manager that ends its connection."""

    persistent: bool
    """Whether readers see each transaction at once, so that the mirror can run on and on."""

    def __enter__(self) -> Self:
        """Return the store."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside the block, all or nothing."""

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        ...

    def load(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows to a table."""

    def publish(self, *, compact: bool) -> None:
        """Show readers what was committed; `compact` removes the bytes of what was deleted."""


def open_store(target: str, *, rebuild: bool) -> Store:
    """Open the database to write to it.

    Args:
        target: file name, or URL of PostgreSQL.
        rebuild: begin with empty tables, beside those that are read until `publish`.

    Raises:
        MirrorError: it cannot be opened, or another mirror writes to it.
    """
    if target.startswith(_URL):
        return PostgresStore(target, rebuild=rebuild)
    return DuckStore(Path(target), rebuild=rebuild)


class DuckStore:
    """DuckDB in a file of its own beside the one that readers open, which is replaced by rename."""

    persistent = False

    def __init__(self, path: Path, *, rebuild: bool) -> None:
        duckdb = _driver("duckdb")
        self._path, self._writer = path, path.with_name(path.name + ".writer")
        if rebuild:
            for file in (self._writer, self._writer.with_name(self._writer.name + ".wal")):
                file.unlink(missing_ok=True)
        try:
            self._connection = duckdb.connect(str(self._writer))
        except duckdb.Error as error:
            raise MirrorError(f"{path}: {_first_line(error)}; does another mirror write to it?") from None

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the writer's file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside the block, all or nothing."""
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        self._connection.execute(statement.replace("%s", "?"), list(parameters))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        found: list[tuple[Any, ...]] = self._connection.execute(statement).fetchall()
        return found

    def load(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows to a table, by way of a file: DuckDB's driver is slow at single rows."""
        if not rows:
            return
        with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", suffix=".csv") as file:
            csv.writer(file).writerows(rows)
            file.flush()
            self._connection.execute(f"COPY {table} FROM '{file.name}' (FORMAT csv, HEADER false)")

    def publish(self, *, compact: bool) -> None:
        """Replace the readers' file by a compact copy; with `compact` the writer's file too."""
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        name = self.rows("SELECT current_database()")[0][0]
        self._connection.execute(f"ATTACH '{_quoted(fresh)}' AS fresh")
        self._connection.execute(f'COPY FROM DATABASE "{name}" TO fresh')
        self._connection.execute("DETACH fresh")
        if compact:
            self._connection.close()
            copy = self._writer.with_name(self._writer.name + ".new")
            shutil.copyfile(fresh, copy)
            self._writer.with_name(self._writer.name + ".wal").unlink(missing_ok=True)
            copy.replace(self._writer)
            self._connection = _driver("duckdb").connect(str(self._writer))
        fresh.replace(self._path)


class PostgresStore:
    """PostgreSQL: the tables are in the schema `alur`, and are built anew in `alur_next`."""

    persistent = True

    def __init__(self, url: str, *, rebuild: bool) -> None:
        self._psycopg = psycopg = _driver("psycopg")
        try:
            self._connection = psycopg.connect(url, autocommit=True)
        except psycopg.Error as error:
            raise MirrorError(f"PostgreSQL: {_first_line(error)}") from None
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

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection, which releases the lock."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside the block, all or nothing."""
        with self._connection.transaction():
            yield

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        try:
            self._connection.execute(statement, parameters or None)
        except self._psycopg.Error as error:
            raise MirrorError(f"PostgreSQL: {_first_line(error)}") from None

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        found: list[tuple[Any, ...]] = self._connection.execute(statement).fetchall()
        return found

    def load(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows to a table with COPY."""
        if not rows:
            return
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            copy.write(text.getvalue())

    def publish(self, *, compact: bool) -> None:
        """Put tables that were built anew in place; with `compact`, give the space of deleted stories back."""
        if self._schema == _NEXT:
            with self.transaction():
                self.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
                self.execute(f"ALTER SCHEMA {_NEXT} RENAME TO {_SCHEMA}")
            self._schema = _SCHEMA
            self.execute(f"SET search_path TO {_SCHEMA}")
        if compact:
            self.execute("VACUUM FULL resolutions")


class Reading:
    """A mirror that is read, without writing; a context manager.

    Args:
        target: file name, or URL of PostgreSQL.

    Raises:
        MirrorError: there is no mirror.
    """

    def __init__(self, target: str) -> None:
        self._embedded = not target.startswith(_URL)
        self._driver = _driver("duckdb" if self._embedded else "psycopg")
        if self._embedded and not Path(target).exists():
            raise MirrorError(f"{target} does not exist: alur mirror sync {target} makes it")
        try:
            if self._embedded:
                self._connection = self._driver.connect(target, read_only=True)
            else:
                options = f"-c search_path={_SCHEMA} -c timezone=UTC"
                self._connection = self._driver.connect(target, autocommit=True, options=options)
        except self._driver.Error as error:
            raise MirrorError(f"the mirror cannot be read: {_first_line(error)}") from None

    def __enter__(self) -> Self:
        """Return the mirror."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query; a parameter is `%s`.

        Raises:
            MirrorError: the database refuses it.
        """
        if self._embedded:
            statement = statement.replace("%s", "?")
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(statement, list(parameters) or None).fetchall()
        except self._driver.Error as error:
            raise MirrorError(f"the mirror cannot be read: {_first_line(error)}") from None
        return found


def _driver(name: str) -> Any:  # noqa: ANN401 -- a module
    try:
        return import_module(name)
    except ImportError:
        raise MirrorError(f"the mirror needs {name}: pip install 'alur[mirror]'") from None


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
