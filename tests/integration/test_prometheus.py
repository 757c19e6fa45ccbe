"""A real Prometheus scrapes real stages, and finds something for every expression of the alerts and of Grafana."""

import json
import math
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
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

NEEDS_A_CLOCK = "alur_next_deadline_timestamp_seconds"
"""The one metric that has no value while no complaint is open; its panel has words for that."""
IN_ALERTS = sorted({f"{name}{{{matchers}}}" for alert in ALERTS for name, matchers in SELECTOR.findall(alert["expr"])})


@dataclass
class Prometheus:
    """A Prometheus that scrapes a whole engine and its board."""

    address: str
    engine: Engine

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
def prometheus(stopped_engine: Engine, tmp_path: Path) -> Iterator[Prometheus]:
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
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))
    assert PROGRAM is not None
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(PROGRAM, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"),
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            stdout=log,
            stderr=log,
        )
    found = Prometheus(f"http://127.0.0.1:{own}", engine)
    try:
        eventually("all are scraped and work", lambda: _counted(found, "sum(alur_ready)") == len(ports))
        yield found
    finally:
        process.terminate()
        process.wait(20)


def _counted(prometheus: Prometheus, expression: str) -> float:
    try:
        return sum(prometheus.query(expression))
    except OSError:
        return -1


def empty(prometheus: Prometheus, expressions: list[str]) -> list[str]:
    """Those that yield nothing, or something that is no number."""
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

    engine.send("complaints.intake", b"not JSON at all")
    engine.await_status(engine.report("1708-1"), "disposed")
    engine.report("1708-1", title="Judul lain")
    eventually("the board knows of it", lambda: _counted(prometheus, "sum(alur_open_complaints)") == 1)
    # sla is scraped with its first clock a second later
    eventually("every expression yields a sample", lambda: not empty(prometheus, asked))
    assert prometheus.query('alur_status_complaints{status="disposed"}') == [1]
    assert prometheus.query(f'count(alur_info{{prefix="{engine.settings.prefix}"}})') == [len(STAGES) + 1]
    # first events: an increase is seen only of a counter that was there before
    expected = {"AlurDeadLetters", "AlurContentDiffers"}
    eventually("the alerts of first events fire", lambda: expected <= prometheus.firing())
    assert prometheus.firing() == expected
