"""A subscriber's side: the present, and then whatever happens, once each.

Nothing is remembered on the broker. A subscriber keeps, in one transaction with what it made of a batch, the positions
that the batch gives it, and hands them back when it starts again: so each record has its effect exactly once, whenever
the subscriber may have died.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from events.announcements import CALENDAR_KEY
from events.client.administration import admin_client
from events.client.connection import require_topics
from events.client.errors import KafkaFailure, KafkaRefused
from events.client.reader import Reader, Record
from events.client.settings import ClientSettings
from events.cloudevents import Envelope
from events.codec.messages import decode_fact, decode_snapshot
from events.codec.parsing import read_ours
from events.errors import Undecodable
from events.facts import Recorded
from events.outcomes import Resolution, ResolutionEvent
from events.snapshot import Complaint
from events.topics import TopicName

_WAIT_S: Final = 0.5
# longer than the broker lets a transaction stay open that its writer has left behind
_TRANSACTION_S: Final = 120.0

Positions = Mapping[int, int]
"""Where to go on in a topic: the offset of the next record, by partition."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that is none of the contract: somebody wrote where only stages may."""

    topic: TopicName
    partition: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class PublishedResolution:
    """What the public may know of a settled complaint, as of its version `sequence`: the highest one counts."""

    complaint_id: str
    sequence: int
    at: datetime
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class ResolutionBatch:
    """Some resolutions, and the positions to keep with what came of them."""

    resolutions: tuple[PublishedResolution, ...]
    positions: Positions
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplaintBatch:
    """Complaints as they stand, or facts; and the positions to keep with what came of them."""

    present: tuple[Complaint, ...]
    """To put in place of what is known of these complaints."""
    facts: tuple[Recorded, ...]
    """Each follows on what is known of its complaint, by a version that is one higher."""
    positions: Positions
    unread: tuple[Unread, ...] = ()


class _Followed:
    """One topic, read on from where a subscriber stopped."""

    def __init__(
        self, settings: ClientSettings, topic: TopicName, positions: Positions, partitions: Collection[int] | None
    ) -> None:
        self._topic = topic
        with ExitStack() as opening:
            self._reader = opening.enter_context(Reader(settings, [topic], partitions=partitions))
            self._go_to(settings, positions)
            opening.pop_all()  # it closes with the subscriber

    def _go_to(self, settings: ClientSettings, positions: Positions) -> None:
        starts, ends = self._reader.starts(), self._reader.ends()
        places = {place: positions.get(place[1], start) for place, start in starts.items()}
        for place, offset in places.items():
            if not starts[place] <= offset <= ends[place]:
                raise KafkaRefused(
                    f"position {offset} is not in {settings.topic(self._topic)}, partition {place[1]}, which goes from "
                    f"{starts[place]} to {ends[place]}: was the topic made anew? Then begin without positions"
                )
        self._reader.start_at(places)

    def close(self) -> None:
        self._reader.__exit__(None, None, None)

    def poll(self, seconds: float) -> list[Record]:
        return self._reader.poll(seconds)

    def to_end(self) -> Iterator[list[Record]]:
        return self._reader.polls_to(self._reader.ends())


class ResolutionFeed:
    """Follows `complaints.resolutions` from its first record, or from the positions of an earlier run.

    A context manager, for one thread. `partitions` shares the work out over several subscribers.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no, or the topic has no such positions.
        TopicsMissing: there is no such topic.
    """

    def __init__(
        self, settings: ClientSettings, positions: Positions, *, partitions: Collection[int] | None = None
    ) -> None:
        require_topics(settings, [TopicName.RESOLUTIONS])
        self._followed = _Followed(settings, TopicName.RESOLUTIONS, positions, partitions)

    def __enter__(self) -> Self:
        """Give the feed itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker."""
        self._followed.close()

    def poll(self, seconds: float = _WAIT_S) -> ResolutionBatch:
        """Return the next resolutions; none if none come within `seconds`. Raises as when it was made."""
        return _resolutions(self._followed.poll(seconds))

    def to_end(self) -> Iterator[ResolutionBatch]:
        """Give all that is there by now: for a subscriber that runs once a night."""
        return (_resolutions(records) for records in self._followed.to_end() if records)


