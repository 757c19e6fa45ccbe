"""The Faust app of `lifecycle`: `faust -A agents.lifecycle worker`."""

from typing import Any

from agents.runtime.app import stage_app
from agents.stages.lifecycle import STAGE

app = stage_app(STAGE)


@app.agent(app.polls)
async def lifecycle(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Process batch after batch."""
    async for poll in polls:
        await app.settle(poll)
