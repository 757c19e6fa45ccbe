"""Reads what the board shows, in threads of its own, and hands over the figures at most once a second."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from agents.config.settings import Settings
from agents.dashboard.complaint_row import read_standing
from agents.dashboard.figures import Sources, Surroundings, figures
from agents.dashboard.lag_trend import EVERY_S, WINDOW_S, Trends
from agents.dashboard.read_model import Standings
from agents.ops.dead_letters import OpenLetters
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


class Feed:
    """Follows complaints.state and the dead letters, and looks at the lag from time to time.

    What the broker does not let us see besides complaints.state is left out, and the rest shown.

    Args:
        settings: which environment.
        around: what the policy tells.
        publish: is given the figures whenever there are new ones, in one of the threads.
        failed: is given what ended one of the threads, if it was not to end.
        ask_again_s: how often it looks whether it may see the lag by now, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        around: Surroundings,
        publish: Callable[[bytes], None],
        failed: Callable[[Exception], None],
        *,
        ask_again_s: float = ASK_AGAIN_S,
    ) -> None:
        self._settings = settings
        self._around = around
        self._publish = publish
        self._failed = failed
        self._ask_again_s = ask_again_s
        self._stopping = threading.Event()
        self._letters_allowed = True
        self._foreign = 0
        self._troubles: dict[str, str | None] = {_RECORDS: None, _LAG: None}
        self._published = 0.0
        self._news = threading.Event()
        self.sources = Sources()
        self.standings = Standings()
        self._threads = [
            threading.Thread(target=self.run, args=(what,), name=name, daemon=True)
            for name, what in (("board-feed", self._follow), ("board-lag", self._look_at_lag))
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
                self.has_trouble(_RECORDS, error)
                self._tell()
                self._stopping.wait(_AGAIN_S)

    def _read(self) -> None:
        standings, letters = Standings(), OpenLetters()
        topics = [TopicName.STATE, *([TopicName.DEAD_LETTERS] if self._letters_allowed else [])]
        self.sources.unreadable = self._foreign = 0
        with Reader(self._settings, topics) as reader:
            if self.sources.reading:  # there is nothing older to show meanwhile
                self.standings = standings
            for record in reader.to_end():
                if self._stopping.is_set():
                    return
                self._take(standings, letters, [record])
                self._note_foreign(reader)
                self._tell()
            self.standings, self.sources.reading = standings, False
            self.is_well(_RECORDS)
            self._news.set()
            log.info("board_ready", complaints=len(standings))
            while not self._stopping.is_set():
                self._tell()
                self._take(standings, letters, reader.poll(_POLL_S))
                self._note_foreign(reader)

    def _note_foreign(self, reader: Reader) -> None:
        if new := reader.foreign - self._foreign:
            self._foreign = reader.foreign
            self.sources.unreadable += max(new, 0)
            log.warning("foreign_records", count=reader.foreign, next="see AlurForeignRecords in the runbook")

    def _take(self, standings: Standings, letters: OpenLetters, records: Iterable[Record]) -> None:
        for record in records:
            self._news.set()
            if record.topic is TopicName.DEAD_LETTERS:
                letters.add(record)
            else:
                self._stand(standings, record)
        # read once more, they count as soon as the complaints do
        if self._letters_allowed and standings is self.standings:
            self.sources.letters = letters.by_reason

    def _stand(self, standings: Standings, record: Record) -> None:
        try:
            key = complaint_key(record.key)
        except Undecodable:
            return  # announced holidays lie here too, under a key of their own
        if record.value is None:
            standings.forget(key)
            return
        try:
            standings.put(key, read_standing(record.value))
        except Undecodable:
            self.sources.unreadable += 1
            log.warning("snapshot_unreadable", partition=record.partition, offset=record.offset)

    def _tell(self) -> None:
        if time.monotonic() - self._published < (_EVERY_S if self._news.is_set() else _QUIET_S):
            return
        self._news.clear()
        moment = datetime.now(UTC)
        self.standings.at(int(moment.timestamp()))
        self._publish(figures(self.standings, self.sources, moment, self._around))
        self._published = time.monotonic()

    def _look_at_lag(self) -> None:
        """Look at the lag on and on; while we may not see it, whether Kafka is there, and now and then once more."""
        again_at = 0.0
        while not self._stopping.is_set():
            try:
                if time.monotonic() >= again_at:
                    self._watch_lag()
                else:
                    self._knock()
            except NotAllowed as error:
                if self.sources.lag is not None:
                    log.warning("lag_hidden", reason=str(error), tried_again_in_s=self._ask_again_s)
                again_at, self.sources.lag = time.monotonic() + self._ask_again_s, None
                self._news.set()
                self._stopping.wait(_POLL_S)
            except KafkaFailure as error:
                self.has_trouble(_LAG, error)
                self._stopping.wait(_AGAIN_S)

    def _watch_lag(self) -> None:
        groups, trends = [self._settings.group(stage) for stage in STAGES], Trends()
        with LagWatcher(self._settings, groups, window=WINDOW_S, deadlines=False) as watcher:
            while not self._stopping.is_set():
                trends.add(watcher.sample())
                if self.sources.lag is None:
                    log.info("lag_visible")
                self.sources.lag = trends.rows()
                self.is_well(_LAG)
                self._news.set()
                self._stopping.wait(EVERY_S)

    def _knock(self) -> None:
        require_topics(self._settings, [TopicName.STATE])
        if self._troubles[_LAG] is not None:
            self.is_well(_LAG)
            self._news.set()
        self._stopping.wait(EVERY_S)

    def has_trouble(self, where: str, error: KafkaFailure) -> None:
        """Take in that the records, or the lag, cannot be read for now."""
        found = UNREACHABLE if isinstance(error, BrokerUnreachable) else REFUSED
        if self._troubles[where] != found:
            log.warning("kafka_trouble", reason=str(error))
        # the line itself may name machines: it goes to the log, and not to whoever looks at the page
        self._troubles[where] = found
        self._say_trouble()
        self._news.set()

    def is_well(self, where: str) -> None:
        """Take in that they can be read."""
        self._troubles[where] = None
        self._say_trouble()

    def _say_trouble(self) -> None:
        # each thread speaks for itself: that the lag can be seen says nothing of records that cannot be read
        self.sources.trouble = self._troubles[_RECORDS] or self._troubles[_LAG]
