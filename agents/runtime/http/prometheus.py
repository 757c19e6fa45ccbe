"""Prometheus endpoint of a stage: its counters and histograms, and gauges read at each scrape."""

import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from agents.observability.metrics import Metrics, MetricSpec, StateReport
from agents.runtime.http import health
from agents.runtime.stage import RecordHandler, next_alarm, state_reports
from agents.runtime.stage_consumer import StageConsumer
from events.installation import KINDS
from events.topics import STAGES

STAGE: Final = "stage"
PREFIX: Final = "prefix"
"""Labels of every metric, including those of Python and the process."""
Samples = Mapping[tuple[str, ...], float]


def _handlers(stage_consumer: StageConsumer) -> list[RecordHandler]:
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


def declared(package: str, stages: Sequence[str] = tuple(STAGES)) -> dict[str, MetricSpec]:
    """Return the metrics of `metrics.toml` in a package, by name; of `stages` unless the file names some."""
    table: dict[str, dict[str, Any]] = tomllib.loads((files(package) / "metrics.toml").read_text("utf-8"))
    return {
        name: MetricSpec(
            name,
            each.get("kind", "gauge"),
            each["help"],
            tuple(each.get("labels", ())),
            tuple(each.get("stages", stages)),
        )
        for name, each in table.items()
    }


_DECLARED: Final = declared("agents.runtime.http")
INFO: Final = _DECLARED["alur_info"]
_READ: Final[Mapping[str, _Read]] = {
    "alur_incidents_total": _incidents,
    "alur_decisions_total": lambda worker: worker.metrics.decisions,
    "alur_facts_total": lambda worker: _by_name(worker.metrics.facts),
    "alur_breaches_total": lambda worker: _by_name(worker.metrics.breaches),
    "alur_lag_records": _lag,
    "alur_last_poll_timestamp_seconds": lambda worker: time.time() - (time.monotonic() - worker.metrics.polled_at),
    "alur_partitions": lambda worker: len(worker.processors),
    "alur_loading_partitions": lambda worker: sum(not each.open for each in worker.processors.values()),
    "alur_complaints": lambda worker: sum(each.complaints for each in _state_reports(worker)),
    "alur_quarantined_complaints": lambda worker: sum(each.quarantined for each in _state_reports(worker)),
    "alur_armed_clocks": lambda worker: sum(each.clocks for each in _state_reports(worker)),
    "alur_next_deadline_timestamp_seconds": _next_deadline,
    "alur_deadlines_wait_seconds": _deadlines_wait,
    "alur_ready": lambda worker: health.readiness_problem(worker) is None,
    "alur_info": lambda worker: {(version("alur"), worker.policies.name, worker.settings.broker): 1.0},
}
"""How each of the metrics of `metrics.toml` is read."""
METRICS: Final = (*Metrics().specs, *_DECLARED.values())
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
            for name, spec in _DECLARED.items():
                if stage in spec.stages:
                    yield family(spec, _READ[name](stage_consumer))

        super().__init__(stage, stage_consumer.settings.prefix, collect)


def family(spec: MetricSpec, value: Samples | float | None) -> Metric:
    """Return a counter or gauge with its samples."""
    metric: CounterMetricFamily | GaugeMetricFamily = _FAMILIES[spec.kind](spec.name, spec.help, labels=spec.labels)
    samples = value if isinstance(value, Mapping) else {} if value is None else {(): value}
    for labels, sample in sorted(samples.items()):
        metric.add_metric(labels, sample)
    return metric
