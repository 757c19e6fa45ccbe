"""Log lines: pretty on a terminal, JSON otherwise; one event with a fixed name and its fields."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO, cast

import structlog
from aiokafka.errors import GroupCoordinatorNotAvailableError

from agents.config.settings import LogFormat
from agents.observability.library_logs import LibraryLines

_OF_PARTITIONS: Final = frozenset({"partition_acquired", "partitions_assigned", "topic_followed"})
_QUIET: Final = ("aiokafka", "faust", "mode", "kafka", "asyncio")


@contextmanager
def muted(library: str) -> Iterator[None]:
    """Suppress a library's log lines within the block, where its errors are raised as well."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


class _StandardError:
    """Standard error at the time logging was configured, even if it is replaced later.

    If that was closed since, as by a program that calls a command in-process, the present one is used.
    """

    def __init__(self) -> None:
        self._stream = sys.stderr

    def _open(self) -> TextIO:
        return cast(TextIO, sys.__stderr__) if self._stream.closed else self._stream

    def write(self, text: str) -> int:
        return self._open().write(text)

    def flush(self) -> None:
        self._open().flush()


def configure(log_format: LogFormat, stream: TextIO | None = None, **facts: str) -> None:
    """Configure structlog for this process, writing to `stream` (default: standard error).

    Log records of libraries become events `library_message`, with `facts` in each.
    """
    terminal = (stream or sys.stderr).isatty()
    out = stream or cast(TextIO, _StandardError())
    pretty = log_format == "pretty" or (log_format == "auto" and terminal)
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=terminal) if pretty else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *([_for_people] if pretty else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    # unlogged debug records of Faust and aiokafka would cost a tenth of the throughput
    logging.disable(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("aiokafka.consumer.group_coordinator").addFilter(_no_young_broker)
    for handler in [each for each in logging.root.handlers if isinstance(each, LibraryLines)]:
        logging.root.removeHandler(handler)
        handler.close()
    logging.root.addHandler(LibraryLines(**facts))


def _for_people(_logger: object, _level: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Drop a stage's events about single partitions: on a terminal `stage_ready` summarizes them."""
    if line["event"] in _OF_PARTITIONS:
        raise structlog.DropEvent
    return line


def _no_young_broker(record: logging.LogRecord) -> bool:
    """Drop aiokafka's message that a new broker has no group coordinator yet: the client retries."""
    return not any(isinstance(each, GroupCoordinatorNotAvailableError) for each in record.args or ())