class ComplaintFeed:
    """Gives each complaint as it stands now, and from there on every fact, without a gap or a repeat.

    Partitions without a position begin with the present. A context manager, for one thread; `partitions` shares the
    work out over several subscribers.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no, or the topic has no such positions.
        TopicsMissing: there is no such topic.
    """

    def __init__(
        self, settings: ClientSettings, positions: Positions, *, partitions: Collection[int] | None = None
    ) -> None:
        require_topics(settings, [TopicName.EVENTS, TopicName.STATE])
        self._settings = settings
        self._positions = dict(positions)
        self._partitions = partitions
        self._present: Iterator[ComplaintBatch] | None = self._load()
        self._followed: _Followed | None = None

    def __enter__(self) -> Self:
        """Give the feed itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker."""
        if self._followed is not None:
            self._followed.close()

    def poll(self, seconds: float = _WAIT_S) -> ComplaintBatch:
        """Return the next batch; an empty one if nothing comes within `seconds`. Raises as when it was made."""
        batch = self._next_present()
        return _facts(self._facts().poll(seconds)) if batch is None else batch

    def to_end(self) -> Iterator[ComplaintBatch]:
        """Give all that is there by now: the present if it is not known yet, else the facts since."""
        while (batch := self._next_present()) is not None:
            yield batch
        yield from (_facts(records) for records in self._facts().to_end() if records)

    def _next_present(self) -> ComplaintBatch | None:
        """Return the next of the present, None once it is known; after a failure it begins anew where that left it."""
        if self._present is None:
            return None
        try:
            batch = next(self._present, None)
        except KafkaFailure:
            # a generator that has raised is over: taken for the end of the present, it would leave out the rest of it
            self._present = self._load()
            raise
        if batch is None:
            self._present = None
        return batch

    def _facts(self) -> _Followed:
        if self._followed is None:
            self._followed = _Followed(self._settings, TopicName.EVENTS, self._positions, self._partitions)
        return self._followed

    def _load(self) -> Iterator[ComplaintBatch]:
        with Reader(self._settings, [TopicName.EVENTS], partitions=self._partitions) as events:
            begins = {number: end for (_, number), end in events.ends().items() if number not in self._positions}
        # Facts and snapshots are written in one transaction, but become visible partition by partition. What was
        # visible of the facts above has its snapshot before these ends, perhaps still unseen: they count open ones too.
        written = _written(self._settings, TopicName.STATE, begins)
        for number, begin in begins.items():
            yield from self._load_partition(number, begin, written[number])

    def _load_partition(self, number: int, begin: int, written: int) -> Iterator[ComplaintBatch]:
        """Give the snapshots of a partition, then what became of them while they were read.

        A transaction becomes visible partition by partition, in any order. A snapshot that has been read has its fact
        before the end of the facts as it is afterwards, perhaps still unseen: the facts are read up to that end, and no
        position lies before a fact that the present contains.
        """
        known: dict[bytes, int] = {}
        with Reader(self._settings, [TopicName.STATE], partitions=[number]) as state:
            for records in state.polls_to({(TopicName.STATE, number): written}, patience=_TRANSACTION_S):
                batch = _snapshots(records)
                known |= {UUID(each.complaint_id).bytes: each.version for each in batch.present}
                yield batch
        place = (TopicName.EVENTS, number)
        written = _written(self._settings, TopicName.EVENTS, [number])[number]
        with Reader(self._settings, [TopicName.EVENTS], partitions=[number]) as events:
            events.start_at({place: begin})
            reached = begin
            for records in events.polls_to({place: written}, patience=_TRANSACTION_S):
                batch = _facts(records)
                newer = [
                    recorded.complaint
                    for recorded in batch.facts
                    if recorded.complaint.version > known.get(UUID(recorded.complaint.complaint_id).bytes, 0)
                ]
                reached = batch.positions.get(number, reached)
                yield ComplaintBatch(tuple(newer), (), {}, batch.unread)
        self._positions[number] = reached
        yield ComplaintBatch((), (), {number: reached})


def _written(settings: ClientSettings, topic: TopicName, numbers: Collection[int]) -> dict[int, int]:
    """Return where partitions end, with what lies in open transactions."""
    asked: dict[Any, OffsetSpec] = {TopicPartition(settings.topic(topic), each): OffsetSpec.LATEST for each in numbers}
    if not asked:
        return {}
    with admin_client(settings) as client:
        found = client.list_partition_offsets(asked)
    return {partition.partition: at.offset for partition, at in found.items()}


def _positions(records: Collection[Record]) -> dict[int, int]:
    return {record.partition: record.offset + 1 for record in records}


def _unread(record: Record, error: Undecodable) -> Unread:
    return Unread(record.topic, record.partition, record.offset, error.reason)


def _resolutions(records: Collection[Record]) -> ResolutionBatch:
    found, unread = [], []
    for record in records:
        try:
            # types that are added later are passed over, as the contract has it
            if read_ours(Envelope, record.value or b"").type == Resolution.TYPE:
                event = read_ours(ResolutionEvent, record.value or b"")
                at = event.time or record.at
                found.append(PublishedResolution(str(event.subject), int(event.sequence), at, event.data))
        except Undecodable as error:
            unread.append(_unread(record, error))
    return ResolutionBatch(tuple(found), _positions(records), tuple(unread))


def _facts(records: Collection[Record]) -> ComplaintBatch:
    found, unread = [], []
    for record in records:
        try:
            found.append(decode_fact(record.value))
        except Undecodable as error:
            # types that are added later are passed over, as the contract has it
            unread += [] if error.code == "unknown-type" else [_unread(record, error)]
    return ComplaintBatch((), tuple(found), _positions(records), tuple(unread))


def _snapshots(records: Collection[Record]) -> ComplaintBatch:
    found, unread = [], []
    for record in records:
        if record.key == CALENDAR_KEY or record.value is None:
            continue
        try:
            found.append(decode_snapshot(record.value))
        except Undecodable as error:
            unread.append(_unread(record, error))
    return ComplaintBatch(tuple(found), (), {}, tuple(unread))
