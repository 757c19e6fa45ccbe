"""The Faust app of `intake`: `faust -A agents.intake worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Batches
from agents.stages.intake import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def intake(batches: Batches) -> None:
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
