"""Lag report: figures, statuses and findings. As JSON it is the output of `alur lag --json`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from agents.ops.lag.rules import LagStatus, Severity
from agents.ops.lag.samples import GroupState


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartitionLag(_Model):
    """Lag of a group in one partition. Offsets count control records too; times are in seconds."""

    topic: str
    partition: int
    status: LagStatus
    committed: int | None
    start: int
    stable: int
    """Last stable offset: the end of the log for `read_committed` consumers."""
    end: int
    lag: int
    """Offsets up to the end of the log that the group has not read."""
    held: int
    """Those of them behind an open transaction."""
    oldest_at: datetime | None
    """When the oldest unread record was written."""
    age: float
    """Seconds since `oldest_at`; 0 if nothing is unread."""
    rate_in: float | None
    """Offsets written per second."""
    rate_out: float | None
    """Offsets read per second."""
    drain: float | None
    """Seconds until the group has caught up at these rates; None: never."""
    owner: str | None
    """The member that the partition is assigned to."""


class TrendPoint(_Model):
    """The lag of a group in one sample."""

    at: datetime
    lag: int


class DeadlinesAtStake(_Model):
    """Deadlines of complaints in the partitions in which a stage is behind."""

    passed: int
    """Passed, but not recorded by `lifecycle` yet."""
    due: int
    """Due up to `until`."""
    until: datetime
    """When the stage has caught up at the present rates; a day from now if never."""
    drained: bool
    """Whether it catches up."""


class GroupLag(_Model):
    """Lag of a consumer group in all its partitions."""

    group: str
    stage: str | None
    topics: tuple[str, ...]
    state: GroupState
    members: int | None
    status: LagStatus
    severity: Severity
    lag: int
    age: float
    rate_in: float | None
    rate_out: float | None
    drain: float | None
    """Seconds until the slowest partition has caught up; None if it does not."""
    waiting: str | None
    """The backlog of the stage, in words."""
    deadlines: DeadlinesAtStake | None
    """None if the stage keeps up, no deadline depends on it, or the right to read `complaints.state` is missing."""
    partitions: tuple[PartitionLag, ...]
    trend: tuple[TrendPoint, ...]
    seen_at: datetime | None = None
    """When it was last observed with a member."""


class LagFinding(_Model):
    """A problem and what to do about it, in one line."""

    status: LagStatus
    severity: Severity
    group: str | None
    topic: str | None
    partitions: tuple[int, ...]
    what: str
    todo: str

    def __str__(self) -> str:
        return f"{self.status}: {self.what}; {self.todo}"


class LagReport(_Model):
    """The lag of some groups over a window."""

    at: datetime
    window: float
    """Seconds that the samples span so far."""
    complete: bool
    """Whether they span the full window; before, no group counts as stalled."""
    groups: tuple[GroupLag, ...]
    findings: tuple[LagFinding, ...]
    """Worst first."""

    @property
    def severity(self) -> Severity:
        """The highest severity of all findings."""
        return max((finding.severity for finding in self.findings), key=list(Severity).index, default=Severity.OK)
