"""Prometheus metrics of a stage: one table with name, type, labels and help.

`docs/reference/metrics.md` is printed from the same table.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import accumulate
from typing import Any, Final, Literal

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from agents.observability.metrics import Histogram, StateReport
from agents.runtime.http import health
from agents.runtime.stage import ReportsState
from agents.runtime.stage_consumer import StageConsumer
from events.installation import KINDS
from events.topics import STAGES

Kind = Literal["counter", "gauge", "histogram"]
Samples = Mapping[tuple[str, ...], float]

STAGE: Final = "stage"
"""The label that every metric has."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """Specification of a metric: name, help, and where its value is read."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    read: Callable[[StageConsumer], Samples | Histogram]
    labels: tuple[str, ...] = ()
    """Beside `stage`."""
    stages: tuple[str, ...] = tuple(STAGES)
    """The stages that have it."""


def _one(value: float | None) -> Samples:
    return {} if value is None else {(): float(value)}


def _by_name(counts: Mapping[Any, int]) -> Samples:
    return {(str(name),): count for name, count in counts.items()}


def _written(stage_consumer: StageConsumer) -> Samples:
    return {(f"complaints.{topic}",): float(count) for topic, count in stage_consumer.metrics.outputs.items()}


def _decisions(stage_consumer: StageConsumer) -> Samples:
    return {(command, verdict): float(count) for (command, verdict), count in stage_consumer.metrics.decisions.items()}


def _state_reports(stage_consumer: StageConsumer) -> list[StateReport]:
    return [
        processor.handler.state_report()
        for processor in stage_consumer.processors.values()
        if isinstance(processor.handler, ReportsState)
    ]


def _next_deadline(stage_consumer: StageConsumer) -> Samples:
    moments = [each.next_alarm.timestamp() for each in _state_reports(stage_consumer) if each.next_alarm is not None]
    return _one(min(moments, default=None))


def _lag(stage_consumer: StageConsumer) -> Samples:
    """Return what lies behind the next record, as of the last fetch; a partition that is not fetched yet has none."""
    found: dict[tuple[str, ...], float] = {}
    for source, processor in stage_consumer.processors.items():
        # between two assignments the client knows nothing of a partition that has not been let go of yet
        end = stage_consumer.consumer.highwater(source) if source in stage_consumer.consumer.assignment() else None
        if end is not None and processor.next_offset is not None:
            found[str(source.partition),] = max(0, end - processor.next_offset)
    return found


def _deadlines_wait(stage_consumer: StageConsumer) -> Samples:
    since, now = None if stage_consumer.watermark is None else stage_consumer.watermark.pending_since, datetime.now(UTC)
    if since is None or not any(processor.due(now) for processor in stage_consumer.processors.values()):
        return _one(0.0)
    return _one((now - since).total_seconds())


def _incidents(stage_consumer: StageConsumer) -> Samples:
    reported = Counter(
        each.kind for each in stage_consumer.installation.incidents if each.stage == stage_consumer.stage.name
    )
    return _by_name({kind: reported[kind] for kind in {*KINDS, *reported}})


