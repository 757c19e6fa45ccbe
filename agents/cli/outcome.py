"""Send a command and watch for what comes of it, where it would come: one partition of two topics."""

import time
from dataclasses import dataclass

from agents.settings import Settings
from events.client import Dossier, Place, Publisher, Reader, RefusedCommand, add_to
from events.facts import Cause, Recorded
from events.topics import TopicName


@dataclass(frozen=True)
class Outcome:
    """Where a command lies in the log, and what came of it: facts, a refusal, or neither so far."""

    place: Place
    facts: tuple[Recorded, ...] = ()
    refused: RefusedCommand | None = None

    @property
    def decided(self) -> bool:
        """Say whether anything came of it."""
        return bool(self.facts) or self.refused is not None


def send_and_wait(  # noqa: PLR0913 -- what is sent, about what, and how long to wait
    settings: Settings, complaint: str, identity: tuple[str, str], value: bytes, *, seconds: float, may_be_repeat: bool
) -> Outcome:
    """Publish a command of this `identity` (source and id) and wait up to `seconds` for what comes of it.

    A repeat of a command that had its effect is dropped without a word, so `may_be_repeat` looks for earlier facts too.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: it could not be sent, or not be followed.
    """
    topics = (TopicName.EVENTS, TopicName.REJECTIONS)
    with Reader(settings, topics, complaint=complaint) as reader:
        # looked up before the command is sent, or what comes of it might be passed over
        reader.skip_to_end(*((TopicName.REJECTIONS,) if may_be_repeat else topics))
        with Publisher(settings) as publisher:
            place = publisher.publish_now(TopicName.COMMANDS, complaint, value)
        return _await(reader, Dossier(complaint), Cause(*identity), place, seconds)


def _await(reader: Reader, dossier: Dossier, cause: Cause, place: Place, seconds: float) -> Outcome:
    deadline = time.monotonic() + seconds
    outcome = Outcome(place)
    while not outcome.decided and (left := deadline - time.monotonic()) > 0:
        for record in reader.poll(left):
            add_to(dossier, record)
        outcome = _outcome(dossier, cause, place)
    if outcome.facts:
        # the facts of a command become visible all at once, but a poll may end between two of them
        for record in reader.to_end():
            add_to(dossier, record)
    return _outcome(dossier, cause, place)


def _outcome(dossier: Dossier, cause: Cause, place: Place) -> Outcome:
    facts = tuple(recorded for recorded in dossier.history if recorded.cause == cause)
    refused = (
        each
        for each in dossier.refusals
        if (each.rejection.command_source, each.rejection.command_id) == (cause.source, cause.id)
    )
    return Outcome(place, facts, next(refused, None))
