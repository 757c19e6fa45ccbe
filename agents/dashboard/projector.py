"""Projector: reads the topics of the dashboard in two threads, and publishes figures at most once a second."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from agents.config.settings import Settings
from agents.dashboard.figures import DisplayContext, Sources, figures
from agents.dashboard.lag_trend import EVERY_S, WINDOW_S, Trends
from agents.dashboard.projection import Projection
from agents.dashboard.read_model import ReadModel
from agents.ops.lag import LagWatcher
from events.client import Reader, Record, require_topics
from events.client.errors import BrokerUnreachable, KafkaFailure, NotAllowed
from events.topics import STAGES, TopicName

log = structlog.get_logger()

_EVERY_S: Final = 1.0
_QUIET_S: Final = 10.0
"""Interval of figures without a new record, since the remaining time of deadlines changes."""
_POLL_S: Final = 0.25
_RETRY_S: Final = 5.0
_JOIN_S: Final = 1.0
_RECORDS: Final = "records"
_LAG: Final = "lag"
ASK_AGAIN_S: Final = 60.0
UNREACHABLE: Final = "unreachable"
REFUSED: Final = "refused"


class Projector:
    """Follows complaints.state and the dead letters, and samples the lag.

    Without the right to read the other sources, they are omitted, and requested again after `ask_again_s` seconds.
    `publish` and `failed` are called in one of the threads.
    """

    def __init__(
        self,
        settings: Settings,
        context: DisplayContext,
        publish: Callable[[bytes], None],
        failed: Callable[[Exception], None],
        *,
        ask_again_s: float = ASK_AGAIN_S,
    ) -> None:
        self._settings = settings
        self._context = context
        self._publish = publish
        self._failed = failed
        self._ask_again_s = ask_again_s
        self._stopping = threading.Event()
        self._topics = [TopicName.STATE]
        self._troubles: dict[str, str | None] = {_RECORDS: None, _LAG: None}
        self._published = 0.0
        self._changed = threading.Event()
        self.sources = Sources()
        self.read_model = ReadModel()
        self._threads = [
            threading.Thread(target=self.run, args=(what,), name=name, daemon=True)
            for name, what in (("board-records", self._follow), ("board-lag", self._follow_lag))
        ]

    def start(self) -> None:
        """Check the access to the topics and start the threads; raise if complaints.state cannot be read."""
        require_topics(self._settings, [TopicName.STATE])
        try:
            require_topics(self._settings, [TopicName.DEAD_LETTERS])
            self._topics.append(TopicName.DEAD_LETTERS)
        except NotAllowed as error:
            self.sources.letters = None
            log.warning("dead_letters_hidden", reason=str(error))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop reading; wait at most a second for each thread."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_JOIN_S)

    def run(self, what: Callable[[], object]) -> None:
        """Run the body of a thread; an error ends the service, so that no outdated page is served."""
        try:
            what()
        except Exception as error:  # noqa: BLE001 -- it ends the service
            self._failed(error)

    def _follow(self) -> None:
        """Read the topics from the beginning, and again after each failure."""
        while not self._stopping.is_set():
            try:
                self._read()
            except KafkaFailure as error:
                self.report_failure(_RECORDS, error)
                self._publish_if_due()
                self._stopping.wait(_RETRY_S)

    def _read(self) -> None:
        projection = Projection()
        with Reader(self._settings, self._topics) as reader:
            if self.sources.reading:  # there are no older figures to show meanwhile
                self.read_model = projection.read_model
            for record in reader.to_end():
                if self._stopping.is_set():
                    return
                self._apply(projection, reader, [record])
                self._publish_if_due()
            self.read_model, self.sources.reading = projection.read_model, False
            self.report_recovery(_RECORDS)
            self._changed.set()
            log.info("board_ready", complaints=len(self.read_model))
            while not self._stopping.is_set():
                self._publish_if_due()
                self._apply(projection, reader, reader.poll(_POLL_S))

    def _apply(self, projection: Projection, reader: Reader, records: Iterable[Record]) -> None:
        for record in records:
            self._changed.set()
            projection.apply(record)
        if (unreadable := projection.unreadable + reader.foreign) > self.sources.unreadable:
            next_step = "see AlurForeignRecords in the runbook"
            log.warning("records_unreadable", count=projection.unreadable, foreign=reader.foreign, next=next_step)
        self.sources.unreadable = unreadable
        # a projection that is read again replaces the shown one as a whole, once complete
        if self.sources.letters is not None and projection.read_model is self.read_model:
            self.sources.letters = projection.letters.by_reason

    def _publish_if_due(self) -> None:
        if time.monotonic() - self._published < (_EVERY_S if self._changed.is_set() else _QUIET_S):
            return
        self._changed.clear()
        moment = datetime.now(UTC)
        self.read_model.advance_to(int(moment.timestamp()))
        self._publish(figures(self.read_model, self.sources, moment, self._context))
        self._published = time.monotonic()

    def _follow_lag(self) -> None:
        """Sample the lag; without the right to, check the connection, and retry from time to time."""
        again_at = 0.0
        while not self._stopping.is_set():
            try:
                if time.monotonic() >= again_at:
                    self._watch_lag()
                else:
                    self._check_connection()
            except NotAllowed as error:
                if self.sources.lag is not None:
                    log.warning("lag_hidden", reason=str(error), tried_again_in_s=self._ask_again_s)
                again_at, self.sources.lag = time.monotonic() + self._ask_again_s, None
                self._changed.set()
                self._stopping.wait(_POLL_S)
            except KafkaFailure as error:
                self.report_failure(_LAG, error)
                self._stopping.wait(_RETRY_S)

    def _watch_lag(self) -> None:
        groups, trends = [self._settings.group(stage) for stage in STAGES], Trends()
        with LagWatcher(self._settings, groups, window=WINDOW_S, deadlines=False) as watcher:
            while not self._stopping.is_set():
                trends.add(watcher.sample())
                if self.sources.lag is None:
                    log.info("lag_visible")
                self.sources.lag = trends.rows()
                self.report_recovery(_LAG)
                self._changed.set()
                self._stopping.wait(EVERY_S)

    def _check_connection(self) -> None:
        require_topics(self._settings, [TopicName.STATE])
        if self._troubles[_LAG] is not None:
            self.report_recovery(_LAG)
            self._changed.set()
        self._stopping.wait(EVERY_S)

    def report_failure(self, where: str, error: KafkaFailure) -> None:
        """Record that the records, or the lag, are unreadable at present."""
        trouble = UNREACHABLE if isinstance(error, BrokerUnreachable) else REFUSED
        if self._troubles[where] != trouble:
            # logged, not shown: the message may name machines
            log.warning("kafka_trouble", reason=str(error))
        self._set_trouble(where, trouble)
        self._changed.set()

    def report_recovery(self, where: str) -> None:
        """Record that they are readable again."""
        self._set_trouble(where, None)

    def _set_trouble(self, where: str, trouble: str | None) -> None:
        # per thread: lag may be readable while records are not
        self._troubles[where] = trouble
        self.sources.trouble = self._troubles[_RECORDS] or self._troubles[_LAG]
        if where == _RECORDS:
            since = self.sources.records_lost_at or datetime.now(UTC)
            self.sources.records_lost_at = None if trouble is None else since
