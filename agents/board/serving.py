"""Runs the board: feed, hub and web server together, until told to stop."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from aiohttp import web

from agents.board.feed import Feed
from agents.board.figures import Surroundings
from agents.board.guard import LOOPBACK
from agents.board.history import read_history
from agents.board.hub import Hub
from agents.board.server import Board
from agents.settings import Settings

_LONGEST_GOODBYE_S = 1.0


def serve(
    settings: Settings,
    around: Surroundings,
    address: tuple[str, int],
    *,
    hosts: frozenset[str],
    started: Callable[[str], None],
) -> None:
    """Serve the board until SIGINT or SIGTERM.

    Args:
        settings: which environment.
        around: what the policy tells.
        address: where to listen; port 0 takes any that is free.
        hosts: names by which it may be asked besides those of this machine itself, for one that listens there only.
        started: is told where it is once it answers.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: complaints.state cannot be read.
        OSError: the address cannot be used.
    """
    asyncio.run(_serve(settings, around, address, hosts, started))


async def _serve(
    settings: Settings,
    around: Surroundings,
    address: tuple[str, int],
    hosts: frozenset[str],
    started: Callable[[str], None],
) -> None:
    loop, hub, stopped = asyncio.get_running_loop(), Hub(), asyncio.Event()

    def publish(figures: bytes) -> None:
        with suppress(RuntimeError):  # the loop has ended before the thread has
            asyncio.run_coroutine_threadsafe(hub.publish(figures), loop)

    feed = Feed(settings, around, publish)
    board = Board(
        hub,
        lambda: feed.standings,
        partial(read_history, settings),
        around,
        sources=feed.sources,
        hosts=known_as(address[0], hosts),
    )
    runner = web.AppRunner(board.application(), access_log=None, shutdown_timeout=_LONGEST_GOODBYE_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, *address)
        await site.start()
        await asyncio.to_thread(feed.start)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        host, port = runner.addresses[0][:2]
        started(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        await stopped.wait()
    finally:
        await runner.cleanup()
        await asyncio.to_thread(feed.stop)


def known_as(listens: str, hosts: frozenset[str]) -> frozenset[str]:
    """Return the names by which the board may be asked: any, if it listens to others too and none was given."""
    return (hosts | LOOPBACK) if hosts or listens in LOOPBACK else frozenset()
