"""Tells the browsers, each as fast as it takes it: what a slow one has missed it is not told later."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

MOST_BROWSERS: Final = 200
"""So many may look on at a time; each holds a connection."""


class TooManyBrowsers(Exception):
    """Nobody more can look on."""


class Broadcaster:
    """The figures as they were last, and whoever waits for the next ones.

    There is no queue: a browser that falls behind gets the newest figures next, so that it costs no memory.
    """

    def __init__(self) -> None:
        self._last: bytes | None = None
        self._number = 0
        self._changed = asyncio.Condition()
        self._closed = False
        self.browsers = 0

    @property
    def last(self) -> bytes | None:
        """The figures as they were last; None if there have been none yet."""
        return self._last

    @property
    def full(self) -> bool:
        """Say whether nobody more can look on."""
        return self.browsers >= MOST_BROWSERS

    async def publish(self, figures: bytes) -> None:
        """Take in new figures."""
        async with self._changed:
            self._last, self._number = figures, self._number + 1
            self._changed.notify_all()

    async def close(self) -> None:
        """Let go of all browsers."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def follow(self, quiet_s: float) -> AsyncGenerator[bytes | None]:
        """Give the figures as they are, and then whenever there are newer ones, until it is closed.

        Gives None after `quiet_s` without.

        Raises:
            Full: too many are looking on.
        """
        if self.full:
            raise TooManyBrowsers
        self.browsers += 1
        seen = 0
        try:
            while not self._closed:
                if await self._newer(seen, quiet_s):
                    seen = self._number
                    yield self._last
                else:
                    yield None
        finally:
            self.browsers -= 1

    async def _newer(self, seen: int, quiet_s: float) -> bool:
        try:
            async with asyncio.timeout(quiet_s), self._changed:
                await self._changed.wait_for(lambda: self._closed or self._number > seen)
        except TimeoutError:
            return False
        return self._number > seen
