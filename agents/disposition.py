"""The Faust app of `disposition`: `faust -A agents.disposition worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Batches
from agents.stages.disposition import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def disposition(batches: Batches) -> None:
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
