"""Prometheus endpoint of a stage: its counters and histograms, and gauges read at each scrape."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from agents.observability.metrics import Metrics, MetricSpec, StateReport
from agents.runtime.http import health
from agents.runtime.stage import Handler, next_alarm, state_reports
from agents.runtime.stage_consumer import StageConsumer
from events.installation import KINDS

STAGE: Final = "stage"
PREFIX: Final = "prefix"
"""Labels of every metric, including those of Python and the process."""
INFO: Final = MetricSpec(
    "alur_info", "gauge", "Always 1; version, policy and broker are in the labels", ("version", "policy", "broker")
)
Samples = Mapping[tuple[str, ...], float]


def _handlers(stage_consumer: StageConsumer) -> list[Handler]:
    return [processor.handler for processor in stage_consumer.processors.values()]


def _state_reports(stage_consumer: StageConsumer) -> list[StateReport]:
    return state_reports(_handlers(stage_consumer))


def _next_deadline(stage_consumer: StageConsumer) -> float | None:
    alarm = next_alarm(_handlers(stage_consumer))
    return None if alarm is None else alarm.timestamp()


def _lag(stage_consumer: StageConsumer) -> Samples:
    lag: dict[tuple[str, ...], float] = {}
    for processor in stage_consumer.assignment.open:
        consumer, source = stage_consumer.worker.consumer, processor.source
        # during a rebalance the client has no log end of partitions that are not released yet
        end = consumer.highwater(source) if source in consumer.assignment() else None
        if end is not None:
            lag[str(source.partition),] = max(0, end - (processor.next_offset or 0))
    return lag


def _deadlines_wait(stage_consumer: StageConsumer) -> float:
    since, now = None if stage_consumer.watermark is None else stage_consumer.watermark.pending_since, datetime.now(UTC)
    if since is None or not any(processor.due(now) for processor in stage_consumer.processors.values()):
        return 0.0
    return (now - since).total_seconds()


def _by_name(counts: Mapping[str, int]) -> Samples:
    return {(name,): count for name, count in counts.items()}


def _incidents(stage_consumer: StageConsumer) -> Samples:
    incidents = stage_consumer.installation.incidents
    reported = Counter(each.kind for each in incidents if each.stage == stage_consumer.stage.name)
    return _by_name({kind: reported[kind] for kind in {*KINDS, *reported}})


_FAMILIES: Final = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


_Read = Callable[[StageConsumer], Samples | float | None]


def _read(
    name: str, text: str, read: _Read, *labels: str, stage: str | None = None, kind: str = "gauge"
) -> tuple[MetricSpec, _Read]:
    every = MetricSpec(name, kind, text, labels)
    return every if stage is None else every._replace(stages=(stage,)), read


_STATE: Final[tuple[tuple[MetricSpec, _Read], ...]] = (
    _read(
        "alur_incidents_total",
        "Incidents in the installation record that the stage reported, by kind, also before its start",
        _incidents,
        "kind",
        kind="counter",
    ),
    _read(
        "alur_decisions_total",
        "Commands decided, by result: `accepted`, `repeated`, or the detail of the rejection, else its code. "
        "Reports that differ from their first delivery are the command `submitted`",
        lambda worker: worker.metrics.decisions,
        *("command", "verdict"),
        stage="lifecycle",
        kind="counter",
    ),
    _read(
        "alur_facts_total",
        "Facts written, by name: among them `breached`, `escalated` and `escalation-exhausted`",
        lambda worker: _by_name(worker.metrics.facts),
        "fact",
        stage="lifecycle",
        kind="counter",
    ),
    _read(
        "alur_breaches_total",
        "Breached deadlines, by clock",
        lambda worker: _by_name(worker.metrics.breaches),
        "clock",
        stage="lifecycle",
        kind="counter",
    ),
    _read(
        "alur_lag_records",
        "Records of an owned partition that are not processed, as of the last fetch",
        _lag,
        "partition",
    ),
    _read(
        "alur_last_poll_timestamp_seconds",
        "Unix time of the last poll",
        lambda worker: time.time() - (time.monotonic() - worker.metrics.polled_at),
    ),
    _read("alur_partitions", "Partitions that this worker owns", lambda worker: len(worker.processors)),
    _read(
        "alur_loading_partitions",
        "Owned partitions that are being restored",
        lambda worker: sum(not processor.open for processor in worker.processors.values()),
    ),
    _read(
        "alur_complaints",
        "Complaints in memory, open and settled",
        lambda worker: sum(each.complaints for each in _state_reports(worker)),
        stage="lifecycle",
    ),
    _read(
        "alur_quarantined_complaints",
        "Complaints in quarantine: their commands become dead letters",
        lambda worker: sum(each.quarantined for each in _state_reports(worker)),
        stage="lifecycle",
    ),
    _read(
        "alur_armed_clocks",
        "Warnings and deadlines that the worker waits for",
        lambda worker: sum(each.clocks for each in _state_reports(worker)),
        stage="sla",
    ),
    _read(
        "alur_next_deadline_timestamp_seconds",
        "Unix time of the earliest of them; in the past: noticed, and not decided yet",
        _next_deadline,
        stage="sla",
    ),
    _read(
        "alur_deadlines_wait_seconds",
        "How long expired deadlines have waited for `lifecycle` to process earlier commands",
        _deadlines_wait,
        stage="sla",
    ),
    _read(
        "alur_ready",
        "1 if `/health/ready` answers 200, else 0",
        lambda worker: health.readiness_problem(worker) is None,
    ),
    (INFO, lambda worker: {(version("alur"), worker.policies.name, worker.settings.broker): 1.0}),
)
METRICS: Final = (*Metrics().specs, *(spec for spec, _ in _STATE))
"""All metrics, for the documentation."""


class _Labelled(Collector):
    """Metrics of a process, its own and those of Python, with the common labels."""

    def __init__(self, name: str, prefix: str, collect: Callable[[], Iterable[Metric]]) -> None:
        self._labels = {STAGE: name, PREFIX: prefix}
        self._collect = collect
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        GCCollector(registry=self._process)

    def collect(self) -> Iterator[Metric]:
        """Return all metrics."""
        for metric in (*self._collect(), *self._process.collect()):
            metric.samples = [each._replace(labels={**self._labels, **each.labels}) for each in metric.samples]
            yield metric


class Exporter:
    """Exporter of the metrics of a process.

    Args:
        name: value of the label `stage`.
        prefix: of the installation.
        collect: returns the metrics as they are now.
    """

    def __init__(self, name: str, prefix: str, collect: Callable[[], Iterable[Metric]]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated
        self._registry = CollectorRegistry()
        self._registry.register(_Labelled(name, prefix, collect))

    def read(self, accept: str) -> tuple[bytes, str]:
        """Return the present metrics and their content type, in the format that `accept` requests."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class PrometheusExporter(Exporter):
    """Exporter of the metrics of a worker and of its process."""

    def __init__(self, stage_consumer: StageConsumer) -> None:
        stage = stage_consumer.stage.name

        def collect() -> Iterator[Metric]:
            yield from stage_consumer.metrics.registry.collect()
            for spec, read in _STATE:
                if stage in spec.stages:
                    yield family(spec, read(stage_consumer))

        super().__init__(stage, stage_consumer.settings.prefix, collect)


def family(spec: MetricSpec, value: Samples | float | None) -> Metric:
    """Return a counter or gauge with its samples."""
    metric: CounterMetricFamily | GaugeMetricFamily = _FAMILIES[spec.kind](spec.name, spec.help, labels=spec.labels)
    samples = value if isinstance(value, Mapping) else {} if value is None else {(): value}
    for labels, sample in sorted(samples.items()):
        metric.add_metric(labels, sample)
    return metric
