"""Exit statuses of a stage and how its process ends."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import structlog
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from agents.runtime.stage import RefusedToStart

log = structlog.get_logger()

EXIT_REFUSED: Final = 78
"""sysexits EX_CONFIG: starting again changes nothing until somebody has mended the set-up."""
EXIT_TRY_AGAIN: Final = 75
"""sysexits EX_TEMPFAIL: nothing is lost, start again."""
STOP_SECONDS: Final = 20.0
"""So long a stage may take to settle its poll and leave; then it is killed, and nothing is lost either."""

NOT_ALLOWED: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""How aiokafka says that the broker knows who we are, and that we may not do this."""


@contextmanager
def exit_after(seconds: float) -> Iterator[None]:
    """End this process if the block takes so many seconds, whatever waits for Kafka by then; nothing is committed."""
    timer = threading.Timer(seconds, os._exit, (EXIT_TRY_AGAIN,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def is_one_of(error: Exception, kinds: tuple[type[Exception], ...]) -> bool:
    """Return True if `error` is one of `kinds`, which may be untyped."""
    return isinstance(error, kinds)


def exit_with_error(stage: str, error: Exception) -> NoReturn:
    """End this process now, with one line that says why. Nothing is committed, and nothing is sent to Kafka any more.

    Fenced, or a broker that is gone: going on could only write what a successor writes too.
    """
    logging.shutdown()  # what libraries have repeated, and nobody has been told yet
    if isinstance(error, RefusedToStart):
        log.error("start_refused", stage=stage, reason=str(error))
        os._exit(EXIT_REFUSED)
    kind = type(error).__name__
    if is_one_of(error, NOT_ALLOWED):
        log.error(
            "access_denied", stage=stage, reason=str(error), next=f"`alur topics acl {stage}` shows what it needs"
        )
    elif is_one_of(error, (KafkaError,)):
        log.error("kafka_lost", stage=stage, error=kind, reason=str(error), next="start again from the last commit")
    else:
        log.error("stage_crashed", stage=stage, error=kind, reason=str(error), exc_info=error)
    os._exit(EXIT_TRY_AGAIN)
