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
"""sysexits EX_CONFIG: a restart changes nothing until the set-up is repaired."""
EXIT_TRY_AGAIN: Final = 75
"""sysexits EX_TEMPFAIL: nothing is lost, start again."""
STOP_SECONDS: Final = 20.0
"""Time for a stage to finish its poll and leave the group; then it is killed, without loss."""

NOT_ALLOWED: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""aiokafka's errors for missing rights."""


@contextmanager
def exit_after(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer than `seconds`; nothing is committed then."""
    timer = threading.Timer(seconds, os._exit, (EXIT_TRY_AGAIN,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def exit_with_error(stage: str, error: Exception) -> NoReturn:
    """End this process now, with one log line. Nothing is committed or sent to Kafka any more.

    After fencing, or without a broker, it could only repeat the writes of its successor.
    """
    logging.shutdown()  # flushes the counts of repeated library messages
    if isinstance(error, RefusedToStart):
        log.error("start_refused", stage=stage, reason=str(error))
        os._exit(EXIT_REFUSED)
    kind = type(error).__name__
    if isinstance(error, NOT_ALLOWED):
        log.error(
            "access_denied", stage=stage, reason=str(error), next=f"`alur topics acl {stage}` shows what it needs"
        )
    elif isinstance(error, KafkaError):
        log.error("kafka_lost", stage=stage, error=kind, reason=str(error), next="start again from the last commit")
    else:
        log.error("stage_crashed", stage=stage, error=kind, reason=str(error), exc_info=error)
    os._exit(EXIT_TRY_AGAIN)
