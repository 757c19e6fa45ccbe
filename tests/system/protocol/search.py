"""Breadth-first search of all worlds reachable from one, so that a violation has the shortest path."""

from collections import deque
from dataclasses import dataclass

from tests.system.protocol.invariants import check, settled
from tests.system.protocol.state import Broken, Rules, World
from tests.system.protocol.steps import steps

MOST = 400_000


@dataclass(frozen=True)
class Found:
    """Result of a search."""

    worlds: int
    wrong: str | None = None
    way: tuple[str, ...] = ()
    """The steps that lead to what is wrong."""


def search(world: World, rules: Rules) -> Found:
    """Visit every world reachable from `world`; stop at the first violation or deadlock."""
    came_from: dict[World, tuple[World, str] | None] = {world: None}
    ahead = deque([world])
    while ahead:
        here = ahead.popleft()
        found = list(steps(here, rules))
        if not found and not _over(here):
            return Found(len(came_from), "something waits for ever", _way(came_from, here))
        for step, there in found:
            if there in came_from:
                continue
            came_from[there] = here, step
            try:
                check(there, rules)
            except Broken as broken:
                return Found(len(came_from), str(broken), _way(came_from, there))
            ahead.append(there)
        if len(came_from) > MOST:
            raise OverflowError("more worlds than can be looked at: take smaller bounds")
    return Found(len(came_from))


def _over(world: World) -> bool:
    return settled(world) and (world.watermark is None or world.watermark.noticed)


def _way(came_from: dict[World, tuple[World, str] | None], to: World) -> tuple[str, ...]:
    way: list[str] = []
    before = came_from[to]
    while before is not None:
        world, step = before
        way.append(step)
        before = came_from[world]
    return tuple(reversed(way))
