"""The Faust app of `sla`: `faust -A agents.sla worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Batches
from agents.stages.sla import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def sla(batches: Batches) -> None:
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
