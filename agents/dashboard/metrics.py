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
from agents.runtime.http.prometheus import INFO, Exporter, Samples, declared, family
from events.vocabulary import Status
from workflow.machine.waiting import WHY

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


_DECLARED: Final = declared("agents.dashboard", (BOARD,))
_READ: Final[Mapping[str, Callable[[_Figures], Samples | float]]] = {
    "alur_status_complaints": lambda figures: {(status,): float(figures["statuses"][status]) for status in Status},
    "alur_open_complaints": itemgetter("open"),
    "alur_due_soon_complaints": itemgetter("due_soon"),
    "alur_overdue_complaints": itemgetter("overdue"),
    "alur_exhausted_complaints": itemgetter("exhausted"),
    "alur_waiting_complaints": _waiting,
    "alur_oldest_unverified_seconds": _oldest,
}
"""How each of the metrics of `metrics.toml` is read."""
METRICS: Final = tuple(_DECLARED.values())
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
            for name, spec in _DECLARED.items():
                yield family(spec, _READ[name](figures))

    return Exporter(BOARD, settings.prefix, collect)
