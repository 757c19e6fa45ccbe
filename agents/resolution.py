"""The Faust app of `resolution`: `faust -A agents.resolution worker`."""

from agents.runtime.app import stage_app
from agents.runtime.stage_consumer import Polls
from agents.stages.resolution import stage
from agents.stages.story_texts import StoryTexts

texts = StoryTexts()
app = stage_app(stage(texts))


@app.agent(app.polls)
async def resolution(polls: Polls) -> None:
    """Process the batches of each poll."""
    async for poll in polls:
        await texts.load(app.alur, {processor.source.partition: records for processor, records in poll})
        await app.process(poll)
