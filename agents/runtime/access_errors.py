"""Diagnosis of a failed start: access or rights, over a second connection."""

from collections.abc import Collection

from aiokafka.errors import KafkaConnectionError

from agents.config.settings import Settings
from agents.runtime.process import NOT_ALLOWED
from agents.runtime.stage import RefusedToStart
from events.client.administration import check_access, topics_missing
from events.client.errors import AccessRefused, KafkaFailure, NotAllowed
from events.topics import TopicName


def explain_access_error(error: Exception, settings: Settings, topics: Collection[TopicName]) -> Exception:
    """Return the cause of an `error` at the start: missing access, missing rights, or no broker.

    The client reports denied access as an unreachable broker. A missing right to write usually means that the user
    has no rights on the topics at all.
    """
    try:
        if isinstance(error, KafkaConnectionError):
            check_access(settings)
        elif isinstance(error, NOT_ALLOWED):
            topics_missing(settings, topics)
    except (AccessRefused, NotAllowed) as refused:
        return RefusedToStart(str(refused))
    except KafkaFailure:
        return error
    return error
