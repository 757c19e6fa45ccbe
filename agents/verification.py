"""The Faust app of `verification`: `faust -A agents.verification worker`."""

from typing import Any

from agents.runtime.app import stage_app
from agents.stages.duplicate_index import DuplicateIndex
from agents.stages.verification import NAME, stage

app = stage_app(stage(lambda: duplicates))
duplicates: DuplicateIndex = DuplicateIndex(app.alur, app.reader.policies, NAME, app.reader.written_since)
app.task(duplicates.tail.run)
app.reader.waits_for = duplicates.waits_for


@app.agent(app.polls)
async def verification(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Process batch after batch."""
    async for poll in polls:
        await duplicates.known_up_to({lease.source.partition: records[-1].offset for lease, records in poll})
        await app.settle(poll)
        duplicates.tell()
