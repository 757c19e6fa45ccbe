"""Command client for the systems of officers and citizens: sends a command and awaits its result."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from events.client.connection import require_topics
from events.client.errors import AnswerUnreadable, KafkaFailure
from events.client.lookup import ComplaintHistory, RefusedCommand, add_to
from events.client.publisher import Publisher
from events.client.reader import Reader
from events.client.settings import ClientSettings
from events.codec.decode import decode_command
from events.codec.encode import cloud_event
from events.commands import command_type
from events.facts import Cause, Recorded
from events.ids import canonical_id
from events.topics import RecordPosition, TopicName

_ANSWERS = (TopicName.EVENTS, TopicName.REJECTIONS)


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """Request to send one command about a complaint.

    `name` and `data` are those of the contract, such as `record-follow-up`. `id` is the sender's: use the same one for
    retries, since `source` and `id` identify the command. `expected_version`: refuse the command unless the complaint
    is at this version.
    """

    name: str
    complaint: str
    source: str
    id: str
    data: Mapping[str, Any]
    expected_version: int | None = None


@dataclass(frozen=True)
class CommandResult:
    """Result of a command: its position in the log, and its facts or rejection, if any yet."""

    request: CommandRequest
    position: RecordPosition
    waited: float
    """Time waited for the result, in seconds."""
    facts: tuple[Recorded, ...] = ()
    refused: RefusedCommand | None = None

    @property
    def place(self) -> RecordPosition:
        """Name of `position` in release 0.1.0."""
        return self.position

    @property
    def decided(self) -> bool:
        """Return whether the command has been decided."""
        return bool(self.facts) or self.refused is not None

    def __str__(self) -> str:
        """Return the result in one line."""
        name = self.request.name
        if self.refused is not None:
            rejection = self.refused.rejection
            state = f" (it is {rejection.status}, version {rejection.version})" if rejection.status else ""
            return f"{name} was refused, {rejection.code}: {rejection.message}{state}"
        if self.facts:
            return f"{name}: {' → '.join(recorded.fact.NAME for recorded in self.facts)}"
        if not self.waited:
            return f"{name} is in the log: {self.position}"
        return f"{name} is in the log ({self.position}) but not decided after {self.waited:g} s: does lifecycle run?"


class CommandClient(AbstractContextManager["CommandClient"]):
    """Sends commands, one at a time; a context manager, for one thread. Raises the errors of `require_topics`."""

    def __init__(self, settings: ClientSettings) -> None:
        require_topics(settings, [TopicName.COMMANDS, *_ANSWERS])
        self._broker = settings.broker
        with ExitStack() as opening:
            self._publisher = opening.enter_context(Publisher(settings))
            self._answers = opening.enter_context(Reader(settings, _ANSWERS))
            opening.pop_all()  # both exist, and are closed with the client

    def __exit__(self, *failure: object) -> None:
        self._answers.__exit__(*failure)
        self._publisher.__exit__(*failure)

    def send(
        self, request: CommandRequest, *, seconds: float = 10.0, repeats_since: datetime | None = None
    ) -> CommandResult:
        """Send a command and wait up to `seconds` for its result; with 0, only until it is in the log.

        A retry of a command that had its effect has no result of its own: set `repeats_since` to a time before the
        first try, from which on the result of that is searched.

        Raises:
            InvalidCommand, Undecodable: it violates the contract; `reason` names the fields. Nothing was sent.
            BrokerUnreachable: no broker answers. Nothing was sent.
            KafkaRefused: the broker refuses it. It is not in the log.
            Unconfirmed: it may be in the log. Send it again with the same id.
            AnswerUnreadable: it is in the log, but its result cannot be read.
        """
        with suppress(ValueError):  # `encode_request` refuses an invalid complaint id
            request = replace(request, complaint=canonical_id(request.complaint))
        value = encode_request(request, datetime.now(UTC))
        # before the command is sent, so as not to skip its result
        self._answers.turn_to(request.complaint)
        if repeats_since is None:
            self._answers.skip_to_end()
        else:
            self._answers.skip_to_moment_or_end(repeats_since, TopicName.EVENTS)
            self._answers.skip_to_end(TopicName.REJECTIONS)
        position = self._publisher.publish_now(TopicName.COMMANDS, request.complaint, value)
        return self.wait(CommandResult(request, position, 0.0), seconds)

    def wait(self, result: CommandResult, seconds: float) -> CommandResult:
        """Wait up to `seconds` for the result of the last command; raise AnswerUnreadable if it cannot be read."""
        try:
            return self._wait(replace(result, waited=result.waited + seconds), seconds)
        except KafkaFailure as failure:
            raise AnswerUnreadable(self._broker, f"{result}; its answer cannot be read: {failure}") from failure

    def _wait(self, result: CommandResult, seconds: float) -> CommandResult:
        deadline = time.monotonic() + seconds
        known = ComplaintHistory(result.request.complaint)
        while not result.decided and (left := deadline - time.monotonic()) > 0:
            for record in self._answers.poll(left):
                add_to(known, record)
            result = _answered(result, known)
        if result.facts:
            # a poll may end between two facts of a command
            for record in self._answers.to_end():
                add_to(known, record)
        return _answered(result, known)


def encode_request(request: CommandRequest, now: datetime) -> bytes:
    """Encode a request as a command; raise InvalidCommand or Undecodable, whose `reason` names the fields."""
    kind = command_type(request.name)
    event = cloud_event(kind, request.source, request.id, now, request.complaint, data=request.data)
    if request.expected_version is not None:
        event["expectedversion"] = request.expected_version
    value = to_json(event)
    decode_command(value)
    return value


def _answered(result: CommandResult, known: ComplaintHistory) -> CommandResult:
    request = result.request
    cause = Cause(request.source, request.id)
    facts = tuple(recorded for recorded in known.history if recorded.cause == cause)
    refused = (
        each
        for each in known.refusals
        if (each.rejection.command_source, each.rejection.command_id) == (cause.source, cause.id)
    )
    return CommandResult(request, result.position, result.waited, facts, next(refused, None))
