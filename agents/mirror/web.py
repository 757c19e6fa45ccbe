"""HTTP port of `alur mirror run`: `/metrics`, `/health/live` and `/health/ready`, as for a stage."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, Counter, Gauge, make_wsgi_app

from agents.mirror.service import Progress
from agents.runtime.http.health import LIVE_SECONDS, READY_SECONDS


class MirrorWeb:
    """Metrics and health of the mirror."""

    def __init__(self) -> None:
        self._records = Counter("alur_mirror_records", "Records copied.", registry=REGISTRY)
        self._unread = Counter("alur_mirror_unread", "Records that could not be read.", registry=REGISTRY)
        self._lag = Gauge("alur_mirror_lag_records", "Offsets between the mirror and the ends of the topics.")
        self._committed = Gauge("alur_mirror_committed_seconds", "Unix time at which the mirror was last current.")
        self._progress_at, self._caught_up = time.monotonic(), False
        self._metrics = make_wsgi_app(REGISTRY)

    def observe(self, progress: Progress) -> None:
        """Count a transaction."""
        self._records.inc(progress.records)
        self._unread.inc(progress.unread)
        self._lag.set(progress.lag)
        self._committed.set_to_current_time()
        self._progress_at, self._caught_up = time.monotonic(), self._caught_up or not progress.lag

    def problem(self, question: str) -> str | None:
        """Return why the mirror is not `live` or `ready`, in one line; None if it is."""
        silent = time.monotonic() - self._progress_at
        if silent > (LIVE_SECONDS if question == "live" else READY_SECONDS):
            return f"no transaction for {silent:.0f} s"
        return "reading what came before the start" if question == "ready" and not self._caught_up else None

    def serve(self, port: int) -> None:
        """Serve a port in a thread that ends with the process."""
        server = make_server("", port, self._answer, server_class=_Server, handler_class=_Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            metrics: Iterable[bytes] = self._metrics(environ, start)
            return metrics
        if path not in _QUESTIONS:
            start("404 Not Found", [])
            return []
        question = path.rpartition("/")[2]
        problem = self.problem(question)
        body = {question: problem is None} | ({} if problem is None else {"reason": problem})
        start("200 OK" if problem is None else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps(body).encode() + b"\n"]


_QUESTIONS: Final = ("/health/live", "/health/ready")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: health is polled every few seconds."""
