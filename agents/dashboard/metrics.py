"""Prometheus gauges of all complaints, from the figures of the dashboard, counted by one process for all stages.

Taken from the last published figures, since another thread changes the read model.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from operator import itemgetter
from typing import Any, Final

from prometheus_client.core import Metric
from pydantic_core import from_json

from agents.config.settings import Settings
from agents.dashboard.figures import DisplayContext, Sources
from agents.observability.metrics import MetricSpec
from agents.runtime.http.prometheus import INFO, Exporter, Samples, family
from events.vocabulary import Status
from workflow.stages.waiting import WHY

BOARD: Final = "board"
"""Value of the label `stage`."""
OTHER: Final = "other"
"""Label for a reason of waiting that this release does not know."""


_Figures = Mapping[str, Any]
"""The published figures."""


def _waiting(figures: _Figures) -> Samples:
    known: dict[tuple[str, ...], float] = {(why,): float(figures["waiting"][why]) for why in WHY}
    return known | {(OTHER,): figures["open"] - sum(known.values())}


def _oldest(figures: _Figures) -> float:
    since = figures["unverified_since"]
    return 0.0 if since is None else max(0.0, (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())


_Read = Callable[[_Figures], Samples | float]


def _gauge(name: str, text: str, read: _Read, *labels: str) -> tuple[MetricSpec, _Read]:
    return MetricSpec(name, "gauge", text, labels, (BOARD,)), read


_GAUGES: Final = (
    _gauge(
        "alur_status_complaints",
        "Complaints by status",
        lambda figures: {(status,): float(figures["statuses"][status]) for status in Status},
        "status",
    ),
    _gauge("alur_open_complaints", "Complaints that are not settled", itemgetter("open")),
    _gauge("alur_due_soon_complaints", "Complaints with an obligation due within 24 hours", itemgetter("due_soon")),
    _gauge(
        "alur_overdue_complaints",
        "Complaints with a passed deadline that is still to be met, from its moment on, also while stages are stopped",
        itemgetter("overdue"),
    ),
    _gauge("alur_exhausted_complaints", "Open complaints with no rung left", itemgetter("exhausted")),
    _gauge("alur_waiting_complaints", "Open complaints by the reason for which they wait", _waiting, "why"),
    _gauge(
        "alur_oldest_unverified_seconds",
        "Since the receipt of the complaint that has awaited verification longest; 0 if none does",
        _oldest,
    ),
)
METRICS: Final = tuple(spec for spec, _ in _GAUGES)
"""All gauges except `alur_info` and `alur_ready`, for the documentation."""
_READY: Final = MetricSpec("alur_ready", "gauge", "1 if the gauges are current, else 0")


def exporter(
    settings: Settings, context: DisplayContext, published: Callable[[], bytes | None], sources: Sources
) -> Exporter:
    """Return the exporter of the `published` figures; without counts until the topics have been read to their end."""
    policy = context.environment.get("policy", settings.policy)

    def collect() -> Iterator[Metric]:
        yield family(INFO, {(version("alur"), policy, settings.broker): 1.0})
        last = published()
        figures = None if last is None else from_json(last)
        if figures is not None and figures["reading"]:
            figures = None
        yield family(_READY, float(figures is not None and sources.trouble is None))
        if figures is not None:
            for spec, read in _GAUGES:
                yield family(spec, read(figures))

    return Exporter(BOARD, settings.prefix, collect)
