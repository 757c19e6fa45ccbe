"""Runs the board: feed, hub and web server together, until told to stop."""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from aiohttp import web

from agents.config.settings import Settings
from agents.dashboard.broadcaster import Broadcaster
from agents.dashboard.complaint_history import read_history
from agents.dashboard.figures import DisplayContext
from agents.dashboard.projector import Projector
from agents.dashboard.security_headers import LOOPBACK
from agents.dashboard.server import Board
from agents.runtime.http import connection_limits

_LONGEST_GOODBYE_S = 1.0


class CannotListen(Exception):
    """The address cannot be used, for the reason that the system gives in `errno` and `strerror`."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.errno = error.errno
        self.strerror = error.strerror


class _Shutdown:
    """When serving is over: at a signal, or with what a thread has failed with."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.reached: asyncio.Future[None] = self._loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._come)

    def failed(self, error: Exception) -> None:
        """Take in, from any thread, a mistake of ours."""
        with suppress(RuntimeError):  # the loop has ended before the thread has
            self._loop.call_soon_threadsafe(self._come, error)

    def _come(self, error: Exception | None = None) -> None:
        if not self.reached.done():
            self.reached.set_result(None) if error is None else self.reached.set_exception(error)


async def serve(
    settings: Settings,
    context: DisplayContext,
    address: tuple[str, int],
    *,
    hosts: frozenset[str],
    started: Callable[[str], None],
) -> None:
    """Serve the board until SIGINT or SIGTERM.

    Args:
        settings: which environment.
        context: what the policy tells.
        address: where to listen; port 0 takes any that is free.
        hosts: names by which it may be asked besides those of this machine itself, for one that listens there only.
        started: is told where it is once it answers.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: complaints.state cannot be read.
        CannotListen: the address cannot be used.
        Exception: what was a mistake of ours.
    """
    end, broadcaster = _Shutdown(), Broadcaster()
    projector = Projector(settings, context, _publisher(broadcaster, end), end.failed)
    board = _board(settings, context, broadcaster, projector, allowed_hosts(address[0], hosts))
    runner = connection_limits.runner(board.application(), shutdown_timeout=_LONGEST_GOODBYE_S)
    await runner.setup()
    try:
        where = await _listen(runner, connection_limits.LimitedSite(runner, *address, board.limit))
        if await _start_projector(projector, end):
            started(where)
        await end.reached
    finally:
        await runner.cleanup()
        await asyncio.to_thread(projector.stop)


def _publisher(broadcaster: Broadcaster, end: _Shutdown) -> Callable[[bytes], None]:
    """Return what hands figures over to `broadcaster`, from any thread, until the end."""
    loop = asyncio.get_running_loop()

    def publish(figures: bytes) -> None:
        if not end.reached.done():
            asyncio.run_coroutine_threadsafe(broadcaster.publish(figures), loop)

    return publish


def _board(
    settings: Settings, context: DisplayContext, broadcaster: Broadcaster, projector: Projector, hosts: frozenset[str]
) -> Board:
    history = partial(read_history, settings)
    return Board(broadcaster, lambda: projector.read_model, history, context, sources=projector.sources, hosts=hosts)


async def _listen(runner: web.AppRunner, site: web.BaseSite) -> str:
    """Listen, and return where that is."""
    try:
        await site.start()
    except OSError as error:
        raise CannotListen(error) from None
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


async def _start_projector(projector: Projector, end: _Shutdown) -> bool:
    """Begin to read; say whether that was done before the end came. A Kafka that does not answer is not waited for."""
    loop = asyncio.get_running_loop()
    begun: asyncio.Future[None] = loop.create_future()

    def tell(error: Exception | None) -> None:
        if not begun.done():
            begun.set_result(None) if error is None else begun.set_exception(error)

    def begin() -> None:
        found = None
        try:
            projector.start()
        except Exception as error:  # noqa: BLE001 -- raised where it is waited for
            found = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, found)

    # no thread of the loop's own: those are waited for at the end, however long they take
    threading.Thread(target=begin, name="board-start", daemon=True).start()
    await asyncio.wait((begun, end.reached), return_when=asyncio.FIRST_COMPLETED)
    if not begun.done():
        begun.cancel()
        return False
    begun.result()
    return True


def allowed_hosts(listens: str, hosts: frozenset[str]) -> frozenset[str]:
    """Return the names by which the board may be asked: any, if it listens to others too and none was given."""
    return (hosts | LOOPBACK) if hosts or listens in LOOPBACK else frozenset()
