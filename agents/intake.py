"""The Faust app of `intake`: `faust -A agents.intake worker`."""

from typing import Any

from agents.runtime.app import stage_app
from agents.stages.intake import STAGE

app = stage_app(STAGE)


@app.agent(app.polls)
async def intake(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Process batch after batch."""
    async for poll in polls:
        await app.settle(poll)
