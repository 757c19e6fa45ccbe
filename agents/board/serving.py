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


class CannotListen(Exception):
    """The address cannot be used, for the reason that the system gives in `errno` and `strerror`."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.errno = error.errno
        self.strerror = error.strerror


async def serve(
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
        CannotListen: the address cannot be used.
        Exception: what was a mistake of ours.
    """
    loop, hub = asyncio.get_running_loop(), Hub()
    end: asyncio.Future[None] = loop.create_future()

    def stop(error: Exception | None = None) -> None:
        if not end.done():
            end.set_result(None) if error is None else end.set_exception(error)

    def publish(figures: bytes) -> None:
        if not end.done():
            asyncio.run_coroutine_threadsafe(hub.publish(figures), loop)

    def failed(error: Exception) -> None:
        with suppress(RuntimeError):  # the loop has ended before the thread has
            loop.call_soon_threadsafe(stop, error)

    feed = Feed(settings, around, publish, failed)
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
        try:
            await web.TCPSite(runner, *address).start()
        except OSError as error:
            raise CannotListen(error) from None
        await asyncio.to_thread(feed.start)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        host, port = runner.addresses[0][:2]
        started(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        await end
    finally:
        await runner.cleanup()
        await asyncio.to_thread(feed.stop)


def known_as(listens: str, hosts: frozenset[str]) -> frozenset[str]:
    """Return the names by which the board may be asked: any, if it listens to others too and none was given."""
    return (hosts | LOOPBACK) if hosts or listens in LOOPBACK else frozenset()
