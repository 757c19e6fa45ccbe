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
"""sysexits EX_CONFIG: a restart is useless until the configuration is repaired."""
EXIT_TRY_AGAIN: Final = 75
"""sysexits EX_TEMPFAIL: nothing is lost; restart."""
STOP_SECONDS: Final = 20.0
"""Maximum seconds for a stage to finish its poll and leave the group; then it is killed, without loss."""

NOT_ALLOWED: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""aiokafka's errors for missing rights."""


@contextmanager
def exit_after(seconds: float) -> Iterator[None]:
    """End this process without a commit if the block takes longer than `seconds`."""
    timer = threading.Timer(seconds, os._exit, (EXIT_TRY_AGAIN,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def exit_with_error(stage: str, error: Exception) -> NoReturn:
    """End this process now, with one log line, without writing to Kafka: another worker may own its partitions."""
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
