"""The Faust app of `disposition`: `faust -A agents.disposition worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Polls
from agents.stages.disposition import STAGE

app = stage_app(STAGE)


@app.agent(app.polls)
async def disposition(polls: Polls) -> None:
    """Process the batches of each poll."""
    async for poll in polls:
        await app.process(poll)
