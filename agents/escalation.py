"""The Faust app of `escalation`: `faust -A agents.escalation worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Polls
from agents.stages.escalation import STAGE

app = stage_app(STAGE)


@app.agent(app.polls)
async def escalation(polls: Polls) -> None:
    """Process the batches of each poll."""
    async for poll in polls:
        await app.process(poll)
