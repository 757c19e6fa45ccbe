"""What every answer carries, so that a browser does no more with the page than show it, and whom we answer at all."""

from collections.abc import Collection
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
    # text becomes markup nowhere: the browser itself refuses innerHTML and its like
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer, whatever it is."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)


def restrict_hosts(hosts: Collection[str]) -> Middleware:
    """Return a middleware that answers requests for these hosts only; for any if there is none.

    A page on the internet can make its own name point to this machine (DNS rebinding) and would then be let in by the
    browser. It cannot change the name that the browser asks for.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        # not `request.host`: where the header is missing it asks the name service, and everybody else waits
        if hosts and host_of(request.headers.get("Host", "")) not in hosts:
            raise web.HTTPMisdirectedRequest(text="this board is not known by that name: see --host\n")
        return await handler(request)

    return check


def host_of(header: str) -> str:
    """Return the name in a Host header, without its port and brackets, in small letters."""
    host = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    return host.strip("[]").lower()
