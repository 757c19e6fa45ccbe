"""Layout guard: stops a stage if its topics are not those of the installation.

Added partitions or a recreated topic need an operator: the process ends with `EX_CONFIG`. A missing topic may be
temporary, while brokers start: the stage pauses until it exists again.
"""

import asyncio
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from agents.config.settings import Settings
from agents.runtime.installation import Installation
from agents.runtime.process import exit_with_error
from agents.runtime.stage import RefusedToStart
from agents.runtime.topic_layout import (
    REPAIR,
    Difference,
    TopicDescription,
    changed_topics,
    describe_topics,
    differences,
    missing_topics,
    remedy,
    watch_topics,
)
from events.access import ROLES
from events.client.administration import admin_client
from events.client.errors import KafkaFailure, NotAllowed
from events.installation import LAYOUT_CHANGED, LAYOUT_KEY, Incident, Layout, unfinished_migration
from events.topics import STAGES, TopicName

log = structlog.get_logger()

_GONE_LOOKS: Final = 5
"""Consecutive checks without a topic after which it counts as deleted."""
_REPORT_SECONDS: Final = 10.0


class LayoutGuard:
    """Compares the topics of one stage with the installation record."""

    def __init__(self, stage: str, settings: Settings, installation: Installation) -> None:
        self._stage = stage
        self._settings = settings
        self._installation = installation
        self._topics = ROLES[stage].topics
        self._stop = threading.Event()
        self._ending: asyncio.Task[None] | None = None
        self._missed = 0
        self.reason: str | None = None
        """Why the stage must pause, in one line; None if it need not."""

    async def check(self) -> Layout:
        """Read the installation record and return its layout; the first stage on topics without one writes it.

        Raises:
            KafkaError: Kafka cannot be reached.
            RefusedToStart: the topics differ from the record or their declaration.
        """
        existing, differing = await self._describe()
        if TopicName.INSTALLATION in existing:
            await self._installation.start()
        if (source := unfinished_migration(self._installation.values)) is not None:
            raise RefusedToStart(f"the migration from prefix {source!r} is not complete: run `alur migrate` again")
        layout = Layout.of(self._installation.values)
        if layout is not None:
            self._refuse(missing_topics(self._settings, layout, existing, self._topics).values())
        missing = [self._settings.topic(each) for each in self._topics if each not in existing]
        self._refuse(f"topic {each} is missing: run {REPAIR}" for each in missing)
        counts = {str(name): topic.partitions for name, topic in existing.items() if name is not TopicName.INSTALLATION}
        if layout is None:
            if len(set(counts.values())) > 1:
                raise RefusedToStart(f"topics need the same number of partitions each, and have {counts}; run {REPAIR}")
            layout = Layout(counts[STAGES[self._stage]], {})
        self._refuse(changed_topics(self._settings, layout, existing).values())
        self._refuse(f"topic {each}: {remedy(self._settings, each)}" for each in differing)
        if any(name not in layout.topics for name in self._topics):
            await self._installation.change(lambda values: self._joined(values, layout, existing))
        return layout

    def watch(self, layout: Layout) -> None:
        """Check the topics periodically from now on."""
        loop = asyncio.get_running_loop()

        def tell(existing: dict[TopicName, TopicDescription]) -> None:
            with suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(self._seen, layout, existing)

        looking = (self._settings, self._topics, self._stop, tell)
        threading.Thread(target=watch_topics, args=looking, name="layout-guard", daemon=True).start()

    def stop(self) -> None:
        """Stop checking the topics."""
        self._stop.set()

    def refuse_beyond(self, source: TopicPartition) -> None:
        """End the process: the group has assigned a partition that the installation does not have."""
        line = (
            f"topic {source.topic} has a partition {source.partition} beyond the layout of the installation: {REPAIR}"
        )
        self._end(STAGES[self._stage], f"{line} has the remedy")

    def _seen(self, layout: Layout, existing: Mapping[TopicName, TopicDescription]) -> None:
        for name, line in changed_topics(self._settings, layout, existing).items():
            self._end(name, line)
            return
        missing = missing_topics(self._settings, layout, existing, self._topics)
        self._missed = self._missed + 1 if missing else 0
        if self._ending is None:
            self.reason = next(iter(missing.values()), None)
        if self._missed >= _GONE_LOOKS:
            self._end(*next(iter(missing.items())))

    def _end(self, topic: TopicName, line: str) -> None:
        self.reason = line
        if self._ending is None:
            self._ending = asyncio.create_task(self._report_and_end(topic, line))

    async def _report_and_end(self, topic: TopicName, line: str) -> None:
        incident = Incident(LAYOUT_CHANGED, self._stage, topic, None, None, None, line)
        try:
            async with asyncio.timeout(_REPORT_SECONDS):
                await self._installation.report(incident)
        except Exception as error:  # noqa: BLE001 -- the record's own topic may be missing; the log has the incident
            log.warning("incident_write_failed", stage=self._stage, id=incident.id, error=type(error).__name__)
        exit_with_error(self._stage, RefusedToStart(line))

    def _joined(
        self, values: Mapping[str, Any], layout: Layout, existing: Mapping[TopicName, TopicDescription]
    ) -> dict[str, Any]:
        before = Layout.of(values) or layout
        self._refuse(changed_topics(self._settings, before, existing).values())
        ids = {str(name): topic.id for name, topic in existing.items()}
        return {LAYOUT_KEY: Layout(before.partitions, {**before.topics, **ids}).to_value()}

    def _refuse(self, lines: Iterable[str]) -> None:
        line = next(iter(lines), None)
        if line is not None:
            raise RefusedToStart(line)

    async def _describe(self) -> tuple[dict[TopicName, TopicDescription], list[Difference]]:
        try:
            return await asyncio.to_thread(self._describe_now)
        except NotAllowed as error:
            raise RefusedToStart(str(error)) from error
        except KafkaFailure as error:
            raise KafkaConnectionError(str(error)) from error

    def _describe_now(self) -> tuple[dict[TopicName, TopicDescription], list[Difference]]:
        """Return the existing topics, and their settings that differ from the declaration."""
        with admin_client(self._settings) as client:
            existing = describe_topics(client, self._settings, self._topics)
            open_to_us = {name: existing[name] for name in ROLES[self._stage].looks_into if name in existing}
            differing = differences(client, self._settings, open_to_us)
        # the required number of partitions is in the record, not in a stage's settings
        return existing, [each for each in differing if each.setting != "partitions"]
