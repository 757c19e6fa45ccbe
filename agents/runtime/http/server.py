"""HTTP server of a stage: `/metrics`, `/health/live` and `/health/ready`."""

from typing import Any, Final

import orjson
from aiohttp import web
from mode import Service

from agents.config.settings import WebAddress
from agents.runtime.http import health
from agents.runtime.http.connection_limits import ConnectionLimit, LimitedSite, runner
from agents.runtime.http.prometheus import PrometheusExporter
from agents.runtime.process import exit_with_error
from agents.runtime.stage import RefusedToStart
from agents.runtime.stage_consumer import StageConsumer

MOST_CONNECTIONS: Final = 100
"""More than health checks and scrapers need, and few of the usual 1,024 descriptors of a process."""
_UNAVAILABLE: Final = 503


class StageWeb(Service):
    """HTTP service with metrics and health of a stage."""

    def __init__(self, stage_consumer: StageConsumer, address: WebAddress) -> None:
        super().__init__()
        self._stage_consumer = stage_consumer
        self._address = address
        self._exposition = PrometheusExporter(stage_consumer)
        self._limit = ConnectionLimit(MOST_CONNECTIONS)
        site = web.Application(middlewares=[self._limit.middleware])
        site.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/health/live", self._live),
                web.get("/health/ready", self._ready),
            ]
        )
        self._runner = runner(site)

    @property
    def web_url(self) -> str:
        """URL of the service, for Faust's banner."""
        return f"http://{self._address}"

    async def on_start(self) -> None:
        """Open the port when the service starts."""
        await self._runner.setup()
        try:
            await LimitedSite(self._runner, self._address.host, self._address.port, self._limit).start()
        except OSError as error:
            reason = f"ALUR_WEB={self._address}: {error.strerror}; name another address, or leave ALUR_WEB out"
            exit_with_error(self._stage_consumer.stage.name, RefusedToStart(reason))

    async def on_stop(self) -> None:
        """Close the port when the service stops."""
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        await health.ping_kafka(self._stage_consumer)
        body, content_type = self._exposition.read(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _live(self, _request: web.Request) -> web.Response:
        return _answer("live", health.liveness_problem(self._stage_consumer))

    async def _ready(self, _request: web.Request) -> web.Response:
        await health.ping_kafka(self._stage_consumer)
        return _answer("ready", health.readiness_problem(self._stage_consumer))


def _answer(question: str, problem: str | None) -> web.Response:
    status = 200 if problem is None else _UNAVAILABLE
    body: dict[str, Any] = {question: problem is None} | ({} if problem is None else {"reason": problem})
    return web.Response(body=orjson.dumps(body) + b"\n", status=status, content_type="application/json")
