"""Failures between a client and Kafka: each message is one line with the next step."""

import re
from collections.abc import Collection
from typing import Final

from kafka import errors as kafka
from kafka.errors import AuthorizationError

from events.client.settings import ClientSettings
from events.errors import AlurError

_NAMES: Final = 3
_PREFIXES: Final = 5
_RESOURCES: Final = {
    "Topic": "the topic",
    "Group": "the group",
    "TransactionalId": "the transactional id",
    "Cluster": "the cluster",
}
_REFUSALS: Final = (
    AuthorizationError,
    kafka.CorruptRecordError,
    kafka.InvalidRecordError,
    kafka.InvalidRequiredAcksError,
    kafka.InvalidTimestampError,
    kafka.InvalidTopicError,
    kafka.MessageSizeTooLargeError,
    kafka.PolicyViolationError,
    kafka.RecordListTooLargeError,
    kafka.UnsupportedCompressionTypeError,
    kafka.UnsupportedForMessageFormatError,
    kafka.UnsupportedVersionError,
)
"""Errors of a broker before it appends a record, which clients do not retry."""
ABSENT: Final = (
    kafka.KafkaConnectionError,
    kafka.KafkaTimeoutError,
    kafka.NodeNotReadyError,
    kafka.RequestTimedOutError,
)
"""kafka-python's errors if no broker answers in time."""
_UNQUOTED: Final = re.compile(r"[\[\](){}'\"]|frozenset|\bset\b")


class KafkaFailure(AlurError):
    """Failure of an operation on Kafka; the message is one line with the reason."""


class BrokerUnreachable(KafkaFailure):
    """No broker answers at the address."""

    def __init__(self, broker: str) -> None:
        super().__init__(f"no Kafka broker answers at {broker}: start one with `alur broker start` or set ALUR_BROKER")
        self.broker = broker


class KafkaRefused(KafkaFailure):
    """The broker refused."""


class AccessRefused(KafkaRefused):
    """The broker refused access: it requires another protocol, user, password or certificate."""


class NotAllowed(KafkaRefused):
    """The user lacks a right."""

    def __init__(self, settings: ClientSettings, error: AuthorizationError) -> None:
        kind = type(error).__name__.removesuffix("Error").removesuffix("AuthorizationFailed")
        names = ", ".join(sorted(_UNQUOTED.sub("", str(error.args[0])).split(", "))) if error.args else ""
        what = f"on {_RESOURCES.get(kind, kind)} {names}".rstrip()
        super().__init__(
            f"Kafka at {settings.broker} does not allow {settings.security.who} to do this {what}: "
            "`alur topics acl` shows who needs which rights"
        )


class TopicsMissing(KafkaFailure):
    """Required topics do not exist; `others` are prefixes of other installations, if this prefix has none."""

    def __init__(self, names: tuple[str, ...], others: Collection[str] = ()) -> None:
        known = [repr(each) if each else "no prefix" for each in sorted(others)]
        shown = ", ".join(known[:_PREFIXES] + ["..."] * (len(known) > _PREFIXES))
        hint = f"is the prefix right? There are installations with {shown} (--prefix, ALUR_PREFIX); otherwise "
        hint = hint if others else ""
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        missing = ", ".join(names[:_NAMES]) + more
        super().__init__(f"topics are missing: {missing}; {hint}create them with `alur topics create`")
        self.names = names


class Unconfirmed(KafkaFailure):
    """A message was sent, but not confirmed: it may be in the log. Send it again with the same id."""


class AnswerUnreadable(BrokerUnreachable):
    """A command is in the log, but its result cannot be read: the broker is unreachable, or refuses."""

    def __init__(self, broker: str, message: str) -> None:
        KafkaFailure.__init__(self, message)
        self.broker = broker


def is_refusal(error: BaseException | None) -> bool:
    """Return whether a failed send has certainly written nothing.

    False for every retriable error, even `NotEnoughReplicasError`, since an earlier attempt may have been written.
    """
    return isinstance(error, _REFUSALS)
