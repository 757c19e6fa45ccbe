"""A PostgreSQL server of a test or measurement."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.engines import eventually


class NoServer(Exception):
    """No server can be run here; the message is one line."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """Return the URL of a PostgreSQL that runs until the block ends; its server refuses to run as root."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    initdb = shutil.which("initdb") or (programs and programs[-1] / "initdb")
    if not initdb:
        raise NoServer("PostgreSQL is not installed (on Debian, apt-get install postgresql)")
    if os.geteuid() == 0 and "postgres" not in {each.pw_name for each in pwd.getpwall()}:
        raise NoServer("PostgreSQL does not run as root, and there is no user postgres")
    own: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="alur-postgres-") as name:
        if own:
            shutil.chown(name, "postgres")
        yield from _serve(Path(initdb).parent, Path(name), own)


def _serve(programs: Path, directory: Path, own: dict[str, Any]) -> Iterator[str]:
    data = str(directory / "data")
    created = [str(programs / "initdb"), "-D", data, "-U", "alur", "-A", "trust"]
    subprocess.run(created, check=True, capture_output=True, cwd=directory, **own)
    url = f"postgresql://alur@/postgres?host={directory}"
    serving = [str(programs / "postgres"), "-D", data, "-k", str(directory), "-c", "listen_addresses="]
    with (directory / "log").open("wb") as log, subprocess.Popen(serving, stdout=log, stderr=log, **own) as server:
        try:
            eventually("PostgreSQL answers", lambda: _answers(url))
            yield url
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.Error:
        return False
    return True
