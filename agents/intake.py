"""The Faust app of `intake`: `faust -A agents.intake worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Polls
from agents.stages.intake import STAGE

app = stage_app(STAGE)


@app.agent(app.polls)
async def intake(polls: Polls) -> None:
    """Process poll after poll."""
    async for poll in polls:
        await app.process(poll)
