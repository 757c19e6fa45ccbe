"""Web server of the dashboard: overview, lists, complaints, and a stream of figures. Answers GET only."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final
from urllib.parse import quote

import structlog
from aiohttp import web
from pydantic_core import from_json, to_json

from agents.config.settings import Settings
from agents.dashboard import metrics, pages, security_headers
from agents.dashboard.broadcaster import MOST_BROWSERS, Broadcaster, TooManyBrowsers
from agents.dashboard.complaint_history import HistoryResult, render_history
from agents.dashboard.complaint_page import complaint_page
from agents.dashboard.complaint_row import ComplaintRow
from agents.dashboard.figures import DisplayContext, Sources
from agents.dashboard.layout import View, problem
from agents.dashboard.list_page import list_page
from agents.dashboard.listing import PAGE, ListPage, Lists, MemoryLists, Query, UnknownFilter, as_csv
from agents.dashboard.overview import overview
from agents.dashboard.read_model import ReadModel
from agents.dashboard.words import Words
from agents.mirror.stores import MirrorError
from agents.runtime.http.connection_limits import ConnectionLimit
from events.client.errors import KafkaFailure, NotAllowed
from events.wording import clipped

log = structlog.get_logger()

QUIET_S: Final = 15.0
"""Interval of comments in an idle stream, since proxies close silent connections."""
SEND_TIMEOUT_S: Final = 10.0
"""Time for a browser to read a response before it is disconnected."""
MOST_CONNECTIONS: Final = MOST_BROWSERS + 100
"""Streams, and 100 other requests."""
CSV_AT_ONCE: Final = 4
"""Maximum concurrent downloads of lists, each with a connection to the mirror."""
_READ_AT_ONCE: Final = 2
_CSV_WAIT_S: Final = 5.0
_CSV_S: Final = 300.0
"""Time limit of a download, so that slow ones do not block others; `alur list` has none."""
_WAITING: Final = 10
_CACHE_SIZE: Final = 64
_CACHE_S: Final = 60.0
_FRESH_S: Final = 1.0
_NUMBER: Final = re.compile(r"[0-9]{1,40}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""A tracking number, or a complaint id."""
_RETRY: Final = b"retry: 3000\n\n"
_KEEP_ALIVE: Final = b": still here\n\n"

STATUSES: Final = {
    "busy": 503,
    "no-history": 404,
    "no-number": 400,
    "no-such-complaint": 404,
    "not-allowed": 403,
    "still-reading": 404,
    "unreachable": 503,
}
"""Problem codes of a complaint's page, and the HTTP status."""

ReadHistory = Callable[[bytes, ComplaintRow], HistoryResult]


