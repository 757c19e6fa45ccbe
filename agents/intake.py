"""The Faust app of `intake`: `faust -A agents.intake worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Polls
from agents.stages.erasures import Erasures
from agents.stages.intake import NAME, stage

app = stage_app(stage(lambda: erasures))
erasures: Erasures = Erasures(app.alur, NAME)
app.stage_consumer.async_exit_stack.push_async_callback(erasures.stop)


@app.agent(app.polls)
async def intake(polls: Polls) -> None:
    """Process the batches of each poll."""
    async for poll in polls:
        await erasures.catch_up()
        await app.process(poll)
