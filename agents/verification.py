"""The Faust app of `verification`: `faust -A agents.verification worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Polls
from agents.stages.duplicate_index import DuplicateIndex
from agents.stages.verification import NAME, stage

app = stage_app(stage(lambda: duplicates))
duplicates: DuplicateIndex = DuplicateIndex(
    app.alur,
    app.stage_consumer.policies,
    NAME,
    keys=lambda: app.stage_consumer.keys,
    writer_since=app.stage_consumer.installation.writer_since,
)
app.task(duplicates.run)
app.stage_consumer.wait_reason = duplicates.wait_reason


@app.agent(app.polls)
async def verification(polls: Polls) -> None:
    """Process the batches of each poll."""
    async for poll in polls:
        await duplicates.wait_until_indexed({processor.source.partition: records for processor, records in poll})
        await app.process(poll)
