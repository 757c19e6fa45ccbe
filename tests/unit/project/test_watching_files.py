"""Alerts, runbook and Grafana dashboard use existing metrics, and compose mounts them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.cli.board import PORT
from agents.dashboard import metrics as board
from agents.dashboard.pages import runbook
from agents.observability.metrics import ACCEPTED, CODES, REPEATED
from agents.runtime.http.prometheus import METRICS, PREFIX, STAGE
from events.commands import COMMANDS
from events.facts import FACTS
from events.installation import KINDS
from events.topics import STAGES
from events.vocabulary import ClockName, Detail, Refusal, Status
from tests.support.tables import every
from workflow.machine.waiting import BY_HAND, WHY

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "docs" / "deploy"
RUNBOOK = (ROOT / "docs" / "how-to" / "runbook.md").read_text(encoding="utf-8")
PROMETHEUS: dict[str, Any] = yaml.load((DEPLOY / "prometheus" / "prometheus.yml").read_text(), yaml.CSafeLoader)
RULES: dict[str, Any] = yaml.load((DEPLOY / "prometheus" / "alerts.yml").read_text(), yaml.CSafeLoader)
TRIALS: dict[str, Any] = yaml.load((DEPLOY / "prometheus" / "alerts_test.yml").read_text(), yaml.CSafeLoader)
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "alur.json").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]

OF_THE_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
OF_ALL = {"job", "instance", STAGE, PREFIX}
EVERYTHING = (*METRICS, *board.METRICS)
VALUES: dict[str, set[str]] = {
    "stage": {*STAGES, board.BOARD},
    "prefix": {"$prefix"},
    "why": set(WHY),
    "status": set(Status),
    "fact": {fact.NAME for fact in FACTS},
    "clock": set(ClockName),
    "code": set(CODES),
    "kind": set(KINDS),
    "command": {command.NAME for command in COMMANDS},
    "verdict": {ACCEPTED, REPEATED, *Refusal, *Detail},
    "job": {job["job_name"] for job in PROMETHEUS["scrape_configs"]},
}
SELECTOR = re.compile(r"\b((?:alur|process)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def exposed() -> dict[str, set[str]]:
    """What a scrape of all stages finds: each sample's name, with its labels."""
    found: dict[str, set[str]] = {name: set(OF_ALL) for name in OF_THE_PROCESS}
    for each in EVERYTHING:
        endings = ("_bucket", "_sum", "_count") if each.kind == "histogram" else ("",)
        for ending in endings:
            labels = {*each.labels, *OF_ALL} | ({"le"} if ending == "_bucket" else set())
            found[each.name + ending] = labels
    return found


EXPOSED = exposed()


def queries() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield f"{panel['title']} {target['refId']}", target["expr"]


QUERIES = dict(queries())
EXPRESSIONS = {alert["alert"]: alert["expr"] for alert in ALERTS} | QUERIES


def mistakes(expression: str) -> list[str]:
    """Metrics and labels of an expression that no stage has."""
    found = []
    labels = set()
    for name, matchers in SELECTOR.findall(expression):
        known = EXPOSED.get(name)
        if known is None:
            found.append(f"{name}: no such metric")
            continue
        labels |= known
        for label, _, value in MATCHER.findall(matchers):
            if label not in known:
                found.append(f"{name}: no label {label}")
            elif unknown := set(value.split("|")) - VALUES[label]:
                found.append(f"{name}: {label} is never {', '.join(unknown)}")
    asked = {label.strip() for group in GROUPING.findall(expression) for label in group.split(",") if label.strip()}
    return found + [f"grouped by {label}, which nothing here has" for label in asked - labels]


@every(EXPRESSIONS)
def test_an_expression_asks_for_what_the_stages_say(name: str) -> None:
    assert SELECTOR.search(EXPRESSIONS[name])
    assert mistakes(EXPRESSIONS[name]) == []


@pytest.mark.parametrize(
    ("expression", "mistake"),
    [
        ("alur_lag", "alur_lag: no such metric"),
        ("alur_latency_seconds", "alur_latency_seconds: no such metric"),
        ('alur_lag_records{clock="follow_up"}', "alur_lag_records: no label clock"),
        ('alur_facts_total{fact="overdue"}', "alur_facts_total: fact is never overdue"),
        ("sum by (office) (alur_facts_total)", "grouped by office, which nothing here has"),
    ],
)
def test_a_mistake_would_be_noticed(expression: str, mistake: str) -> None:
    assert mistakes(expression) == [mistake]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
