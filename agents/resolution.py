"""The Faust app of `resolution`: `faust -A agents.resolution worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Polls
from agents.stages.resolution import STAGE

app = stage_app(STAGE)


@app.agent(app.polls)
async def resolution(polls: Polls) -> None:
    """Process poll after poll."""
    async for poll in polls:
        await app.process(poll)
