"""The Faust app of `escalation`: `faust -A agents.escalation worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Batches
from agents.stages.escalation import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def escalation(batches: Batches) -> None:
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
