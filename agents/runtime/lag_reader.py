"""Lag reader: the lag of another stage, read without joining its group."""

from collections.abc import Mapping

from aiokafka import TopicPartition

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.group_progress import GroupProgress
from events.topics import STAGES


class LagReader:
    """Reads the log ends of a stage's topic, and how far its group is behind them."""

    def __init__(self, settings: Settings, stage: str, partitions: int) -> None:
        topic = settings.topic(STAGES[stage])
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        # records behind an open transaction count too
        self._asking = clients.consumer(settings, settings.group(stage), isolation="read_uncommitted")

    async def start(self) -> None:
        """Connect."""
        await self._asking.start()
        self._asking.assign(self._partitions)
        # for log ends only: nothing is fetched
        self._asking.pause(*self._partitions)

    async def stop(self) -> None:
        """Disconnect."""
        await self._asking.stop()

    async def ends(self) -> dict[TopicPartition, int]:
        """Return the log end of each partition of the topic."""
        ends: dict[TopicPartition, int] = await self._asking.end_offsets(self._partitions)
        return ends

    async def lag(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return the stage's lag behind `ends`, for the partitions with lag."""
        begun = [source for source, end in ends.items() if end]
        offsets = await clients.committed(self._asking, begun) if begun else {}
        committed = {source: offsets[source].offset if source in offsets else None for source in begun}
        behind = [source for source in begun if (committed[source] or 0) < ends[source]]
        # the log start matters only for partitions with apparent lag
        starts = await self._asking.beginning_offsets(behind) if behind else {}
        short = {source: GroupProgress(committed[source], starts[source], ends[source]).lag for source in behind}
        return {source: records for source, records in short.items() if records}
