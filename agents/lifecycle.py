"""The Faust app of `lifecycle`: `faust -A agents.lifecycle worker`."""

from typing import Any

from agents.runtime.app import stage_app
from agents.stages.lifecycle import STAGE

app = stage_app(STAGE)


@app.agent(app.batches)
async def lifecycle(batches: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Process batch after batch."""
    async for batch in batches:
        await app.process(batch)