METRICS: Final = (
    MetricSpec(
        "alur_records_total",
        "counter",
        "records",
        "Records processed: outputs written, offset committed or staged",
        lambda stage_consumer: _by_name(stage_consumer.metrics.records),
        labels=("partition",),
    ),
    MetricSpec(
        "alur_poll_records",
        "histogram",
        "records",
        "Records per poll, over all partitions of the worker",
        lambda stage_consumer: stage_consumer.metrics.poll_records,
    ),
    MetricSpec(
        "alur_latency_seconds",
        "histogram",
        "seconds",
        "From the log time of a record until it is processed; for `lifecycle` from command to decision",
        lambda stage_consumer: stage_consumer.metrics.latency,
    ),
    MetricSpec(
        "alur_commit_seconds",
        "histogram",
        "seconds",
        "Writing the outputs of a poll and partition, and committing them in a stage with transactions",
        lambda stage_consumer: stage_consumer.metrics.commit,
    ),
    MetricSpec(
        "alur_outputs_total",
        "counter",
        "records",
        "Records written, by topic without the installation's prefix",
        _written,
        labels=("topic",),
    ),
    MetricSpec(
        "alur_decisions_total",
        "counter",
        "commands",
        "Commands decided, by result: `accepted`, `repeated`, or the detail of the rejection, else its code. "
        "Reports that differ from their first delivery are the command `submitted`",
        _decisions,
        labels=("command", "verdict"),
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_facts_total",
        "counter",
        "facts",
        "Facts written, by name: among them `breached`, `escalated` and `escalation-exhausted`",
        lambda stage_consumer: _by_name(stage_consumer.metrics.facts),
        labels=("fact",),
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_breaches_total",
        "counter",
        "breaches",
        "Breached deadlines, by clock",
        lambda stage_consumer: _by_name(stage_consumer.metrics.breaches),
        labels=("clock",),
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_intake_wait_seconds",
        "histogram",
        "seconds",
        "From the log time of a report to that of its registration",
        lambda stage_consumer: stage_consumer.metrics.intake_wait,
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_to_office_seconds",
        "histogram",
        "seconds",
        "From the log time of a registration to that of the first disposition, people's time included",
        lambda stage_consumer: stage_consumer.metrics.to_office,
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_forwarded_commands_total",
        "counter",
        "commands",
        "Commands forwarded from a wrong partition",
        lambda stage_consumer: _one(stage_consumer.metrics.forwarded),
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_dead_letters_total",
        "counter",
        "records",
        "Dead letters written, by code; `bug` is a failure of our code",
        lambda stage_consumer: _by_name(stage_consumer.metrics.dead_letters),
        labels=("code",),
    ),
    MetricSpec(
        "alur_incidents_total",
        "counter",
        "incidents",
        "Incidents in the installation record that the stage reported, by kind, also before its start",
        _incidents,
        labels=("kind",),
    ),
    MetricSpec(
        "alur_foreign_records_total",
        "counter",
        "records",
        "Records on the engine's topics that the engine did not write, when processed or restored",
        lambda stage_consumer: _one(stage_consumer.metrics.foreign),
        stages=("lifecycle", "verification", "disposition", "sla", "escalation", "resolution"),
    ),
    MetricSpec(
        "alur_held_seconds_total",
        "counter",
        "seconds",
        "Time in which backpressure from `lifecycle` stopped intake",
        lambda stage_consumer: _one(stage_consumer.metrics.backpressure_seconds),
        stages=("intake",),
    ),
    MetricSpec(
        "alur_lag_records",
        "gauge",
        "records",
        "Records of an owned partition that are not processed, as of the last fetch",
        _lag,
        labels=("partition",),
    ),
    MetricSpec(
        "alur_last_poll_timestamp_seconds",
        "gauge",
        "seconds",
        "Unix time of the last poll",
        lambda stage_consumer: _one(time.time() - (time.monotonic() - stage_consumer.metrics.polled_at)),
    ),
    MetricSpec(
        "alur_partitions",
        "gauge",
        "partitions",
        "Partitions that this worker owns",
        lambda stage_consumer: _one(len(stage_consumer.processors)),
    ),
    MetricSpec(
        "alur_loading_partitions",
        "gauge",
        "partitions",
        "Owned partitions that are being restored",
        lambda stage_consumer: _one(sum(not processor.open for processor in stage_consumer.processors.values())),
    ),
    MetricSpec(
        "alur_takeover_seconds",
        "histogram",
        "seconds",
        "Acquiring a partition: fencing its last owner and restoring its state",
        lambda stage_consumer: stage_consumer.metrics.takeover,
    ),
    MetricSpec(
        "alur_restored_records_total",
        "counter",
        "records",
        "Records read to restore acquired partitions",
        lambda stage_consumer: _one(stage_consumer.metrics.restored),
        stages=("lifecycle", "sla", "resolution"),
    ),
    MetricSpec(
        "alur_rebalances_total",
        "counter",
        "rebalances",
        "Rebalances of the group",
        lambda stage_consumer: _one(stage_consumer.metrics.rebalances),
    ),
    MetricSpec(
        "alur_restarts_total",
        "counter",
        "restarts",
        "Restarts of this stage by `alur run` after it exited",
        lambda stage_consumer: _one(stage_consumer.metrics.restarts),
    ),
    MetricSpec(
        "alur_complaints",
        "gauge",
        "complaints",
        "Complaints in memory, open and settled",
        lambda stage_consumer: _one(sum(each.complaints for each in _state_reports(stage_consumer))),
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_quarantined_complaints",
        "gauge",
        "complaints",
        "Complaints in quarantine: their commands become dead letters",
        lambda stage_consumer: _one(sum(each.quarantined for each in _state_reports(stage_consumer))),
        stages=("lifecycle",),
    ),
    MetricSpec(
        "alur_armed_clocks",
        "gauge",
        "clocks",
        "Warnings and deadlines that the worker waits for",
        lambda stage_consumer: _one(sum(each.clocks for each in _state_reports(stage_consumer))),
        stages=("sla",),
    ),
    MetricSpec(
        "alur_next_deadline_timestamp_seconds",
        "gauge",
        "seconds",
        "Unix time of the earliest of them; in the past: noticed, and not decided yet",
        _next_deadline,
        stages=("sla",),
    ),
    MetricSpec(
        "alur_deadlines_wait_seconds",
        "gauge",
        "seconds",
        "How long expired deadlines have waited for `lifecycle` to process earlier commands",
        _deadlines_wait,
        stages=("sla",),
    ),
    MetricSpec(
        "alur_ready",
        "gauge",
        "boolean",
        "1 if `/health/ready` answers 200, else 0",
        lambda stage_consumer: _one(health.readiness_problem(stage_consumer) is None),
    ),
    MetricSpec(
        "alur_info",
        "gauge",
        "boolean",
        "Always 1; version and policy are in the labels",
        lambda stage_consumer: {(version("alur"), stage_consumer.policies.name): 1.0},
        labels=("version", "policy"),
    ),
)


