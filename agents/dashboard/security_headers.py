"""Security headers of every response, and the check of the Host header."""

from collections.abc import Collection
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
    # no text becomes markup: the browser refuses innerHTML
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
_FOR_ALL: Final = frozenset({"/metrics", "/health/live", "/health/ready"})
"""Paths of metrics and health, which any Host header may request."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to a response."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)


def restrict_hosts(hosts: Collection[str]) -> Middleware:
    """Return a middleware that answers requests for these hosts only; for any host if `hosts` is empty.

    Against DNS rebinding: a foreign page can resolve its own name to this machine, but cannot change the Host header.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        # `request.host` would block on a name look-up without the header
        if hosts and request.path not in _FOR_ALL and host_of(request.headers.get("Host", "")) not in hosts:
            raise web.HTTPMisdirectedRequest(text="this board is not known by that name: see --host\n")
        return await handler(request)

    return check


def host_of(header: str) -> str:
    """Return the host name in a Host header, without port and brackets, in lower case."""
    host = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    return host.strip("[]").lower()