class TestAlerts:
    def test_it_leads_to_its_section_of_the_runbook(self, alert: dict[str, Any]) -> None:
        name = alert["alert"]
        assert alert["annotations"]["runbook_url"] == f"{{{{ $externalLabels.board }}}}/runbook#{name.lower()}"
        assert f'id="{name.lower()}"' in runbook().body.decode()
        section = RUNBOOK.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
        assert re.findall(r"^\*\*(\w+)\.\*\*", section, re.MULTILINE) == ["Meaning", "Do"]

    def test_it_has_a_severity_and_a_description(self, alert: dict[str, Any]) -> None:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}

    def test_it_is_tried_where_it_has_to_fire_and_where_not(self, alert: dict[str, Any]) -> None:
        trials = [each for group in TRIALS["tests"] for each in group["alert_rule_test"]]
        mine = [bool(each.get("exp_alerts")) for each in trials if each["alertname"] == alert["alert"]]
        assert set(mine) == {True, False}


def test_the_runbook_has_no_section_that_no_alert_leads_to() -> None:
    assert re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE) == [alert["alert"] for alert in ALERTS]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool knows PromQL, and is not here")
def test_prometheus_can_read_what_the_dashboard_asks(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(QUERIES.values())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    found = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)  # noqa: S607 -- from PATH
    assert found.returncode == 0, found.stdout + found.stderr


class TestDashboard:
    def test_its_panels_are_distinct_and_do_not_overlap(self) -> None:
        panels = DASHBOARD["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        taken = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(set(taken)) == len(taken)
        assert max(x for x, _ in taken) < 24

    def test_it_asks_the_source_that_is_set_up(self) -> None:
        [source] = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())[
            "datasources"
        ]
        panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
        assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
        assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {source["uid"]}

    def test_every_metric_is_on_it_or_in_an_alert(self) -> None:
        asked = {name for expression in EXPRESSIONS.values() for name, _ in SELECTOR.findall(expression)}
        shown = {each.name for each in EVERYTHING if any(name.startswith(each.name) for name in asked)}
        assert {each.name for each in EVERYTHING} - shown == {"alur_restored_records_total"}

    def test_it_shows_the_environment_that_is_chosen(self) -> None:
        [variable] = DASHBOARD["templating"]["list"]
        assert (variable["name"], variable["query"]) == (PREFIX, f"label_values(alur_info, {PREFIX})")
        for expression in QUERIES.values():
            assert all('prefix=~"$prefix"' in matchers for _, matchers in SELECTOR.findall(expression)), expression

    def test_who_waits_for_a_person_is_counted_as_on_the_board(self) -> None:
        assert f'why=~"{"|".join(BY_HAND)}"' in QUERIES["Waiting for a person A"]


class TestCompose:
    COMPOSE: dict[str, Any] = yaml.load((ROOT / "docker-compose.yml").read_text(), yaml.CSafeLoader)

    def _inside(self, service: str, place: str) -> Path:
        """The file or folder of ours that a container finds at `place`."""
        for volume in self.COMPOSE["services"][service]["volumes"]:
            ours, theirs, *_ = volume.split(":")
            if place == theirs or place.startswith(f"{theirs}/"):
                return ROOT.joinpath(ours, place.removeprefix(theirs).lstrip("/"))
        pytest.fail(f"{service} has nothing at {place}")

    def test_prometheus_finds_its_settings_and_the_rules(self) -> None:
        settings = self._inside("prometheus", "/etc/prometheus/prometheus.yml")
        assert settings.is_file()
        assert [settings.parent / name for name in PROMETHEUS["rule_files"]] == [DEPLOY / "prometheus" / "alerts.yml"]

    def test_prometheus_asks_each_stage_at_its_port(self) -> None:
        [job] = PROMETHEUS["scrape_configs"]
        names, dashboard = job["dns_sd_configs"]
        assert names["names"] == list(STAGES)
        assert (dashboard["names"], dashboard["port"]) == ([board.BOARD], PORT)
        ports = {self.COMPOSE["services"][stage]["environment"]["ALUR_WEB"] for stage in STAGES}
        assert ports == {f"0.0.0.0:{names['port']}"}

    def test_grafana_finds_the_source_and_the_dashboard(self) -> None:
        assert self._inside("grafana", "/etc/grafana/provisioning/datasources/prometheus.yml").is_file()
        provisioned = self._inside("grafana", "/etc/grafana/provisioning/dashboards/alur.yml")
        [provider] = yaml.safe_load(provisioned.read_text())["providers"]
        assert self._inside("grafana", f"{provider['options']['path']}/alur.json").is_file()
