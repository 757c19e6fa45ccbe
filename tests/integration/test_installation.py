"""The installation record: all workers see the same, and an incident outlives the stage that reported it."""

import asyncio
import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config.settings import Settings
from agents.ops.audit import recorded_incidents
from agents.ops.topics import ensure_topics
from agents.runtime.installation import Installation, Values, change
from agents.runtime.stage import RefusedToStart
from events.installation import LAYOUT_CHANGED, Incident, Layout
from events.topics import TopicName

INCIDENT = Incident(LAYOUT_CHANGED, "sla", TopicName.STATE, 3, 17, 40, "24 records are gone: look at the retention")


@pytest.fixture
def made(settings: Settings) -> Settings:
    ensure_topics(settings)
    return settings


def alur(settings: Settings, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(application(), words, env=settings.to_environment())
    return done.exit_code, done.stdout


def test_a_change_is_seen_by_all_workers_and_by_those_that_start_later(made: Settings) -> None:
    async def work() -> None:
        writer, other = Installation(made, "intake"), Installation(made, "sla")
        await asyncio.gather(writer.start(), other.start())
        seen: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
        other.watch(lambda key, value: seen.put_nowait((key, value)))
        await writer.change(lambda _found: {"keys": ["k1"]})
        assert await asyncio.wait_for(seen.get(), 30) == ("keys", ["k1"])
        later = Installation(made, "lifecycle")
        await later.start()
        assert [each.values["keys"] for each in (writer, other, later)] == [["k1"]] * 3
        layout = Layout.of(later.values)
        assert layout is not None
        assert layout.partitions == 4
        await asyncio.gather(writer.stop(), other.stop(), later.stop())

    asyncio.run(work())


def test_concurrent_additions_are_all_kept(made: Settings) -> None:
    def adds(name: str) -> Callable[[Values], Values]:
        return lambda found: {"names": sorted({*found.get("names", ()), name})}

    async def work() -> object:
        await asyncio.gather(*(change(made, adds(f"stage-{number}")) for number in range(8)))
        installation = Installation(made, "intake")
        await installation.start()
        await installation.stop()
        return installation.values["names"]

    assert asyncio.run(work()) == [f"stage-{number}" for number in range(8)]


def test_of_conflicting_writers_the_first_wins_and_the_others_are_refused(made: Settings) -> None:
    def claims(digest: str) -> Callable[[Values], Values]:
        def decide(found: Values) -> Values:
            if found.get("policy/x") not in {None, digest}:
                raise RefusedToStart("another policy")
            return {"policy/x": digest}

        return decide

    async def work() -> tuple[list[object], object]:
        digests = [f"digest-{number}" for number in range(4)]
        found = await asyncio.gather(*(change(made, claims(each)) for each in digests), return_exceptions=True)
        installation = Installation(made, "intake")
        await installation.start()
        await installation.stop()
        return [digests[at] for at, each in enumerate(found) if not isinstance(each, RefusedToStart)], (
            installation.values["policy/x"]
        )

    accepted, kept = asyncio.run(work())
    assert accepted == [kept]


def test_an_incident_is_kept_once_and_listed_until_acknowledged(made: Settings) -> None:
    async def work() -> None:
        for reported in (INCIDENT, INCIDENT):  # a stage that starts again finds the same
            installation = Installation(made, "sla")
            await installation.start()
            await installation.report(reported)
            await installation.stop()

    asyncio.run(work())

    [found] = recorded_incidents(made)
    assert (found.id, found.reason) == ("layout-changed/complaints.state-3/17", INCIDENT.reason)
    status, output = alur(made, "audit")
    assert status == 1
    assert f"sla: {INCIDENT.reason}" in output
    assert alur(made, "audit", "--acknowledge", "nothing")[0] == 2
    assert alur(made, "audit", "--acknowledge", found.id) == (0, f"acknowledged {found.id}\n")
    status, output = alur(made, "audit", "--json")
    assert status == 0
    [listed] = json.loads(output)["incidents"]
    assert (listed["id"], listed["last_offset"]) == (found.id, 40)
    assert listed["acknowledged_at"] > listed["at"]
