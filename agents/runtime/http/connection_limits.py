"""Limits of an HTTP port: open connections, and time to send a request head.

Without them, a few hundred idle clients use up the file descriptors of the process, which Kafka connections need too.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

log = structlog.get_logger()

HEAD_SECONDS: Final = 10.0
"""Seconds after which a connection without a complete request, or an idle one, is closed."""
_LINGER_SECONDS: Final = 1.0
"""Seconds for which a request body is drained after the response, since no handler reads one."""
_HEADERS: Final = 64
_LOG_SECONDS: Final = 60.0


class ConnectionLimit:
    """Limits open connections to `most`: a new one beyond that closes the oldest without a pending response."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: set[Any] = set()
        self._closed = 0
        self._logged_at = 0.0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Mark the connection of `request` as waiting for a response."""
        self._busy.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    def accept(self, server: web.Server) -> asyncio.Protocol:
        """Return the protocol for a new connection, closing an old one if there are too many."""
        connections = server.connections
        excess = len(connections) - self._most + 1
        if excess > 0:
            self._close(connections, excess)
        return server()

    def _close(self, connections: Sequence[Any], excess: int) -> None:
        idle = [each for each in connections if each not in self._busy]
        for each in (idle or connections)[:excess]:
            if each.transport is not None and not each.transport.is_closing():
                each.transport.abort()
                self._closed += 1
        now = asyncio.get_running_loop().time()
        if now - self._logged_at > _LOG_SECONDS:
            self._logged_at = now
            log.warning("web_connections_closed", most=self._most, closed=self._closed)


def runner(site: web.Application, shutdown_timeout: float = 60.0) -> web.AppRunner:
    """Return a runner for `site` with limits of time and size for each connection."""
    return web.AppRunner(
        site,
        access_log=None,
        keepalive_timeout=HEAD_SECONDS,
        lingering_time=_LINGER_SECONDS,
        max_headers=_HEADERS,
        shutdown_timeout=shutdown_timeout,
    )


class LimitedSite(web.BaseSite):
    """A TCP port with limited connections; port 0 selects any free port."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, limit: ConnectionLimit) -> None:
        super().__init__(runner)
        self._host = host
        self._port = port
        self._limit = limit

    @property
    def name(self) -> str:
        """URL of the port."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Open the port. Raises OSError: the address cannot be used."""
        await super().start()
        server = cast(web.Server, self._runner.server)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: self._limit.accept(server), self._host, self._port, backlog=self._backlog
        )
