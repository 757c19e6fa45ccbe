"""What is told of the lag: figures, verdicts, and what to do. As JSON it is what `alur lag --json` prints."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from agents.ops.lag.rules import Severity, Status
from agents.ops.lag.samples import GroupState


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartitionLag(_Model):
    """How far a group is behind in one partition. Offsets count markers of transactions too; times are in seconds."""

    topic: str
    partition: int
    status: Status
    committed: int | None
    start: int
    stable: int
    """Last stable offset: where readers of committed records come to an end."""
    end: int
    lag: int
    """Offsets up to the end of the log that the group has not read."""
    held: int
    """Of those, the ones behind a transaction that is open."""
    oldest_at: datetime | None
    """When the oldest unread record was written."""
    age: float
    """How long ago that was; 0 if nothing is unread."""
    rate_in: float | None
    """Offsets a second that were written."""
    rate_out: float | None
    """Offsets a second that the group got on."""
    drain: float | None
    """In how many seconds the group will have caught up if both go on so; None is not at all."""
    owner: str | None
    """The member that it is assigned to."""


class TrendPoint(_Model):
    """The lag of a group at one look."""

    at: datetime
    lag: int


class DeadlinesAtStake(_Model):
    """Deadlines of complaints in the partitions in which a stage is behind."""

    passed: int
    """They have passed, and `lifecycle` has not come to say so."""
    due: int
    """They fall due up to `until`."""
    until: datetime
    """When the stage will have caught up, by the forecast; a day from now if there is no end in sight."""
    drained: bool
    """Whether `until` is that forecast."""


class GroupLag(_Model):
    """How far a consumer group is behind, in all its partitions."""

    group: str
    stage: str | None
    """The stage of ours whose group it is."""
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
    """Of the partition that takes longest: partitions do not help each other out."""
    waiting: str | None
    """What waits in front of this stage, in words."""
    deadlines: DeadlinesAtStake | None
    """None if the stage keeps up, if deadlines do not hang on it, or if `complaints.state` may not be read."""
    partitions: tuple[PartitionLag, ...]
    trend: tuple[TrendPoint, ...]


class Finding(_Model):
    """Something to act upon, in one line: what is the matter, and what to do."""

    status: Status
    severity: Severity
    group: str | None
    topic: str | None
    partitions: tuple[int, ...]
    what: str
    todo: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.status}: {self.what}; {self.todo}"


class LagReport(_Model):
    """The lag of some groups over a window."""

    at: datetime
    window: float
    """Seconds that the looks span so far."""
    complete: bool
    """Whether that is all that was asked for: a verdict that nothing moves takes the whole window."""
    groups: tuple[GroupLag, ...]
    findings: tuple[Finding, ...]
    """The worst first."""

    @property
    def severity(self) -> Severity:
        """The worst there is."""
        return max((finding.severity for finding in self.findings), key=list(Severity).index, default=Severity.OK)
