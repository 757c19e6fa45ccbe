"""Reads what the board shows, in threads of its own, and hands over the figures at most once a second."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from agents.config.settings import Settings
from agents.dashboard.complaint_row import read_row
from agents.dashboard.figures import DisplayContext, Sources, figures
from agents.dashboard.lag_trend import EVERY_S, WINDOW_S, Trends
from agents.dashboard.read_model import ReadModel
from agents.ops.dead_letters import OpenDeadLetters
from agents.ops.lag import LagWatcher
from events.client import Reader, Record, require_topics
from events.client.errors import BrokerUnreachable, KafkaFailure, NotAllowed
from events.codec.messages import complaint_key
from events.errors import Undecodable
from events.topics import STAGES, TopicName

log = structlog.get_logger()

_EVERY_S: Final = 1.0
_QUIET_S: Final = 10.0
"""Figures go out so often even if no record came: deadlines draw nearer all the same."""
_POLL_S: Final = 0.25
_AGAIN_S: Final = 5.0
_GOODBYE_S: Final = 1.0
_RECORDS: Final = "records"
_LAG: Final = "lag"
ASK_AGAIN_S: Final = 60.0
UNREACHABLE: Final = "unreachable"
REFUSED: Final = "refused"


class Projector:
    """Follows complaints.state and the dead letters, and looks at the lag from time to time.

    What the broker does not let us see besides complaints.state is left out, and the rest shown.

    Args:
        settings: which environment.
        context: what the policy tells.
        publish: is given the figures whenever there are new ones, in one of the threads.
        failed: is given what ended one of the threads, if it was not to end.
        ask_again_s: how often it looks whether it may see the lag by now, in seconds.
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
        self._letters_allowed = True
        self._foreign = 0
        self._troubles: dict[str, str | None] = {_RECORDS: None, _LAG: None}
        self._published = 0.0
        self._changed = threading.Event()
        self.sources = Sources()
        self.read_model = ReadModel()
        self._threads = [
            threading.Thread(target=self.run, args=(what,), name=name, daemon=True)
            for name, what in (("board-feed", self._follow), ("board-lag", self._follow_lag))
        ]

    def start(self) -> None:
        """Begin to read.

        Raises:
            BrokerUnreachable, KafkaRefused, TopicsMissing: complaints.state cannot be read.
        """
        require_topics(self._settings, [TopicName.STATE])
        try:
            require_topics(self._settings, [TopicName.DEAD_LETTERS])
        except NotAllowed as error:
            self._letters_allowed, self.sources.letters = False, None
            log.warning("dead_letters_hidden", reason=str(error))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop reading; wait for it a moment, but not for a Kafka that does not answer."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_GOODBYE_S)

    def run(self, what: Callable[[], None]) -> None:
        """Do what a thread is for; a mistake of ours ends it, and is not to leave a page behind that stands still."""
        try:
            what()
        except Exception as error:  # noqa: BLE001 -- handed to whoever serves the page, who ends with it
            self._failed(error)

    def _follow(self) -> None:
        """Read the topics from their beginning and on and on; once more from the beginning after any trouble."""
        while not self._stopping.is_set():
            try:
                self._read()
            except KafkaFailure as error:
                self.report_failure(_RECORDS, error)
                self._publish_if_due()
                self._stopping.wait(_AGAIN_S)

    def _read(self) -> None:
        read_model, letters = ReadModel(), OpenDeadLetters()
        topics = [TopicName.STATE, *([TopicName.DEAD_LETTERS] if self._letters_allowed else [])]
        self.sources.unreadable = self._foreign = 0
        with Reader(self._settings, topics) as reader:
            if self.sources.reading:  # there is nothing older to show meanwhile
                self.read_model = read_model
            for record in reader.to_end():
                if self._stopping.is_set():
                    return
                self._apply(read_model, letters, [record])
                self._note_foreign(reader)
                self._publish_if_due()
            self.read_model, self.sources.reading = read_model, False
            self.report_recovery(_RECORDS)
            self._changed.set()
            log.info("board_ready", complaints=len(read_model))
            while not self._stopping.is_set():
                self._publish_if_due()
                self._apply(read_model, letters, reader.poll(_POLL_S))
                self._note_foreign(reader)

    def _note_foreign(self, reader: Reader) -> None:
        if new := reader.foreign - self._foreign:
            self._foreign = reader.foreign
            self.sources.unreadable += max(new, 0)
            log.warning("foreign_records", count=reader.foreign, next="see AlurForeignRecords in the runbook")

    def _apply(self, read_model: ReadModel, letters: OpenDeadLetters, records: Iterable[Record]) -> None:
        for record in records:
            self._changed.set()
            if record.topic is TopicName.DEAD_LETTERS:
                letters.add(record)
            else:
                self._project(read_model, record)
        # read once more, they count as soon as the complaints do
        if self._letters_allowed and read_model is self.read_model:
            self.sources.letters = letters.by_reason

    def _project(self, read_model: ReadModel, record: Record) -> None:
        try:
            key = complaint_key(record.key)
        except Undecodable:
            return  # announced holidays lie here too, under a key of their own
        if record.value is None:
            read_model.forget(key)
            return
        try:
            read_model.put(key, read_row(record.value))
        except Undecodable:
            self.sources.unreadable += 1
            log.warning("snapshot_unreadable", partition=record.partition, offset=record.offset)

    def _publish_if_due(self) -> None:
        if time.monotonic() - self._published < (_EVERY_S if self._changed.is_set() else _QUIET_S):
            return
        self._changed.clear()
        moment = datetime.now(UTC)
        self.read_model.advance_to(int(moment.timestamp()))
        self._publish(figures(self.read_model, self.sources, moment, self._context))
        self._published = time.monotonic()

    def _follow_lag(self) -> None:
        """Look at the lag on and on; while we may not see it, whether Kafka is there, and now and then once more."""
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
                self._stopping.wait(_AGAIN_S)

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
        """Take in that the records, or the lag, cannot be read for now."""
        found = UNREACHABLE if isinstance(error, BrokerUnreachable) else REFUSED
        if self._troubles[where] != found:
            log.warning("kafka_trouble", reason=str(error))
        # the line itself may name machines: it goes to the log, and not to whoever looks at the page
        self._troubles[where] = found
        self._update_trouble()
        self._changed.set()

    def report_recovery(self, where: str) -> None:
        """Take in that they can be read."""
        self._troubles[where] = None
        self._update_trouble()

    def _update_trouble(self) -> None:
        # each thread speaks for itself: that the lag can be seen says nothing of records that cannot be read
        self.sources.trouble = self._troubles[_RECORDS] or self._troubles[_LAG]
