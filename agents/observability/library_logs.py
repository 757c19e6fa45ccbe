"""Rate limit for library logs: new messages at once, repeats as a count.

A Kafka client without a broker logs an error many times per second in each of its tasks, which would hide other lines.
"""

import logging
import threading
from collections import Counter
from typing import Final, NamedTuple

import structlog

WINDOW_SECONDS: Final = 10.0
"""Interval in seconds at which repeats are written."""
KINDS_PER_LIBRARY: Final = 50
"""Number of distinct lines that one logger may write within a window; the others are counted together."""
_OTHERS: Final = "(other messages)"
_LEVELS: Final = (logging.CRITICAL, logging.ERROR, logging.WARNING)


class _Kind(NamedTuple):
    """Key of equal messages: logger, text and exception."""

    library: str
    message: str
    exception: str


class LibraryLines(logging.Handler):
    """Writes log records of libraries as events `library_message`: a new kind at once, repeats as a count.

    At the end of a window, each kind with repeats gets one line with their number in `repeated`. A kind without repeats
    in a window is new again. `facts` are additional fields of each line.
    """

    def __init__(self, **facts: str) -> None:
        super().__init__(logging.WARNING)
        self._facts = facts
        self._levels: dict[_Kind, int] = {}  # the highest since the kind was last written
        self._repeats: Counter[_Kind] = Counter()
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it; the caller holds the handler's lock."""
        try:
            kind = self._kind(record)
            level = next((each for each in _LEVELS if record.levelno >= each), logging.WARNING)
            counted = kind in self._levels or kind.message == _OTHERS
            self._levels[kind] = max(self._levels.get(kind, level), level)
            if counted:
                self._repeats[kind] += 1
            else:
                self._write(kind, exc_info=record.exc_info)
            if self._timer is None:
                self._begin_window()
        except Exception:  # noqa: BLE001 -- logging must not raise, as in the handlers of the standard library
            self.handleError(record)

    def end_window(self) -> None:
        """Write the counts of repeats; kinds without a repeat count as new from now on. Called when the window ends."""
        with self._locked():
            if self._timer is None:
                return
            self._timer.cancel()  # also called by tests
            self._timer = None
            repeated = set(self._repeats)
            self.flush()
            self._levels = {kind: level for kind, level in self._levels.items() if kind in repeated}
            if self._levels:
                self._begin_window()

    def flush(self) -> None:
        """Write pending counts. Called when the process exits normally."""
        with self._locked():
            for kind, times in self._repeats.items():
                self._write(kind, repeated=times)
                self._levels[kind] = logging.WARNING
            self._repeats.clear()

    def close(self) -> None:
        """Write pending counts, and stop."""
        with self._locked():
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        self.flush()
        super().close()

    def _kind(self, record: logging.LogRecord) -> _Kind:
        exception = repr(record.exc_info[1]) if record.exc_info else ""
        kind = _Kind(record.name, record.getMessage(), exception)
        if kind in self._levels or sum(each.library == record.name for each in self._levels) < KINDS_PER_LIBRARY:
            return kind
        return _Kind(record.name, _OTHERS, "")

    def _write(self, kind: _Kind, **facts: object) -> None:
        log = structlog.get_logger()  # not cached, since it may be configured again
        log.log(
            self._levels[kind], "library_message", library=kind.library, message=kind.message, **self._facts, **facts
        )

    def _begin_window(self) -> None:
        self._timer = threading.Timer(WINDOW_SECONDS, self.end_window)
        self._timer.daemon = True
        self._timer.start()

    def _locked(self) -> threading.RLock:
        lock: threading.RLock = self.lock  # type: ignore[assignment]  # set by the base class
        return lock
