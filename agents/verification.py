"""The Faust app of `verification`: `faust -A agents.verification worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Batches
from agents.stages.duplicate_index import DuplicateIndex
from agents.stages.verification import NAME, stage

app = stage_app(stage(lambda: duplicates))
duplicates: DuplicateIndex = DuplicateIndex(
    app.alur, app.stage_consumer.policies, NAME, app.stage_consumer.written_since
)
app.task(duplicates.follower.run)
app.stage_consumer.wait_reason = duplicates.wait_reason


@app.agent(app.batches)
async def verification(batches: Batches) -> None:
    """Process batch after batch."""
    async for batch in batches:
        await duplicates.wait_until_indexed(
            {processor.source.partition: records[-1].offset for processor, records in batch}
        )
        await app.process(batch)
        duplicates.log_suspected()
