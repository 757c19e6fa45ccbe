"""The Faust app of `resolution`: `faust -A agents.resolution worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Batches
from agents.stages.resolution import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def resolution(batches: Batches) -> None:
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