class Board:
    """The dashboard as a web application.

    `read_history` is called in a thread. Lists come from `mirror`, else from memory. `hosts`: accepted host names;
    empty: any. A browser has `send_timeout_s` seconds to read a response.
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
        mirror: Lists | None = None,
        hosts: frozenset[str] = frozenset(),
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._broadcaster = broadcaster
        self._read_model = read_model
        self._read_history = read_history
        self._context = context
        self._sources = sources
        self._memory = MemoryLists(read_model)
        self._lists = mirror or self._memory
        self._mirror_trouble: str | None = None
        self._hosts = hosts
        self._exporter = metrics.exporter(settings, context, lambda: broadcaster.last, sources)
        self._send_timeout_s = send_timeout_s
        self.limit = ConnectionLimit(MOST_CONNECTIONS)
        self._drawn: dict[str, tuple[bytes | None, float, str]] = {}
        self._assets = pages.assets() | {"runbook": pages.runbook()}
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._listing = asyncio.Semaphore(_READ_AT_ONCE)
        self._sending = asyncio.Semaphore(CSV_AT_ONCE)
        self._waiting = 0
        self._histories: OrderedDict[tuple[bytes, int, int], dict[str, Any]] = OrderedDict()

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(middlewares=[self.limit.middleware, security_headers.restrict_hosts(self._hosts)])
        app.on_response_prepare.append(security_headers.add_headers)
        app.on_shutdown.append(lambda _: self._broadcaster.close())
        app.router.add_get("/", self._overview)
        app.router.add_get("/figures", self._figures)
        app.router.add_get("/figures/stream", self._stream)
        app.router.add_get("/find", self._search)
        app.router.add_get("/complaints", self._list)
        app.router.add_get("/complaints.csv", self._csv)
        app.router.add_get("/complaints/{number}", self._complaint)
        app.router.add_get("/offices/{office}", self._list)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/health/live", self._health)
        app.router.add_get("/health/ready", self._health)
        app.router.add_get("/{name:.*}", self._asset)
        return app

    async def _overview(self, request: web.Request) -> web.StreamResponse:
        last, language = self._broadcaster.last, _language(request)
        drawn = self._drawn.get(language)
        # cached for all browsers, for as long as the figures and the second are the same
        if drawn is None or drawn[0] is not last or monotonic() - drawn[1] > _FRESH_S:
            figures = None if last is None else from_json(last)
            moment = datetime.now(UTC) if figures is None else datetime.fromisoformat(figures["at"])
            view = replace(self._view(request, moment), query=())
            if figures is not None:
                since = figures["records_lost_at"] and datetime.fromisoformat(figures["records_lost_at"])
                status = Sources(reading=figures["reading"], trouble=figures["trouble"], records_lost_at=since)
                view = replace(view, sources=status)  # as it was at that moment
            self._drawn[language] = drawn = (last, monotonic(), overview(view, figures))
        return _html(drawn[2], language)

    def _view(self, request: web.Request, now: datetime | None = None) -> View:
        words = Words(_language(request), self._context.zone, now or datetime.now(UTC))
        query = [(name, value) for name, value in request.query.items() if name != "lang"]
        return View(words, self._context, self._sources, quote(request.path, safe="/"), query)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        view, office = self._view(request), request.match_info.get("office")
        own = [("office", office)] if office else []
        try:
            query = Query.parse([*((name, each) for name, each in view.query if not own or name != "office"), *own])
            listed, lost = await self._page_of(query)
        except UnknownFilter as error:
            return self._refuse(view, 400, error.in_language(view.words.language), view.words.say("problem_filter"))
        counted = self._read_model().offices.copy()
        page = await asyncio.to_thread(list_page, view, query, listed, counted, lost=lost)
        return _html(page, view.words.language)

    async def _csv(self, request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(_CSV_WAIT_S):
                await self._sending.acquire()
        except TimeoutError:
            text = "other lists are being downloaded: try again in a moment\n"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": f"{_CSV_WAIT_S:.0f}"}) from None
        try:
            return await self._send_csv(request)
        finally:
            self._sending.release()

    async def _send_csv(self, request: web.Request) -> web.StreamResponse:
        try:
            listed = await self._select(self._lists, Query.parse(request.query.items()))
            parts = as_csv(listed.rows, datetime.now(UTC))
            # the first rows before the response begins, which fixes the status
            head = [await asyncio.to_thread(next, parts, "") for _ in range(2)]
        except UnknownFilter as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        except MirrorError as error:
            self._note_mirror(error)
            raise web.HTTPServiceUnavailable(text="the mirror cannot be read: see the log of alur board\n") from None
        headers = {"Content-Disposition": 'attachment; filename="complaints.csv"'}
        response = web.StreamResponse(headers=headers | {"Content-Type": "text/csv; charset=utf-8"})
        await response.prepare(request)
        try:
            async with asyncio.timeout(_CSV_S):
                await self._send(response, "".join(head).encode())
                while part := await asyncio.to_thread(next, parts, ""):
                    await self._send(response, part.encode())
        except (ConnectionError, MirrorError, TimeoutError):
            _abort(request)  # so that the browser reports an incomplete download
        return response

    async def _page_of(self, query: Query) -> tuple[ListPage, bool]:
        """Return a page of a list, and whether its mirror is unreadable."""
        part = {"first": (query.page - 1) * PAGE, "most": PAGE}
        try:
            listed = await self._select(self._lists, query, **part)
        except MirrorError as error:
            self._note_mirror(error)
            return await self._select(self._memory, query, **part), True
        self._note_mirror(None)
        return listed, False

    def _note_mirror(self, error: MirrorError | None) -> None:
        """Log once that the mirror is unreadable, or readable again; no page shows the message, with machine names."""
        reason = None if error is None else str(error)
        if reason != self._mirror_trouble:
            log.warning("mirror_unreadable" if error else "mirror_readable", reason=reason)
        self._mirror_trouble = reason

    async def _select(self, lists: Lists, query: Query, **part: int) -> ListPage:
        async with self._listing:
            return await asyncio.to_thread(lists.select, query, datetime.now(UTC), self._context, **part)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        number = request.query.get("number", "").strip()
        raise web.HTTPSeeOther(self._view(request).link(f"/complaints/{quote(number or '-', safe='')}"))

    def _refuse(self, view: View, status: int, text: str, next_step: str) -> web.StreamResponse:
        return _html(problem(view, text, next_step), view.words.language, status)

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            view = self._view(request)
            return self._refuse(view, 404, view.words.say("problem_page"), view.words.say("problem_ways"))
        tag = f'"{asset.tag}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8", headers=headers)

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
            await self._send(response, _RETRY)
            async with aclosing(self._broadcaster.follow(QUIET_S)) as news:
                async for figures in news:
                    await self._send(response, _KEEP_ALIVE if figures is None else b"data: " + figures + b"\n\n")
        except (ConnectionError, TooManyBrowsers, TimeoutError):
            _abort(request)  # the browser has closed the stream or does not read it
        return response

    async def _send(self, response: web.StreamResponse, chunk: bytes) -> None:
        async with asyncio.timeout(self._send_timeout_s):
            await response.write(chunk)

    async def _complaint(self, request: web.Request) -> web.StreamResponse:
        view, number = self._view(request), request.match_info["number"]
        entry = self._read_model().find(number) if _NUMBER.fullmatch(number) else None
        rendered, trouble = None, self._problem(number, entry)
        if entry is not None and trouble is None:
            rendered, trouble = await self._answer(*entry)
        if entry is not None and rendered is not None:
            return _html(complaint_page(view, rendered | self._links(*entry, rendered)), view.words.language)
        trouble = trouble or "no-history"
        text = view.words.of("problem", trouble).format(number=clipped(number))
        return self._refuse(view, STATUSES[trouble], text, view.words.say("problem_number"))

    def _links(self, key: bytes, row: ComplaintRow, rendered: Mapping[str, Any]) -> dict[str, Any]:
        """Return links with other complaints, except secret ones, whose content they would reveal."""
        model, shown = self._read_model(), {}
        for name in ("follows", "duplicate_of"):
            other = model.find(rendered[name]) if rendered[name] else None
            shown[name] = None if other is None or other[1].shape.secret else rendered[name]
        return {**shown, "followed_by": model.followers(key, row)}

    def _problem(self, number: str, entry: tuple[bytes, ComplaintRow] | None) -> str | None:
        """Return the problem that makes reading the history unnecessary; None if it must be read."""
        if not _NUMBER.fullmatch(number):
            return "no-number"
        if entry is None:
            return "still-reading" if self._sources.reading else "no-such-complaint"
        if self._sources.trouble is not None:
            return "unreachable"  # without waiting half a minute for Kafka
        return "busy" if self._waiting >= _WAITING else None

    async def _answer(self, key: bytes, row: ComplaintRow) -> tuple[dict[str, Any] | None, str | None]:
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

    async def _history(self, key: bytes, row: ComplaintRow) -> dict[str, Any] | None:
        """Return the history of a complaint, cached for at most a minute while its version is unchanged."""
        cached = key, row.version, int(monotonic() // _CACHE_S)
        async with self._reading:
            if cached in self._histories:
                self._histories.move_to_end(cached)
                return self._histories[cached]
            result = await asyncio.to_thread(self._read_history, key, row)
        if not result.records.history:
            return None
        rendered = render_history(result, row, self._context)
        if result.complete:
            self._histories[cached] = rendered
            while len(self._histories) > _CACHE_SIZE:
                self._histories.popitem(last=False)
        return rendered


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _language(request: web.Request) -> str:
    return pages.chosen_language(request.query.get("lang"), request.headers.get("Accept-Language", ""))


def _html(page: str, language: str, status: int = 200) -> web.Response:
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return web.Response(text=page, status=status, content_type="text/html", charset="utf-8", headers=headers)
