"""Lists from a mirror in a real PostgreSQL are those from memory, also while the mirror writes."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from agents.config import policy_files
from agents.dashboard.figures import DisplayContext
from agents.dashboard.listing import ListPage, Query
from agents.dashboard.mirror_list import MirrorLists
from agents.mirror.service import Mirror
from agents.mirror.stores import open_store
from tests.support.engines import Engine, eventually
from tests.support.list_contract import ListContract, Sources, sources
from tests.support.postgres import running_postgres


@pytest.fixture(scope="module")
def lists(postgres: str) -> Sources:
    return sources(postgres)


class TestPostgres(ListContract):
    pass


def test_it_tells_how_far_behind_the_mirror_is(engine: Engine) -> None:
    context = DisplayContext.of(policy_files.load(engine.settings.policy).versions[-1], engine.settings)
    with running_postgres() as url, open_store(url, rebuild=False) as store:
        ending = threading.Event()
        running = Mirror(engine.settings, store).run(ending.is_set)

        def listed() -> ListPage:
            next(running)
            return MirrorLists(url, engine.settings.prefix).select(Query(), datetime.now(UTC), context, most=50)

        assert listed().current_at is None
        complaint = engine.report("listed")
        engine.await_status(complaint, "registered")
        written = datetime.now(UTC)
        eventually("the mirror is current", lambda: (at := listed().current_at) is not None and at > written)
        assert listed().total == 1
        assert datetime.now(UTC) - (listed().current_at or written) < timedelta(seconds=30)
        ending.set()
        assert list(running) == []
