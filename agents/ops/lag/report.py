"""Lag report: figures, statuses and findings. As JSON it is the output of `alur lag --json`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from agents.ops.lag.rules import Severity, Status
from agents.ops.lag.samples import GroupState


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartitionLag(_Model):
    """Lag of a group in one partition. Offsets count control records too; times are in seconds."""

    topic: str
    partition: int
    status: Status
    committed: int | None
    start: int
    stable: int
    """Last stable offset: the end of the log for `read_committed` consumers."""
    end: int
    lag: int
    """Offsets up to the end of the log that the group has not read."""
    held: int
    """Of those, the ones behind an open transaction."""
    oldest_at: datetime | None
    """When the oldest unread record was written."""
    age: float
    """Seconds since then; 0 if nothing is unread."""
    rate_in: float | None
    """Offsets written per second."""
    rate_out: float | None
    """Offsets read per second."""
    drain: float | None
    """Seconds until the group has caught up at these rates; None if it does not."""
    owner: str | None
    """The member that the partition is assigned to."""


class TrendPoint(_Model):
    """The lag of a group in one sample."""

    at: datetime
    lag: int


class DeadlinesAtStake(_Model):
    """Deadlines of complaints in the partitions in which a stage is behind."""

    passed: int
    """They have passed, and `lifecycle` has not recorded that yet."""
    due: int
    """They fall due up to `until`."""
    until: datetime
    """When the stage will have caught up, by the forecast; a day from now if there is no end in sight."""
    drained: bool
    """Whether `until` is that forecast."""


class GroupLag(_Model):
    """Lag of a consumer group in all its partitions."""

    group: str
    stage: str | None
    topics: tuple[str, ...]
    state: GroupState
    members: int | None
    status: Status
    severity: Severity
    lag: int
    age: float
    rate_in: float | None
    rate_out: float | None
    drain: float | None
    """Of the partition that takes longest."""
    waiting: str | None
    """What waits before this stage, in words."""
    deadlines: DeadlinesAtStake | None
    """None if the stage keeps up, if no deadline depends on it, or if `complaints.state` may not be read."""
    partitions: tuple[PartitionLag, ...]
    trend: tuple[TrendPoint, ...]
    seen_at: datetime | None = None
    """When it last had a member, as far as it has been watched."""


class Finding(_Model):
    """A problem that needs action, in one line: what is wrong, and what to do."""

    status: Status
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
    """Whether that is the whole window, which a status for a group that does not move takes."""
    groups: tuple[GroupLag, ...]
    findings: tuple[Finding, ...]
    """The worst first."""

    @property
    def severity(self) -> Severity:
        """The highest severity of all findings."""
        return max((finding.severity for finding in self.findings), key=list(Severity).index, default=Severity.OK)
