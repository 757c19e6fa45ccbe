"""A web port with idle clients, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from agents.runtime.http import connection_limits
from agents.runtime.http.connection_limits import ConnectionLimit, LimitedSite

_MOST = 20


@asynccontextmanager
async def port(asked: asyncio.Event, answer: asyncio.Event) -> AsyncIterator[int]:
    """Serve `/`, and `/slow`, which sets `asked` and waits for `answer`."""

    async def at_once(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    async def slow(_request: web.Request) -> web.Response:
        asked.set()
        await answer.wait()
        return web.Response(text="at last")

    limit = ConnectionLimit(_MOST)
    site = web.Application(middlewares=[limit.middleware])
    site.add_routes([web.get("/", at_once), web.get("/slow", slow)])
    runner = connection_limits.runner(site, shutdown_timeout=0.1)
    await runner.setup()
    await LimitedSite(runner, "127.0.0.1", 0, limit).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def run(act: Callable[[int, asyncio.Event, asyncio.Event], Awaitable[None]]) -> None:
    async def whole() -> None:
        asked, answer = asyncio.Event(), asyncio.Event()
        async with asyncio.timeout(20), port(asked, answer) as number:
            await act(number, asked, answer)

    asyncio.run(whole())


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _half_sent(number: int, count: int, holding: ExitStack) -> None:
    """Open connections, and send the first line of a request on each."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        client = holding.enter_context(socket.socket())
        client.settimeout(0)
        await loop.sock_connect(client, ("127.0.0.1", number))
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\n")


def test_half_sent_requests_take_no_more_than_their_share() -> None:
    async def act(number: int, asked: asyncio.Event, answer: asyncio.Event) -> None:
        with ExitStack() as holding:
            async with ClientSession(f"http://127.0.0.1:{number}") as session:
                slow = asyncio.create_task(session.get("/slow"))
                await asked.wait()
                before = _descriptors()
                with capture_logs() as logs:
                    await _half_sent(number, 10 * _MOST, holding)
                    async with session.get("/") as first:
                        assert await first.text() == "here"
                # each of the others has a descriptor at our end too
                held = _descriptors() - before - 10 * _MOST
                assert held <= _MOST
                assert [line["event"] for line in logs] == ["web_connections_closed"], "once a minute"
                # the oldest of all, but a client waits for its answer
                answer.set()
                assert await (await slow).text() == "at last"

    run(act)


@pytest.mark.long
def test_a_head_has_so_long_and_an_idle_connection_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(number: int, _asked: asyncio.Event, _answer: asyncio.Event) -> None:
        nothing, _ = await asyncio.open_connection("127.0.0.1", number)
        half, sender = await asyncio.open_connection("127.0.0.1", number)
        idle, asker = await asyncio.open_connection("127.0.0.1", number)
        asker.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        # drop after drop: what comes gives no more time
        for byte in b"GET / HTTP/1.1\r\nHost: her":
            sender.write(bytes([byte]))
            await asyncio.sleep(0.01)
        assert await nothing.read() == b""
        assert await half.read() == b""
        assert (await idle.read()).endswith(b"here")

    monkeypatch.setattr(connection_limits, "HEAD_SECONDS", 0.5)
    run(act)


@pytest.mark.long
@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + b"x" * 10_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-One: 1\r\n" * 100 + b"\r\n",
    ],
)
def test_a_large_head_is_refused(head: bytes) -> None:
    async def act(number: int, _asked: asyncio.Event, _answer: asyncio.Event) -> None:
        stage_consumer, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(head)
        assert (await stage_consumer.read()).startswith(b"HTTP/1.0 400 ")

    run(act)


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(number: int, _asked: asyncio.Event, _answer: asyncio.Event) -> None:
        stage_consumer, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000000\r\n\r\nmore to come")
        assert b"405" in await stage_consumer.readline()
        await stage_consumer.read()

    monkeypatch.setattr(connection_limits, "_LINGER_SECONDS", 0.1)
    run(act)
