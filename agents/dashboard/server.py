"""The web part of the board: the page, the figures as they change, and one complaint's history. It only answers GET."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from typing import Final
from uuid import UUID

from aiohttp import web
from pydantic_core import to_json

from agents.dashboard import pages, security_headers
from agents.dashboard.broadcaster import MOST_BROWSERS, Broadcaster, TooManyBrowsers
from agents.dashboard.complaint_history import HistoryResult, render_history
from agents.dashboard.complaint_row import ComplaintRow
from agents.dashboard.figures import DisplayContext, Sources
from agents.dashboard.pages import Asset
from agents.dashboard.read_model import ReadModel
from agents.runtime.http.connection_limits import ConnectionLimit
from events.client.errors import KafkaFailure, NotAllowed

QUIET_S: Final = 15.0
"""So often a line goes out even if there is nothing new: a proxy lets go of a connection on which nothing comes."""
SEND_TIMEOUT_S: Final = 10.0
"""So long a browser may take for what it is sent before it is let go."""
MOST_CONNECTIONS: Final = MOST_BROWSERS + 100
"""Those that look on, and as many again as ask for the page."""
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
"""Why a complaint cannot be shown, as the page knows it, and the HTTP status."""

ReadHistory = Callable[[bytes, ComplaintRow], HistoryResult]


class Board:
    """The board as a web application.

    Args:
        hub: where the figures come from.
        standings: gives the complaints as they are known now.
        read_history: reads the history of a complaint; it may take a while, and is called in a thread.
        context: what the policy tells.
        sources: how things are with what is read.
        hosts: the names by which it may be asked; any, if there is none.
        patience_s: how long a browser may take for what it is sent.
    """

    def __init__(  # noqa: PLR0913 -- what it shows, and for whom
        self,
        broadcaster: Broadcaster,
        read_model: Callable[[], ReadModel],
        read_history: ReadHistory,
        context: DisplayContext,
        *,
        sources: Sources,
        hosts: frozenset[str] = frozenset(),
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._broadcaster = broadcaster
        self._read_model = read_model
        self._read_history = read_history
        self._context = context
        self._sources = sources
        self._hosts = hosts
        self._send_timeout_s = send_timeout_s
        self.limit = ConnectionLimit(MOST_CONNECTIONS)
        self._pages = pages.pages()
        self._assets = pages.assets()
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._waiting = 0
        self._histories: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()

    def application(self) -> web.Application:
        """Return what a server can run."""
        app = web.Application(middlewares=[self.limit.middleware, security_headers.restrict_hosts(self._hosts)])
        app.on_response_prepare.append(security_headers.add_headers)
        app.on_shutdown.append(self._close_streams)
        app.router.add_get("/", self._page)
        app.router.add_get("/figures", self._figures)
        app.router.add_get("/figures/stream", self._stream)
        app.router.add_get("/complaints/{number}", self._complaint)
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._is_ready)
        app.router.add_get("/{name}", self._asset)
        return app

    async def _close_streams(self, _app: web.Application) -> None:
        await self._broadcaster.close()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        accepts = request.headers.get("Accept-Language", "")
        language = pages.chosen_language(request.query.get("lang"), accepts)
        response = _sent(request, self._pages[language])
        response.headers.update({"Content-Language": language, "Vary": "Accept-Language"})
        return response

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        found = self._assets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="there is nothing here\n")
        return _sent(request, found)

    async def _live(self, _request: web.Request) -> web.StreamResponse:
        return _health("live", yes=True)

    async def _is_ready(self, _request: web.Request) -> web.StreamResponse:
        return _health("ready", yes=not self._sources.reading)

    async def _figures(self, _request: web.Request) -> web.StreamResponse:
        if self._broadcaster.last is None:
            raise web.HTTPServiceUnavailable(text="still reading\n")
        return web.Response(body=self._broadcaster.last, content_type="application/json")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._broadcaster.full:
            raise web.HTTPServiceUnavailable(text="too many are looking on\n", headers={"Retry-After": "60"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        try:
            await self._send(response, _AGAIN)
            async with aclosing(self._broadcaster.follow(QUIET_S)) as news:
                async for figures in news:
                    await self._send(response, _STILL_HERE if figures is None else b"data: " + figures + b"\n\n")
        except (ConnectionError, TooManyBrowsers, TimeoutError):
            # it is gone, or takes nothing any more: what is still to be sent is let go of with it
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
        """Say why there is no need to read anything; None if there is."""
        if found is None:
            return "still-reading" if self._sources.reading else "no-such-complaint"
        if self._sources.trouble is not None:
            return "unreachable"  # known already: to ask Kafka would take half a minute
        return "busy" if self._waiting >= _WAITING else None

    async def _answer(self, key: bytes, row: ComplaintRow) -> tuple[bytes | None, str | None]:
        """Return a complaint's history, or why there is none."""
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
        """Return a complaint's history as JSON: as it was read before, if nothing has happened since."""
        place = key, row.version
        async with self._reading:
            if place in self._histories:
                self._histories.move_to_end(place)
                return self._histories[place]
            found = await asyncio.to_thread(self._read_history, key, row)
        if not found.dossier.history:
            return None
        body = to_json(render_history(found, row, self._context))
        if found.whole:
            self._histories[place] = body
            while len(self._histories) > _KEPT:
                self._histories.popitem(last=False)
        return body


def _sent(request: web.Request, found: Asset) -> web.Response:
    tag = f'"{found.tag}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.body, content_type=found.content_type, charset="utf-8", headers=headers)


def _health(question: str, *, yes: bool) -> web.Response:
    status = 200 if yes else 503
    return web.Response(status=status, body=to_json({question: yes}) + b"\n", content_type="application/json")
