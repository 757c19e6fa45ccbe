"""Web server of the dashboard: the page, a stream of figures, and the history of a complaint. Answers GET only."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from typing import Final
from uuid import UUID

from aiohttp import web
from pydantic_core import to_json

from agents.config.settings import Settings
from agents.dashboard import metrics, pages, security_headers
from agents.dashboard.broadcaster import MOST_BROWSERS, Broadcaster, TooManyBrowsers
from agents.dashboard.complaint_history import HistoryResult, render_history
from agents.dashboard.complaint_row import ComplaintRow
from agents.dashboard.figures import DisplayContext, Sources
from agents.dashboard.pages import Asset
from agents.dashboard.read_model import ReadModel
from agents.runtime.http.connection_limits import ConnectionLimit
from events.client.errors import KafkaFailure, NotAllowed

QUIET_S: Final = 15.0
"""Interval of a comment line without new figures: proxies close a silent connection."""
SEND_TIMEOUT_S: Final = 10.0
"""Time for a browser to accept what it is sent before it is disconnected."""
MOST_CONNECTIONS: Final = MOST_BROWSERS + 100
"""Streams, and 100 other requests."""
_READ_AT_ONCE: Final = 2
_WAITING: Final = 10
_KEPT: Final = 64
_LONGEST_NUMBER: Final = 40
_AGAIN: Final = b"retry: 3000\n\n"
_STILL_HERE: Final = b": still here\n\n"

STATUSES: Final = {
    "busy": 503,
    "no-history": 404,
    "no-such-complaint": 404,
    "not-allowed": 403,
    "still-reading": 404,
    "unreachable": 503,
}
"""Problem codes of the page, and the HTTP status."""

ReadHistory = Callable[[bytes, ComplaintRow], HistoryResult]


class Board:
    """The dashboard as a web application.

    Args:
        broadcaster: publishes the figures.
        read_model: returns the present read model.
        read_history: reads the history of a complaint; called in a thread.
        context: zone and office names of the policy.
        sources: status of what is read.
        settings: of the installation.
        hosts: host names to answer; any, if empty.
        send_timeout_s: time in seconds for a browser to accept what it is sent.
    """

    def __init__(  # noqa: PLR0913 -- sources and limits
        self,
        broadcaster: Broadcaster,
        read_model: Callable[[], ReadModel],
        read_history: ReadHistory,
        context: DisplayContext,
        *,
        sources: Sources,
        settings: Settings,
        hosts: frozenset[str] = frozenset(),
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._broadcaster = broadcaster
        self._read_model = read_model
        self._read_history = read_history
        self._context = context
        self._sources = sources
        self._hosts = hosts
        self._exporter = metrics.exporter(settings, read_model, sources)
        self._send_timeout_s = send_timeout_s
        self.limit = ConnectionLimit(MOST_CONNECTIONS)
        self._pages = pages.pages()
        self._assets = pages.assets()
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._waiting = 0
        self._histories: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(middlewares=[self.limit.middleware, security_headers.restrict_hosts(self._hosts)])
        app.on_response_prepare.append(security_headers.add_headers)
        app.on_shutdown.append(lambda _: self._broadcaster.close())
        app.router.add_get("/", self._page)
        app.router.add_get("/figures", self._figures)
        app.router.add_get("/figures/stream", self._stream)
        app.router.add_get("/complaints/{number}", self._complaint)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/health/live", self._health)
        app.router.add_get("/health/ready", self._health)
        app.router.add_get("/{name}", self._asset)
        return app

    async def _page(self, request: web.Request) -> web.StreamResponse:
        accepts = request.headers.get("Accept-Language", "")
        language = pages.chosen_language(request.query.get("lang"), accepts)
        response = _sent(request, self._pages[language])
        response.headers.update({"Content-Language": language, "Vary": "Accept-Language"})
        return response

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        found = self._assets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="not found\n")
        return _sent(request, found)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        question = request.path.rpartition("/")[2]
        good = question == "live" or not self._sources.reading
        body = to_json({question: good}) + b"\n"
        return web.Response(status=200 if good else 503, body=body, content_type="application/json")

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        body, content_type = self._exporter.read(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _figures(self, _request: web.Request) -> web.StreamResponse:
        if self._broadcaster.last is None:
            raise web.HTTPServiceUnavailable(text="still reading\n")
        return web.Response(body=self._broadcaster.last, content_type="application/json")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._broadcaster.full:
            raise web.HTTPServiceUnavailable(text="too many streams\n", headers={"Retry-After": "60"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        try:
            await self._send(response, _AGAIN)
            async with aclosing(self._broadcaster.follow(QUIET_S)) as news:
                async for figures in news:
                    await self._send(response, _STILL_HERE if figures is None else b"data: " + figures + b"\n\n")
        except (ConnectionError, TooManyBrowsers, TimeoutError):
            # it has left or accepts nothing: drop what is still to be sent
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _send(self, response: web.StreamResponse, chunk: bytes) -> None:
        async with asyncio.timeout(self._send_timeout_s):
            await response.write(chunk)

    async def _complaint(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request.match_info["number"])
        body, problem = None, self._problem(found)
        if found is not None and problem is None:
            body, problem = await self._answer(*found)
        if problem is not None:
            body = to_json({"problem": problem})
        return web.Response(status=STATUSES[problem] if problem else 200, body=body, content_type="application/json")

    def _problem(self, found: tuple[bytes, ComplaintRow] | None) -> str | None:
        """Return why the history need not be read; None if it must be."""
        if found is None:
            return "still-reading" if self._sources.reading else "no-such-complaint"
        if self._sources.trouble is not None:
            return "unreachable"  # known already: to ask Kafka would take half a minute
        return "busy" if self._waiting >= _WAITING else None

    async def _answer(self, key: bytes, row: ComplaintRow) -> tuple[bytes | None, str | None]:
        """Return the history of a complaint, or a problem code."""
        self._waiting += 1
        try:
            body = await self._history(key, row)
        except NotAllowed:
            return None, "not-allowed"
        except KafkaFailure:
            return None, "unreachable"
        finally:
            self._waiting -= 1
        return body, "no-history" if body is None else None

    def _find(self, number: str) -> tuple[bytes, ComplaintRow] | None:
        if len(number) > _LONGEST_NUMBER:
            return None
        read_model = self._read_model()
        if number.isascii() and number.isdecimal():
            return read_model.find(number)
        try:
            return read_model.get(UUID(number).bytes)
        except ValueError:
            return None

    async def _history(self, key: bytes, row: ComplaintRow) -> bytes | None:
        """Return the history of a complaint as JSON, from the cache if its version is the same."""
        cached = key, row.version
        async with self._reading:
            if cached in self._histories:
                self._histories.move_to_end(cached)
                return self._histories[cached]
            found = await asyncio.to_thread(self._read_history, key, row)
        if not found.known.history:
            return None
        body = to_json(render_history(found, row, self._context))
        if found.whole:
            self._histories[cached] = body
            while len(self._histories) > _KEPT:
                self._histories.popitem(last=False)
        return body


def _sent(request: web.Request, found: Asset) -> web.Response:
    tag = f'"{found.tag}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.body, content_type=found.content_type, charset="utf-8", headers=headers)