class PrometheusCollector:
    """Prometheus collector over the counts of a worker."""

    def __init__(self, stage_consumer: StageConsumer) -> None:
        self._stage_consumer = stage_consumer
        self._metrics = [each for each in METRICS if stage_consumer.stage.name in each.stages]

    def collect(self) -> Iterator[Metric]:
        """Return all metrics of the stage."""
        for described in self._metrics:
            yield _family(described, self._stage_consumer)


_FAMILIES: Final[dict[Kind, type[CounterMetricFamily | GaugeMetricFamily]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}


def _family(described: MetricSpec, stage_consumer: StageConsumer) -> Metric:
    found, stage = described.read(stage_consumer), stage_consumer.stage.name
    labels = [STAGE, *described.labels]
    if isinstance(found, Histogram):
        histogram = HistogramMetricFamily(described.name, described.meaning, labels=labels)
        histogram.add_metric([stage], buckets=_cumulative(found), sum_value=found.sum)
        return histogram
    family = _FAMILIES[described.kind](described.name, described.meaning, labels=labels)
    for values, value in sorted(found.items()):
        family.add_metric([stage, *values], value)
    return family


def _cumulative(spread: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, spread.bounds), "+Inf"]
    return list(zip(bounds, accumulate(spread.counts), strict=True))


class PrometheusExporter:
    """What Prometheus gets when it asks: our metrics, and those of the process."""

    def __init__(self, stage_consumer: StageConsumer) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(PrometheusCollector(stage_consumer))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def read(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics as they are now, and their content type, in the form that `accept` asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
