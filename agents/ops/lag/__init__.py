"""Lag of consumer groups: progress, causes and impact. For `alur lag`, and for other programs.

`samples`, `rules`, `findings` and `assess` are pure; `observer`, `transactions` and `deadlines` query Kafka.
"""

from agents.ops.lag.observer import UnknownGroup
from agents.ops.lag.report import DeadlinesAtStake, GroupLag, LagFinding, LagReport, PartitionLag, TrendPoint
from agents.ops.lag.rules import LagStatus, Severity
from agents.ops.lag.watcher import SAMPLE_INTERVAL_SECONDS, WINDOW_SECONDS, LagWatcher, measure

__all__ = [
    "SAMPLE_INTERVAL_SECONDS",
    "WINDOW_SECONDS",
    "DeadlinesAtStake",
    "GroupLag",
    "LagFinding",
    "LagReport",
    "LagStatus",
    "LagWatcher",
    "PartitionLag",
    "Severity",
    "TrendPoint",
    "UnknownGroup",
    "measure",
]
