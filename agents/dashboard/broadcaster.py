"""Streams the newest figures to browsers, without a queue: a slow browser skips figures."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

MOST_BROWSERS: Final = 200
"""Maximum number of streams; each holds a connection."""


class TooManyBrowsers(Exception):
    """All streams are in use."""


class Broadcaster:
    """Holds the newest figures, and wakes the streams that wait for newer ones."""

    def __init__(self) -> None:
        self.last: bytes | None = None
        """The newest figures; None before the first."""
        self._number = 0
        self._changed = asyncio.Condition()
        self._closed = False
        self.browsers = 0

    @property
    def full(self) -> bool:
        """Whether all streams are in use."""
        return self.browsers >= MOST_BROWSERS

    async def publish(self, figures: bytes) -> None:
        """Replace the figures and wake all streams."""
        async with self._changed:
            self.last, self._number = figures, self._number + 1
            self._changed.notify_all()

    async def close(self) -> None:
        """End all streams."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def follow(self, quiet_s: float) -> AsyncGenerator[bytes | None]:
        """Yield the figures now and after each change; None after `quiet_s` seconds. Raises TooManyBrowsers."""
        if self.full:
            raise TooManyBrowsers
        self.browsers += 1
        seen = 0
        try:
            while not self._closed:
                try:
                    async with asyncio.timeout(quiet_s), self._changed:
                        await self._changed.wait_for(lambda: self._closed or self._number > seen)  # noqa: B023 -- awaited here
                except TimeoutError:
                    yield None
                    continue
                seen = self._number
                if not self._closed:
                    yield self.last
        finally:
            self.browsers -= 1
