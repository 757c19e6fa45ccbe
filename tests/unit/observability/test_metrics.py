"""Metrics of a stage, as Prometheus reads them: values, names, and documentation."""

import ast
import math
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agents.config import policy_files
from agents.config.settings import Settings
from agents.kafka.records import BUG, OUTPUT_REFUSED, OUTPUT_TOO_LARGE
from agents.observability.metrics import CODES, RESTARTS, SIZES, BatchHistogram, Metrics
from agents.runtime.http.prometheus import METRICS, PrometheusExporter
from agents.runtime.stage import Partition, Stage
from agents.runtime.stage_consumer import StageConsumer
from events.commands import command_type
from events.facts import FACTS
from events.topics import STAGES
from events.vocabulary import ClockName, Refusal, Status
from tests.support.worlds import MONDAY, days, to_status

ROOT = Path(__file__).parents[3]


def reader_of(stage: str) -> StageConsumer:
    return StageConsumer(
        Stage(stage, lambda _: NotImplemented), Settings(prefix="test."), policy_files.load("demo"), NotImplemented
    )


def samples(stage_consumer: StageConsumer) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What Prometheus makes of it, without the labels that all have."""
    text, content_type = PrometheusExporter(stage_consumer).read("")
    assert content_type.startswith("text/plain; version=0.0.4")
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("stage") == stage_consumer.stage.name
            assert labels.pop("prefix") == "test."
            found[sample.name, frozenset(labels.items())] = sample.value
    return found


def value(stage_consumer: StageConsumer, name: str, **labels: str) -> float | None:
    return samples(stage_consumer).get((name, frozenset(labels.items())))


def buckets(values: list[float], bounds: tuple[float, ...] = SIZES) -> BatchHistogram:
    histogram = BatchHistogram("sizes", "sizes", buckets=bounds, registry=None)
    histogram.observe_all(values)
    return histogram


def sizes(histogram: BatchHistogram) -> list[float]:
    return [each.value for each in next(iter(histogram.collect())).samples if each.name.endswith("_bucket")]


def total(histogram: BatchHistogram) -> float:
    return next(each.value for each in next(iter(histogram.collect())).samples if each.name.endswith("_sum"))


class TestHistogram:
    @given(st.lists(st.floats(0, 3_000), max_size=50))
    def test_a_batch_counts_as_its_values_one_by_one(self, values: list[float]) -> None:
        together, single = buckets(values), buckets([])
        for each in values:
            single.observe(each)
        assert sizes(together) == sizes(single)
        assert math.isclose(total(together), total(single), abs_tol=1e-9)

    def test_a_bound_belongs_to_what_is_below_it(self) -> None:
        assert sizes(buckets([0.0, 1.0, 1.5, 2.0, 2.1], (1.0, 2.0))) == [2, 4, 5]


class TestCounting:
    def test_a_batch_that_is_settled_counts_by_partition_and_by_how_long_it_has_waited(self) -> None:
        stage_consumer = reader_of("intake")
        stage_consumer.metrics.batch_processed(3, [0, 0], began=0.0)
        assert value(stage_consumer, "alur_records_total", partition="3") == 2
        assert value(stage_consumer, "alur_latency_seconds_bucket", le="300.0") == 0
        assert value(stage_consumer, "alur_latency_seconds_bucket", le="+Inf") == 2
        assert value(stage_consumer, "alur_commit_seconds_count") == 1

    def test_a_stamp_ahead_of_our_clock_has_not_waited_less_than_nothing(self) -> None:
        stage_consumer = reader_of("intake")
        stage_consumer.metrics.batch_processed(0, [10**14], began=0.0)
        assert value(stage_consumer, "alur_latency_seconds_sum") == 0

    def test_a_decision_counts_by_verdict_and_its_facts_by_name(self) -> None:
        world = to_status(Status.DISPOSED)
        stage_consumer = reader_of("lifecycle")
        for recorded in world.history:
            stage_consumer.metrics.command_decided("whatever", (recorded,), MONDAY - timedelta(seconds=4))
        stage_consumer.metrics.command_decided("verify-complaint", (), None)
        stage_consumer.metrics.rejected(command_type("record-follow-up"), Refusal.NOT_PERMITTED)

        assert value(stage_consumer, "alur_decisions_total", command="whatever", verdict="accepted") == len(
            world.history
        )
        assert value(stage_consumer, "alur_decisions_total", command="verify-complaint", verdict="repeated") == 1
        assert value(stage_consumer, "alur_decisions_total", command="record-follow-up", verdict="not-permitted") == 1
        assert value(stage_consumer, "alur_facts_total", fact="disposed") == 1
        assert value(stage_consumer, "alur_intake_wait_seconds_count") == 1
        assert value(stage_consumer, "alur_to_office_seconds_count") == 1

    def test_breaches_count_by_clock_and_escalations_with_the_facts(self) -> None:
        world = to_status(Status.DISPOSED)
        world.notice("follow_up", at=world.due("follow_up") + days(1))
        stage_consumer = reader_of("lifecycle")
        stage_consumer.metrics.command_decided("notice-deadline", tuple(world.history), None)
        breached = sum(recorded.fact.NAME == "breached" for recorded in world.history)
        assert breached >= 1
        assert value(stage_consumer, "alur_facts_total", fact="breached") == breached
        assert value(stage_consumer, "alur_breaches_total", clock="follow_up") == 1
        assert value(stage_consumer, "alur_facts_total", fact="escalation-exhausted") == 0

    @pytest.mark.parametrize(("written", "restarts"), [("3", 3), ("", 0), ("-1", 0), ("many", 0), ("٣", 0)])
    def test_restarts_come_from_the_supervisor(self, written: str, restarts: int) -> None:
        metrics = Metrics()
        metrics.read_restarts({RESTARTS: written})
        assert metrics.registry.get_sample_value("alur_restarts_total") == restarts


class TestCatalogue:
    def test_names_follow_the_conventions(self) -> None:
        assert len({each.name for each in METRICS}) == len(METRICS)
        for each in METRICS:
            assert each.name.startswith("alur_")
            assert each.name.endswith("_total") is (each.kind == "counter"), each.name
            assert "second" not in each.name or "_seconds" in each.name, each.name
            assert set(each.stages) <= set(STAGES)

    @pytest.mark.parametrize("stage", STAGES)
    def test_a_stage_has_what_is_said_of_it_and_nothing_else(self, stage: str) -> None:
        text, _ = PrometheusExporter(reader_of(stage)).read("")
        shown = {family.name: family.type for family in text_string_to_metric_families(text.decode())}
        ours = {each.name.removesuffix("_total"): each.kind for each in METRICS if stage in each.stages}
        assert {name: kind for name, kind in shown.items() if name.startswith("alur_")} == ours
        assert "process_cpu_seconds" in shown

    def test_alerts_find_zero_before_anything_has_happened(self) -> None:
        found = samples(reader_of("lifecycle"))

        def zero(name: str, **labels: str) -> bool:
            return found[name, frozenset(labels.items())] == 0

        assert all(zero("alur_facts_total", fact=fact.NAME) for fact in FACTS)
        assert all(zero("alur_breaches_total", clock=clock) for clock in ClockName)
        assert all(zero("alur_dead_letters_total", code=code) for code in CODES)
        assert zero("alur_decisions_total", command="submitted", verdict="content-differs")
        assert zero("alur_decisions_total", command="close-complaint", verdict="not-permitted")
        assert zero("alur_outputs_total", topic="complaints.events")

    def test_the_codes_are_all_there_are(self) -> None:
        calls = [
            node
            for package in ("agents", "events", "workflow")
            for path in (ROOT / package).rglob("*.py")
            if "Undecodable(" in (text := path.read_text())
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Undecodable"
        ]
        raised = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
        assert raised | {BUG, OUTPUT_REFUSED, OUTPUT_TOO_LARGE} == set(CODES)

    def test_prometheus_may_ask_for_openmetrics(self) -> None:
        text, content_type = PrometheusExporter(reader_of("sla")).read("application/openmetrics-text; version=1.0.0")
        assert content_type.startswith("application/openmetrics-text")
        assert text.endswith(b"# EOF\n")


def test_a_partition_brings_the_counts_of_its_worker() -> None:
    stage_consumer = reader_of("lifecycle")
    partition = Partition(0, 4, stage_consumer.policies, stage_consumer.metrics)
    partition.metrics.forwarded.inc()
    assert value(stage_consumer, "alur_forwarded_commands_total") == 1
