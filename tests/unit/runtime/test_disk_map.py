"""The disk map returns what was stored, within bounded memory."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime import disk_map
from agents.runtime.disk_map import DiskFailed, DiskMap

_KEYS = st.sampled_from([b"", b"a", b"b" * 16, b"c" * 36])
_STEPS = st.lists(st.tuples(_KEYS, st.none() | st.binary(max_size=40)), max_size=30)


def _files() -> list[Path]:
    """The temporary files of SQLite that this process has open."""
    found = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return [each for each in found if "etilqs" in str(each.readlink())]


@given(_STEPS, st.sampled_from([0, 500, 1_000_000]))
def test_it_holds_what_a_dictionary_holds(steps: list[tuple[bytes, bytes | None]], recent: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk_map, "RECENT_BYTES", recent)
        found, wanted = DiskMap(), dict[bytes, bytes]()
        for key, value in steps:
            found.put(key, value)
            wanted.pop(key, None) if value is None else wanted.update({key: value})
            assert all(found.get(each) == wanted.get(each) for each, _ in steps)


@pytest.mark.long
def test_memory_is_bounded_and_the_file_is_private() -> None:
    before, resident = set(_files()), _resident_mb()
    found = DiskMap()
    for number in range(30_000):
        found.put(b"%016d" % number, b"x" * 4_000)
    assert _resident_mb() - resident < 40
    assert found.get(b"%016d" % 7) == b"x" * 4_000
    [file] = set(_files()) - before
    status = file.stat()
    assert status.st_size > 100e6
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_nlink == 0, "it has no name, and goes with the process"
    del found
    assert set(_files()) == before


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def test_a_full_disk_fails_with_one_line_and_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_map, "_SET_UP", (*disk_map._SET_UP, "PRAGMA max_page_count = 10"))  # noqa: SLF001 -- as good as a full disk
    found = DiskMap()
    with pytest.raises(DiskFailed, match=r"database or disk is full.*TMPDIR") as failure:
        found.put(b"a", b"x" * 8_000_000)
    assert isinstance(failure.value.__cause__, sqlite3.Error)
