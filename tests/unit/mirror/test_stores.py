"""What a message shows of the URL of a mirror."""

from pathlib import Path

import duckdb
import pytest

from agents.mirror.stores import MirrorError, Reading, open_store, without_password
from tests.support.tables import every

AT = "127.0.0.1:9/alur"


@every(
    [
        f"postgresql://alur:s3cr3t@pw@{AT}",
        f"postgresql://alur:s3cr3t%@pw@{AT}",
        f"postgresql://alur:s3cr3t%pw@{AT}",
        f"postgresql://alur:s3cr3t pw@{AT}",
        f"postgresql://alur:s3cr3t/pw@{AT}",
        f"postgresql://alur:s3cr3t?pw@{AT}",
        f"postgresql://alur:s3%63r3t%40pw@{AT}",
        f"postgresql://alur:[s3cr3t]pw@{AT}",
        f"postgresql://{AT}?user=alur&password=s3cr3t@pw%zz",
        f"postgres://alur:s3cr3t@pw@{AT}",
        f"postgresql:/alur:s3cr3t@pw@{AT}",
        f"Postgresql://alur:s3cr3t@pw@{AT}",
    ]
)
def test_no_part_of_a_password_is_in_a_message(url: str) -> None:
    with pytest.raises(MirrorError) as refused:
        Reading(url)
    messages = [str(refused.value)]
    if url.startswith("postgres"):
        with pytest.raises(MirrorError) as refused:
            open_store(url, rebuild=False)
        messages.append(str(refused.value))
    for message in (*messages, without_password(url, url)):
        for part in ("s3cr3t", "pw", "s3%63r3t"):
            assert part not in message
        assert "\n" not in message


def test_what_is_not_of_the_password_is_shown() -> None:
    for url in (f"postgresql://alur:s3cr3t@{AT}", f"postgresql://alur:a@{AT}"):
        assert without_password(url, url) == f"postgresql://{AT}"
        message = 'connection to server at "127.0.0.1", port 9 failed'
        assert without_password(message, url) == message
    assert without_password("mirror.duckdb", "mirror.duckdb") == "mirror.duckdb"
    assert without_password("failed to resolve host 'pw@db'", "postgresql://alur:s3@pw@db") == (
        "failed to resolve host '***@db'"
    )


def test_a_directory_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    with pytest.raises(MirrorError, match="is a directory: name a file in it, such as "):
        open_store(str(tmp_path), rebuild=False)
    assert list(tmp_path.parent.glob(f"{tmp_path.name}.*")) == []


def test_a_missing_directory_is_refused_as_that(tmp_path: Path) -> None:
    with pytest.raises(MirrorError, match=r"m\.duckdb: there is no such directory: create it, or name another file$"):
        open_store(str(tmp_path / "missing" / "m.duckdb"), rebuild=False)


@pytest.mark.parametrize("rebuild", [False, True])
def test_another_database_is_not_a_mirror_and_is_not_replaced(tmp_path: Path, *, rebuild: bool) -> None:
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE payroll AS SELECT 1 AS person")
    with pytest.raises(MirrorError, match=r"other\.duckdb has no table mirror: name the file or database"):
        Reading(str(other))
    with pytest.raises(MirrorError, match=r"has no table mirror.*; it would be replaced: name another file$"):
        open_store(str(other), rebuild=rebuild)
    assert [file.name for file in tmp_path.iterdir()] == ["other.duckdb"]


def test_an_empty_file_can_become_a_mirror(tmp_path: Path) -> None:
    (tmp_path / "new.duckdb").touch()
    open_store(str(tmp_path / "new.duckdb"), rebuild=False).__exit__()
