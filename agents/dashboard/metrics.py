"""Prometheus gauges of all complaints, from the read model of the dashboard: one process counts them for all stages."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final, NamedTuple

from prometheus_client.core import Metric

from agents.config.settings import Settings
from agents.dashboard.figures import DisplayContext, Sources
from agents.dashboard.read_model import ReadModel
from agents.observability.metrics import MetricSpec
from agents.runtime.http.prometheus import INFO, Exporter, Samples, family
from events.vocabulary import Status
from workflow.stages.waiting import WHY

BOARD: Final = "board"
"""Value of the label `stage`."""
OTHER: Final = "other"
"""Reason of waiting that this release has no word for."""


def _waiting(model: ReadModel) -> Samples:
    waiting = model.waiting.copy()
    known: dict[tuple[str, ...], float] = {(why,): float(waiting[why]) for why in WHY}
    return known | {(OTHER,): waiting.total() - sum(known.values())}


def _oldest(model: ReadModel) -> float:
    since = model.unverified_since
    return 0.0 if since is None else max(0.0, datetime.now(UTC).timestamp() - since)


class _Gauge(NamedTuple):
    spec: MetricSpec
    read: Callable[[ReadModel], Samples | float]


def _gauge(name: str, text: str, read: Callable[[ReadModel], Samples | float], *labels: str) -> _Gauge:
    return _Gauge(MetricSpec(name, "gauge", text, labels, (BOARD,)), read)


_GAUGES: Final = (
    _gauge(
        "alur_status_complaints",
        "Complaints by status",
        lambda model: {(status,): float(model.by_status[status]) for status in Status},
        "status",
    ),
    _gauge("alur_open_complaints", "Complaints that are not settled", lambda model: model.open),
    _gauge(
        "alur_due_soon_complaints", "Complaints with an obligation due within 24 hours", lambda model: model.due_soon
    ),
    _gauge(
        "alur_overdue_complaints",
        "Complaints that missed a deadline and still wait for it",
        lambda model: model.overdue,
    ),
    _gauge("alur_exhausted_complaints", "Open complaints with no rung left", lambda model: model.exhausted),
    _gauge("alur_waiting_complaints", "Open complaints by the reason for which they wait", _waiting, "why"),
    _gauge(
        "alur_oldest_unverified_seconds",
        "Since the receipt of the complaint that has awaited verification longest; 0 if none does",
        _oldest,
    ),
)
METRICS: Final = tuple(each.spec for each in _GAUGES)
"""All of them, for the documentation; `alur_info` and `alur_ready` besides."""
_READY: Final = MetricSpec("alur_ready", "gauge", "1 if the gauges are current, else 0")


def exporter(
    settings: Settings, context: DisplayContext, read_model: Callable[[], ReadModel], sources: Sources
) -> Exporter:
    """Return the encoder; there are no counts before the topics have been read to their end."""
    policy = context.environment.get("policy", settings.policy)

    def collect() -> Iterator[Metric]:
        yield family(INFO, {(version("alur"), policy, settings.broker): 1.0})
        yield family(_READY, float(not sources.reading and sources.trouble is None))
        if not sources.reading:
            for spec, read in _GAUGES:
                yield family(spec, read(read_model()))

    return Exporter(BOARD, settings.prefix, collect)
