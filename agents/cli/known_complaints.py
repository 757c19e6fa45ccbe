"""Complaints of a file that existed before, and those of them with other content this time."""

import time
from collections.abc import Collection
from contextlib import AbstractContextManager, ExitStack
from typing import Final

from pydantic_core import from_json

from agents.cli.import_report import KnownBefore
from agents.config.settings import Settings
from events.client import KafkaFailure, Reader
from events.topics import TopicName

_CHANGED: Final = "content-differs"
"""Detail of a rejection of a known report with other content."""
_WAIT_S: Final = 10.0
_QUIET_S: Final = 2.0


class Before(AbstractContextManager["Before"]):
    """Looks up known complaints; a context manager, entered before anything is sent."""

    def __init__(self, settings: Settings) -> None:
        self._readers = ExitStack()
        self._failure = ""
        try:
            with ExitStack() as opening:
                self._state = opening.enter_context(Reader(settings, [TopicName.STATE]))
                self._ends = self._state.ends()
                self._rejections = opening.enter_context(Reader(settings, [TopicName.REJECTIONS]))
                self._rejections.skip_to_end()
                self._readers = opening.pop_all()
        except KafkaFailure as error:
            # a channel may write reports without the right to read these topics
            self._failure = str(error)

    def __exit__(self, *_: object) -> None:
        self._readers.close()

    def of(self, complaints: Collection[str]) -> KnownBefore:
        """Count the complaints that existed before, and those of them with other content, as decided by now."""
        if self._failure:
            return KnownBefore(unknown_why=self._failure)
        try:
            existing = self._existing(complaints)
            return KnownBefore(len(existing), len(self._changed(existing)) if existing else 0)
        except KafkaFailure as error:
            return KnownBefore(unknown_why=str(error))

    def _existing(self, complaints: Collection[str]) -> set[str]:
        return {
            name
            for records in self._state.polls_to(self._ends)
            for record in records
            if record.offset < self._ends[record.topic, record.partition]
            and (name := (record.key or b"").decode(errors="replace")) in complaints
        }

    def _changed(self, existing: Collection[str]) -> set[str]:
        """Follow the rejections until none has arrived for two seconds, for ten at most."""
        changed: set[str] = set()
        end = time.monotonic() + _WAIT_S
        quiet = time.monotonic() + _QUIET_S
        while len(changed) < len(existing) and time.monotonic() < min(end, quiet):
            for record in self._rejections.poll(_QUIET_S / 4):
                quiet = time.monotonic() + _QUIET_S
                name = (record.key or b"").decode(errors="replace")
                if name in existing and _detail(record.value) == _CHANGED:
                    changed.add(name)
        return changed


def _detail(value: bytes | None) -> str | None:
    try:
        return str(from_json(value or b"")["data"].get("detail"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # a foreign record
