"""Simulation: channels deliver reports and people send commands, as ordinary Kafka clients."""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Self

from pydantic import ValidationError

from agents.config.settings import Settings
from agents.demo.deliveries import Deliveries
from agents.demo.people import People
from agents.demo.view import Moment, View
from agents.ops.progress import lag
from events.client import Publisher, Reader, Record
from events.client.errors import KafkaFailure
from events.codec.decode import decode_fact
from events.codec.encode import encode_command
from events.errors import Undecodable
from events.outcomes import RejectionEvent
from events.topics import TopicName

_FEED_SECONDS: Final = 15.0
_FEED_SHARE: Final = 0.25
_LISTEN_SECONDS: Final = 0.1
_LINGER_MS: Final = 5
_LAG_EVERY: Final = 1.0
_CATCH_UP_SECONDS: Final = 30.0
_IDLE_SAMPLES: Final = 2
_MARKERS: Final = 1
"""Lag of an idle stage: one control record may follow the last record."""


class LagMonitor:
    """Context manager that samples the lag of each stage in a thread."""

    def __init__(self, settings: Settings, moment: Moment) -> None:
        self._settings = settings
        self._moment = moment
        self._over = threading.Event()
        self._expected_since = time.monotonic()
        self._at_rest = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def expect(self) -> None:
        """Discard the samples so far, after the last message from outside."""
        self._expected_since = time.monotonic()
        self._at_rest = 0

    @property
    def caught_up(self) -> bool:
        """Whether no stage had lag in two samples: in one, messages may be in flight between stages."""
        return self._at_rest >= _IDLE_SAMPLES

    def _run(self) -> None:
        while not self._over.wait(_LAG_EVERY):
            began = time.monotonic()
            try:
                behind = lag(self._settings)
            except KafkaFailure:
                continue  # retried by the next sample
            self._moment.lag = {
                stage: sum(more for more in partitions.values() if more > _MARKERS)
                for stage, partitions in behind.items()
            }
            if any(self._moment.lag.values()) or began < self._expected_since:
                self._at_rest = 0
            else:
                self._at_rest += 1


class Simulation:
    """Delivers reports over the first seconds, sends the reactions of people, and counts everything."""

    def __init__(  # noqa: PLR0913, PLR0917 -- all parts of a simulation
        self,
        settings: Settings,
        deliveries: Deliveries,
        people: People,
        view: View,
        moment: Moment,
        check: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._waiting = deque(deliveries.messages)
        self._pace = len(deliveries.messages) / min(_FEED_SECONDS, moment.seconds * _FEED_SHARE)
        self._people = people
        self._view = view
        self._moment = moment
        self._check = check
        self._begin = time.monotonic()
        self.unpublished: list[str] = []
        """Reasons why messages could not be published."""
        self.stopped = threading.Event()
        """Set to end the simulation early."""

    def run(self) -> bool:
        """Run the simulation until the stages have caught up or it is stopped; return False if it takes too long."""
        with (
            Publisher(self._settings, linger_ms=_LINGER_MS) as publisher,
            Reader(self._settings, [TopicName.EVENTS, TopicName.REJECTIONS]) as reader,
            LagMonitor(self._settings, self._moment) as monitor,
        ):
            self._moment.phase = "playing"
            while self._elapsed() < self._moment.seconds and not self.stopped.is_set():
                self._feed(publisher)
                self._react(reader)
                self._act(publisher)
            publisher.flush()
            self._moment.phase = "catching up"
            monitor.expect()
            deadline = time.monotonic() + _CATCH_UP_SECONDS
            while not (monitor.caught_up or self.stopped.is_set()) and time.monotonic() < deadline:
                self._react(reader)
            return monitor.caught_up or self.stopped.is_set()

    def _elapsed(self) -> float:
        self._moment.elapsed = time.monotonic() - self._begin
        return self._moment.elapsed

    def _feed(self, publisher: Publisher) -> None:
        due = self._pace * self._elapsed()
        while self._waiting and self._moment.submitted < due:
            complaint, message = self._waiting.popleft()
            publisher.publish(TopicName.INTAKE, complaint, message, refused=self.unpublished.append)
            self._moment.submitted += 1

    def _react(self, reader: Reader) -> None:
        self._check()
        for record in reader.poll(_LISTEN_SECONDS):
            self._receive(record)
        self._elapsed()
        self._view.show()

    def _receive(self, record: Record) -> None:
        try:
            if record.topic is TopicName.EVENTS:
                recorded = decode_fact(record.value)
                self._moment.tally.fact(recorded)
                self._people.react(recorded, time.monotonic())
            else:
                self._moment.tally.rejection(RejectionEvent.model_validate_json(record.value or b"").data)
        except (Undecodable, ValidationError):
            return  # a foreign record; the reconciliation reports it

    def _act(self, publisher: Publisher) -> None:
        for sending in self._people.due(time.monotonic()):
            message = encode_command(
                sending.command,
                source=sending.source,
                command_id=sending.command_id,
                subject=sending.subject,
                time=datetime.now(UTC),
            )
            publisher.publish(TopicName.COMMANDS, sending.subject, message, refused=self.unpublished.append)
            self._moment.commands += 1
