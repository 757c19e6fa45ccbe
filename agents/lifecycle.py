"""The Faust app of `lifecycle`: `faust -A agents.lifecycle worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Batches
from agents.stages.lifecycle import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def lifecycle(batches: Batches) -> None:
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
