"""The Faust app of `sla`: `faust -A agents.sla worker`."""

from typing import Any

from agents.runtime.app import stage_app
from agents.stages.sla import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def sla(batches: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
