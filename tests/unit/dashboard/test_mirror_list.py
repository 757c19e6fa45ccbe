"""Lists from a mirror in DuckDB equal those from memory; an unreadable mirror is reported."""

import shutil
from pathlib import Path

import pytest

from agents.dashboard.listing import Query
from agents.dashboard.mirror_list import MirrorLists
from agents.mirror.stores import MirrorError, open_store
from tests.support.list_contract import NOW, PREFIX, ListContract, Sources, sources


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mirror") / "mirror.duckdb"


@pytest.fixture(scope="module")
def lists(target: Path) -> Sources:
    return sources(str(target))


class TestDuckDB(ListContract):
    pass


def refusal(lists: Sources, target: Path | str, prefix: str = PREFIX) -> str:
    with pytest.raises(MirrorError) as refused:
        MirrorLists(str(target), prefix).select(Query(), NOW, lists.context)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_mirror_that_cannot_be_read_is_told_in_one_line(lists: Sources, tmp_path: Path, target: Path) -> None:
    nowhere = tmp_path / "nowhere.duckdb"
    assert f"alur mirror sync {nowhere} creates it" in refusal(lists, nowhere)
    (tmp_path / "text").write_text("no database")
    assert "cannot be read as a mirror" in refusal(lists, tmp_path / "text")
    assert refusal(lists, target, "other.").endswith("'lists.', not 'other.': choose the mirror of this prefix")
    assert "the mirror cannot be read" in refusal(lists, "postgresql://127.0.0.1:9/alur")


def test_one_of_another_layout_is_refused(lists: Sources, tmp_path: Path, target: Path) -> None:
    old = tmp_path / "old.duckdb"
    for suffix in ("", ".writer"):
        shutil.copy(f"{target}{suffix}", f"{old}{suffix}")
    with open_store(str(old), rebuild=False) as store:
        store.execute("UPDATE mirror SET value = '1' WHERE name = 'layout'")
        store.publish(compact=False)
    assert "the mirror has layout '1'" in refusal(lists, old)
    assert "--rebuild" in refusal(lists, old)
