"""Dashboard service: runs projector, broadcaster and web server together."""

import asyncio
import errno
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
from agents.dashboard.mirror_list import MirrorLists
from agents.dashboard.projector import Projector
from agents.dashboard.security_headers import LOOPBACK
from agents.dashboard.server import Board
from agents.runtime.http import connection_limits
from events.errors import AlurError

_SHUTDOWN_S = 1.0
_Address = tuple[str, int]
_Started = Callable[[str], None]


class CannotListen(AlurError):
    """The address cannot be used."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        reasons = {
            errno.EADDRINUSE: f"port {port} of {host} is taken: choose another with --port",
            errno.EACCES: f"port {port} is for root only: choose one from 1024 on with --port",
        }
        other = f"cannot listen at {host}: {error.strerror or error}"
        super().__init__(reasons.get(error.errno or 0, other))


class _End:
    """Reason for the end of the service: a signal, or the failure of a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.future: asyncio.Future[None] = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._finish)

    def failed(self, error: Exception) -> None:
        """End the service with an error; called in a thread."""
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._finish, error)

    def _finish(self, error: Exception | None = None) -> None:
        if not self.future.done():
            self.future.set_result(None) if error is None else self.future.set_exception(error)


async def serve(  # noqa: PLR0913 -- the options of `alur board`
    settings: Settings,
    context: DisplayContext,
    address: _Address,
    *,
    hosts: frozenset[str],
    started: _Started,
    mirror: str | None = None,
) -> None:
    """Serve the dashboard until SIGINT or SIGTERM; port 0 selects a free port.

    `hosts`: accepted host names, in addition to those of this machine if it listens there only. `mirror`: file or URL
    for lists, else from memory. `started` is called with the URL, in a thread, once complaints.state can be read.
    Raises KafkaFailure, CannotListen, or the error of a thread.
    """
    loop, broadcaster = asyncio.get_running_loop(), Broadcaster()
    end = _End(loop)

    def publish(figures: bytes) -> None:
        if not end.future.done():
            asyncio.run_coroutine_threadsafe(broadcaster.publish(figures), loop)

    projector = Projector(settings, context, publish, end.failed)
    board = Board(
        broadcaster,
        lambda: projector.read_model,
        partial(read_history, settings),
        context,
        sources=projector.sources,
        settings=settings,
        mirror=MirrorLists(mirror, settings.prefix) if mirror else None,
        hosts=allowed_hosts(address[0], hosts),
    )
    try:
        await _serve_until(end.future, board, projector, address, started)
    finally:
        await asyncio.to_thread(projector.stop)


async def _serve_until(
    end: asyncio.Future[None], board: Board, projector: Projector, address: _Address, started: _Started
) -> None:
    def begin() -> None:
        projector.start()
        started(url)

    runner = connection_limits.runner(board.application(), shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        url = await _listen(runner, address, board)
        # not in a thread of the loop, which would wait for it at the end, even if Kafka does not answer
        threading.Thread(target=projector.run, args=(begin,), name="board-start", daemon=True).start()
        await end
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, address: _Address, board: Board) -> str:
    """Open the port, and return the URL."""
    try:
        await connection_limits.LimitedSite(runner, *address, board.limit).start()
    except OSError as error:
        raise CannotListen(*address, error) from None
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def allowed_hosts(listens: str, hosts: frozenset[str]) -> frozenset[str]:
    """Return the accepted host names; empty (any) for an address open to other machines without `hosts`."""
    return (hosts | LOOPBACK) if hosts or listens in LOOPBACK else frozenset()
