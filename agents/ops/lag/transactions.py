"""Transactions that keep readers from what lies behind them: whose they are, and whether they will end by themselves.

KIP-664 ("Provide tooling to detect and abort hanging transactions") tells them apart: the leader of a partition knows
which producer has a transaction open there, and the coordinator knows which transactions it will end, and where. One
that the coordinator does not know of, or not in that partition, hangs for good: nobody but an operator will end it. One
that it knows is aborted once its timeout has passed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agents.ops.lag.samples import Source

GRACE: Final = timedelta(seconds=60)
"""How long after its timeout a transaction may still be open: the coordinator looks every ten seconds
(`transaction.abort.timed.out.transaction.cleanup.interval.ms`), and has to write its markers."""
LONGEST_TIMEOUT: Final = timedelta(minutes=15)
"""What a producer may ask for at the most, by the default of `transaction.max.timeout.ms`."""


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that is open in a partition; what is None could not be found out, or may not be seen."""

    source: Source
    start_offset: int
    producer_id: int | None = None
    written_at: datetime | None = None
    """When its producer last wrote into the partition."""
    transactional_id: str | None = None
    """None: the coordinator does not tell of it. It may not know of it, or we may not see it."""
    started_at: datetime | None = None
    timeout: timedelta | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When Kafka aborts it unless its producer ends it before."""
        return None if self.started_at is None or self.timeout is None else self.started_at + self.timeout

    def never_ends(self, now: datetime) -> bool:
        """Say whether nobody but an operator will end it.

        As `kafka-transactions.sh find-hanging` does, one that the coordinator does not tell of is given as long as any
        transaction may last: it may have one that we are not allowed to see.
        """
        if self.ends_at is not None:
            return now > self.ends_at + GRACE
        return self.written_at is not None and now > self.written_at + LONGEST_TIMEOUT + GRACE
