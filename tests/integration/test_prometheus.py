"""A real Prometheus scrapes real stages, and finds something for every expression of the alerts and of Grafana.

A real Alertmanager, where there is one, gets its alerts and sends one page for one cause.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from events.topics import STAGES
from tests.integration.test_watching import free_port
from tests.support.engines import Engine, eventually
from tests.unit.project.test_watching_files import ALERTS, DEPLOY, QUERIES, SELECTOR

PROGRAM = shutil.which("prometheus")
if PROGRAM is None:
    pytest.skip("no Prometheus here: apt-get install prometheus", allow_module_level=True)

ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
GROUP_WAIT = "5s"
"""Of the first page of a group, in place of 30 seconds; longer than the alerts of one cause are apart."""
NEEDS_A_CLOCK = "alur_next_deadline_timestamp_seconds"
"""The one metric that has no value while no complaint is open; its panel has words for that."""
IN_ALERTS = sorted({f"{name}{{{matchers}}}" for alert in ALERTS for name, matchers in SELECTOR.findall(alert["expr"])})


class Pager(ThreadingHTTPServer):
    """Receives the pages of an Alertmanager: `(label of the group, its value)`, and the alerts that it names."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.address = ""
        """Of the Alertmanager."""
        self.pages: list[tuple[tuple[str, str], list[dict[str, str]]]] = []
        Thread(target=self.serve_forever, daemon=True).start()

    def take(self, page: dict[str, Any]) -> None:
        [group] = page["groupLabels"].items()
        self.pages.append((group, [each["labels"] for each in page["alerts"]]))

    def alert(self, *alerts: dict[str, str]) -> None:
        """Send alerts to the Alertmanager as a Prometheus does."""
        request = urllib.request.Request(  # noqa: S310 -- http, as above
            f"{self.address}/api/v2/alerts",
            json.dumps([{"labels": each} for each in alerts]).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- as above
            assert answer.status == 200


class _Taking(BaseHTTPRequestHandler):
    server: Pager

    def do_POST(self) -> None:
        self.server.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(log: Path, *command: str) -> Iterator[None]:
    """Run a program, with its output in a file."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[Pager | None]:
    if ALERTMANAGER is None:
        yield None
        return
    port = free_port()
    with Pager() as pager:
        settings = yaml.safe_load((DEPLOY / "prometheus" / "alertmanager.yml").read_text())
        settings["route"]["group_wait"] = GROUP_WAIT
        [receiver] = settings["receivers"]
        receiver["webhook_configs"] = [{"url": f"http://127.0.0.1:{pager.server_port}/", "send_resolved": False}]
        (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(settings))
        with running(
            tmp_path / "alertmanager.log",
            *(ALERTMANAGER, f"--config.file={tmp_path / 'alertmanager.yml'}", f"--storage.path={tmp_path / 'pages'}"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
        ):
            pager.address = f"http://127.0.0.1:{port}"
            yield pager
        pager.shutdown()


@dataclass
class Prometheus:
    """A Prometheus that scrapes a whole engine and its board."""

    address: str
    engine: Engine
    pager: Pager | None

    def ask(self, path: str, **parameters: str) -> Any:
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 -- http, as above
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[float]:
        """The values of an expression, now."""
        found = self.ask("query", query=expression.replace("$prefix", ".*"))
        assert found["resultType"] == "vector"
        return [float(each["value"][1]) for each in found["result"]]

    def firing(self) -> set[str]:
        return {each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"}


@pytest.fixture
def prometheus(stopped_engine: Engine, pager: Pager | None, tmp_path: Path) -> Iterator[Prometheus]:
    engine, ports = stopped_engine, {stage: free_port() for stage in STAGES}
    for stage, port in ports.items():
        engine.environment["ALUR_WEB"] = f"127.0.0.1:{port}"
        engine.start(stage)
    ports["board"], own = free_port(), free_port()
    board = f"{Path(sys.executable).parent / 'alur'} board --port {ports['board']}"
    engine.start_command(board, {**os.environ, **engine.settings.to_environment()})
    settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    [job] = settings["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports.values()]}]
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(DEPLOY / "prometheus" / "alerts.yml")]
    if pager is None:
        del settings["alerting"]
    else:
        targets = [pager.address.removeprefix("http://")]
        settings["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": targets}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))
    assert PROGRAM is not None
    with running(
        tmp_path / "prometheus.log",
        *(PROGRAM, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"),
        f"--web.listen-address=127.0.0.1:{own}",
    ):
        found = Prometheus(f"http://127.0.0.1:{own}", engine, pager)
        eventually("all are scraped and work", lambda: _counted(found, "sum(alur_ready)") == len(ports))
        yield found


def _counted(prometheus: Prometheus, expression: str) -> float:
    try:
        return sum(prometheus.query(expression))
    except OSError:
        return -1


def empty(prometheus: Prometheus, expressions: list[str]) -> list[str]:
    """Those that yield nothing, or something that is not a number."""
    values = {expression: prometheus.query(expression) for expression in expressions}
    return [expression for expression, found in values.items() if not found or any(map(math.isnan, found))]


def test_every_expression_yields_a_sample(prometheus: Prometheus) -> None:
    engine = prometheus.engine
    asked = sorted({*QUERIES.values(), *IN_ALERTS})
    without_clock = [each for each in asked if NEEDS_A_CLOCK not in each]
    assert len(asked) > 60
    # a rate needs two samples of the same series
    eventually("there is a rate", lambda: _counted(prometheus, "count(rate(alur_restarts_total[5m]))") == len(STAGES))
    assert empty(prometheus, without_clock) == [], "at rest, before the first complaint"
    assert prometheus.firing() == set()

    engine.send_all("complaints.intake", [(None, b"not JSON at all"), (None, b"")])
    engine.await_status(engine.report("1708-1"), "disposed")
    engine.report("1708-1", title="Judul lain")
    eventually("the board knows of it", lambda: _counted(prometheus, "sum(alur_open_complaints)") == 1)
    # sla is scraped with its first clock a second later
    eventually("every expression yields a sample", lambda: not empty(prometheus, asked))
    eventually("its status is scraped", lambda: prometheus.query('alur_status_complaints{status="disposed"}') == [1])
    assert prometheus.query(f'count(alur_info{{prefix="{engine.settings.prefix}"}})') == [len(STAGES) + 1]
    # first events: an increase is seen only of a counter that was there before
    expected = {"AlurDeadLetters", "AlurContentDiffers"}
    eventually("the alerts of first events fire", lambda: expected <= prometheus.firing())
    assert prometheus.firing() == expected
    if prometheus.pager is None:
        pytest.skip("all but the pages was tried; no Alertmanager here: apt-get install prometheus-alertmanager")
    _one_page_for_one_cause(prometheus.pager)


def _one_page_for_one_cause(pager: Pager) -> None:
    eventually("both causes are paged", lambda: len(pager.pages) >= 2)
    pages = dict(pager.pages)
    assert {each["code"] for each in pages["stage", "intake"]} == {"not-json", "empty"}
    assert [each["alertname"] for each in pages["alertname", "AlurContentDiffers"]] == ["AlurContentDiffers"]

    # what follows from a stage that is missing is no page of its own
    pager.alert(*({"alertname": name, "stage": "sla"} for name in ("AlurFallingBehind", "AlurPartitionsWithoutWorker")))
    # all stages stop with their broker
    missing = {"alertname": "AlurStageMissing", "concerns": "workers"}
    pager.alert({"alertname": "AlurDeadlinesWait"}, *({**missing, "stage": stage} for stage in STAGES))
    # a page of another cause, sent with these, comes when theirs have come
    pager.alert({"alertname": "AlurBug", "stage": "lifecycle"})
    eventually("both causes are paged", lambda: len(pager.pages) >= 4)
    assert sorted((group, [each["alertname"] for each in alerts]) for group, alerts in pager.pages[2:]) == [
        (("concerns", "workers"), ["AlurStageMissing"] * len(STAGES)),
        (("stage", "lifecycle"), ["AlurBug"]),
    ]
