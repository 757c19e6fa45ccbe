"""For each error of kafka-python: may a failed send be in the log?"""

import inspect

import pytest
from kafka import errors

from events.client import BrokerUnreachable, ClientSettings, KafkaRefused, NotAllowed, Unconfirmed
from events.client.connection import confirmation, kafka_errors
from events.client.errors import TopicsMissing, is_refusal
from tests.support.tables import every

SETTINGS = ClientSettings("kafka:9092")
ALL = {
    name: found
    for name, found in vars(errors).items()
    if inspect.isclass(found) and issubclass(found, errors.KafkaError)
}
REFUSALS = {
    "AuthorizationError",
    "ClusterAuthorizationFailedError",
    "CorruptRecordError",
    "CorruptRecordException",
    "DelegationTokenAuthorizationFailedError",
    "GroupAuthorizationFailedError",
    "IncompatibleBrokerVersion",
    "InvalidRecordError",
    "InvalidRequiredAcksError",
    "InvalidTimestampError",
    "InvalidTopicError",
    "MessageSizeTooLargeError",
    "PolicyViolationError",
    "RecordListTooLargeError",
    "TopicAuthorizationFailedError",
    "TransactionalIdAuthorizationFailedError",
    "UnsupportedCompressionTypeError",
    "UnsupportedForMessageFormatError",
    "UnsupportedVersionError",
}
UNANSWERED = {"KafkaConnectionError", "KafkaTimeoutError", "NodeNotReadyError", "RequestTimedOutError"}


def raised(kind: type[errors.KafkaError]) -> errors.KafkaError:
    return BaseException.__new__(kind)  # some take arguments that only kafka-python has


def test_only_what_a_broker_checks_before_it_appends_is_a_refusal() -> None:
    assert {name for name, kind in ALL.items() if is_refusal(raised(kind))} == REFUSALS


def test_an_error_that_kafka_python_has_not_invented_yet_is_none() -> None:
    assert not is_refusal(type("TomorrowsError", (errors.BrokerResponseError,), {})())
    assert not is_refusal(None)


@every(sorted(ALL))
def test_a_send_that_fails_is_refused_or_unconfirmed(name: str) -> None:
    with pytest.raises(KafkaRefused if name in REFUSALS else Unconfirmed) as failure, confirmation(SETTINGS):
        raise raised(ALL[name])
    if name not in REFUSALS:
        assert str(failure.value) == (
            f"Kafka at kafka:9092 has not confirmed the message ({ALL[name].__name__}), so it may or may not be "
            "in the log: send it again with the same id, which does no harm"
        )


@every(sorted(ALL))
def test_a_question_that_fails_is_refused_or_unanswered(name: str) -> None:
    expected = BrokerUnreachable if name in UNANSWERED else KafkaRefused
    with pytest.raises(expected) as failure, kafka_errors(SETTINGS):
        raise raised(ALL[name])
    assert isinstance(failure.value, NotAllowed) == issubclass(ALL[name], errors.AuthorizationError)


def test_missing_topics_name_the_prefixes_that_there_are() -> None:
    missing = ("nope.complaints.state",)
    assert "prefix" not in str(TopicsMissing(missing))
    message = str(TopicsMissing(missing, {"", "b.", "a."}))
    assert "is the prefix right? There are installations with no prefix, 'a.', 'b.' (--prefix, ALUR_PREFIX)" in message
    many = str(TopicsMissing(missing, [f"{each}." for each in "abcdefg"]))
    assert "'e.', ... (--prefix" in many
