"""The Faust app of `disposition`: `faust -A agents.disposition worker`."""

from typing import Any

from agents.runtime.app import stage_app
from agents.stages.disposition import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def disposition(batches: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
