"""The Faust app of `escalation`: `faust -A agents.escalation worker`."""

from typing import Any

from agents.runtime.app import stage_app
from agents.stages.escalation import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def escalation(batches: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
