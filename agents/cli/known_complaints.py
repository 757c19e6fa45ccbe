"""Which complaints of a file the engine knew before, and which of them were reported otherwise this time."""

import time
from collections.abc import Collection
from contextlib import ExitStack
from typing import Final, Self

from pydantic_core import from_json

from agents.cli.import_report import Standing
from agents.config.settings import Settings
from events.client import KafkaFailure, Reader
from events.topics import TopicName

_CHANGED: Final = "content-differs"
"""The detail of a rejection of what is known with other content."""
_WAIT_S: Final = 10.0
_QUIET_S: Final = 2.0


class Before:
    """How the engine stood before a file is submitted; a context manager, to be opened before anything is sent."""

    def __init__(self, settings: Settings) -> None:
        self._opened = ExitStack()
        self._failure = ""
        try:
            with ExitStack() as opening:
                self._state = opening.enter_context(Reader(settings, [TopicName.STATE]))
                self._ends = self._state.ends()
                self._rejections = opening.enter_context(Reader(settings, [TopicName.REJECTIONS]))
                self._rejections.skip_to_end()
                self._opened = opening.pop_all()
        except KafkaFailure as error:
            # a channel may write reports, and need not have the right to read what becomes of them
            self._failure = str(error)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the broker."""
        self._opened.close()

    def of(self, complaints: Collection[str]) -> Standing:
        """Return how many of these complaints were known, and how many have changed as far as has been decided."""
        if self._failure:
            return Standing(unknown_why=self._failure)
        try:
            known = self._known(complaints)
            return Standing(len(known), len(self._changed(known)) if known else 0)
        except KafkaFailure as error:
            return Standing(unknown_why=str(error))

    def _known(self, complaints: Collection[str]) -> set[str]:
        found = set()
        for records in self._state.polls_to(self._ends):
            for record in records:
                if record.key is None or record.offset >= self._ends[record.topic, record.partition]:
                    continue
                name = record.key.decode(errors="replace")
                if name in complaints:
                    found.add(name)
        return found

    def _changed(self, known: Collection[str]) -> set[str]:
        """Follow the rejections until none has come for a while."""
        found: set[str] = set()
        end = time.monotonic() + _WAIT_S
        quiet = time.monotonic() + _QUIET_S
        while len(found) < len(known) and time.monotonic() < min(end, quiet):
            for record in self._rejections.poll(_QUIET_S / 4):
                quiet = time.monotonic() + _QUIET_S
                name = (record.key or b"").decode(errors="replace")
                if name in known and _detail(record.value) == _CHANGED:
                    found.add(name)
        return found


def _detail(value: bytes | None) -> str | None:
    try:
        event = from_json(value or b"")
        return str(event["data"].get("detail"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # strangers may write anything anywhere
