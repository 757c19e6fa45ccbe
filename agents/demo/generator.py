"""Makes up reports of Indonesian citizens, and what the people around each of them will do.

The same seed and day make the same reports. Among them are incomplete ones, some that are delivered twice, some that
repeat what a neighbour has reported, anonymous and secret ones, some sent to an office that is not competent, and some
that are not for the administration at all.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import Enum, auto
from itertools import islice
from random import Random
from typing import Any, Final

from agents.demo import phrases
from agents.demo.report_text import ReportWriter
from agents.demo.scripts import Conduct, OfficeConduct, Script, drawn, pick
from events.reports import ReportData, ReportSubmitted
from events.vocabulary import ArchiveReason, ComplaintClass
from workflow.policy.offices import Directory, Level, Office


class Kind(Enum):
    """What is special about a report."""

    ORDINARY = auto()
    EMPTY = auto()
    """A title without a text."""
    TOO_SHORT = auto()
    NO_PLACE = auto()
    UNTITLED = auto()
    """A phone message."""
    NEIGHBOUR = auto()
    """What somebody else has reported already."""
    CHOSEN = auto()
    """Sent to an office of the reporter's choice, the competent one."""
    WRONG_OFFICE = auto()
    OUT_OF_SCOPE = auto()
    ELSEWHERE = auto()
    """From where no office is known."""


_KINDS: Final = {
    Kind.ORDINARY: 56,
    Kind.EMPTY: 4,
    Kind.TOO_SHORT: 4,
    Kind.NO_PLACE: 4,
    Kind.UNTITLED: 4,
    Kind.NEIGHBOUR: 7,
    Kind.CHOSEN: 6,
    Kind.WRONG_OFFICE: 6,
    Kind.OUT_OF_SCOPE: 5,
    Kind.ELSEWHERE: 4,
}
_CHANNELS: Final = {"sms": 22, "web": 34, "app": 28, "x": 8, "walk-in": 8}
_TOPICS: Final = {topic: topic.weight for topic in phrases.TOPICS}
_REDELIVERED: Final = 0.06
_ANONYMOUS: Final = 0.18
_SECRET: Final = 0.1
_VAGUE: Final = 0.7
"""Share of the neighbours who do not say where it is."""
_PLACELESS: Final = 0.3
"""Share of those who choose an office and say no place: the office is as good."""
_PING_PONG: Final = 0.3
_LATER: Final = 20
"""A report comes again after at most so many others."""

_Made = tuple[dict[str, Any], dict[str, Any]]
"""The fields of a report, and what is special in its script."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A report as a channel delivers it."""

    report: ReportSubmitted
    kind: Kind
    script: Script
    again: bool = False
    """Delivered before: the same source and id."""

    @property
    def raw(self) -> bytes:
        """The bytes that are published."""
        return self.report.model_dump_json(by_alias=True, exclude_none=True).encode()


class Generator:
    """Makes reports up, one after the other, for the offices of `directory` as they are `today`."""

    def __init__(self, seed: int, directory: Directory, today: date) -> None:
        self._lots = Random(seed)  # noqa: S311 -- a demonstration, and repeatable on purpose
        self._writer = ReportWriter(self._lots, today)
        self._directory = directory
        self._today = today
        self._cities = [office for office in directory if office.level is Level.CITY and office.known(today)]
        self._numbers: Counter[str] = Counter()
        self._past: list[Submission] = []

    def submissions(self, count: int) -> Iterator[Submission]:
        """Give deliveries of `count` distinct reports; some of them come a second time, a little later."""
        later: list[tuple[int, Submission]] = []
        for number, submission in enumerate(islice(self._reports(), count)):
            yield submission
            if self._lots.random() < _REDELIVERED:
                later.append((number + self._lots.randint(1, _LATER), replace(submission, again=True)))
            yield from (repeat for when, repeat in later if when == number)
            later = [(when, repeat) for when, repeat in later if when > number]
        yield from (repeat for _, repeat in later)

    def _reports(self) -> Iterator[Submission]:
        while True:
            kind = pick(self._lots, _KINDS)
            if kind is Kind.NEIGHBOUR and not self._past:
                kind = Kind.ORDINARY
            submission = self._submission(kind, *self._made(kind))
            if kind is Kind.ORDINARY:
                self._past.append(submission)
            yield submission

    def _submission(self, kind: Kind, fields: dict[str, Any], special: dict[str, Any]) -> Submission:
        lots = self._lots
        channel = "sms" if kind is Kind.UNTITLED else pick(lots, _CHANNELS)
        self._numbers[channel] += 1
        name = f"{channel}-{self._numbers[channel]:06d}"
        data = ReportData(
            **{"class_": ComplaintClass.COMPLAINT, **fields},
            anonymous=lots.random() < _ANONYMOUS,
            secret=lots.random() < _SECRET,
            reporter=self._writer.reporter(name),
        )
        report = ReportSubmitted(
            specversion="1.0",
            type=ReportSubmitted.TYPE,
            source=f"/channels/{channel}",
            id=name,
            time=datetime.combine(self._today, time(), UTC),
            data=data,
        )
        script = drawn(lots, name)
        return Submission(report, kind, replace(script, **special))

    def _made(self, kind: Kind) -> _Made:
        topic = pick(self._lots, _TOPICS)
        city = self._lots.choice(self._cities)
        match kind:
            case Kind.NEIGHBOUR:
                return self._neighbour()
            case Kind.CHOSEN:
                return self._chosen(topic, city)
            case Kind.WRONG_OFFICE:
                return self._wrong_office(topic, city)
            case Kind.OUT_OF_SCOPE:
                special = {"desk": OfficeConduct.ARCHIVES, "reason": ArchiveReason.OUT_OF_SCOPE}
                return self._writer.out_of_scope(), special
            case Kind.ELSEWHERE:
                return self._writer.from_elsewhere(topic), {}
            case _:
                return self._writer.report(topic, city) | self._lacking(kind), {}

    def _lacking(self, kind: Kind) -> dict[str, Any]:
        match kind:
            case Kind.EMPTY:
                return {"body": ""}
            case Kind.TOO_SHORT:
                return {"body": self._lots.choice(phrases.TOO_SHORT)}
            case Kind.NO_PLACE:
                return {"location": None}
            case Kind.UNTITLED:
                return {"title": "", "category": None}
            case _:
                return {}

    def _neighbour(self) -> _Made:
        original = self._lots.choice(self._past).report
        told = ("class_", "title", "body", "category", "location", "event_date")
        fields = {name: getattr(original.data, name) for name in told}
        if self._lots.random() < _VAGUE:
            fields["location"] = None
        special = {
            "desk": OfficeConduct.ARCHIVES,
            "reason": ArchiveReason.DUPLICATE,
            "duplicate_of": original.complaint_id,
        }
        return fields, special

    def _chosen(self, topic: phrases.Topic, city: Office) -> _Made:
        fields = self._writer.report(topic, city)
        fields["office"] = self._competent(topic, city)[0]
        if self._lots.random() < _PLACELESS:
            fields["location"] = None
        return fields, {}

    def _wrong_office(self, topic: phrases.Topic, city: Office) -> _Made:
        competent = self._competent(topic, city)
        others = [unit for unit in self._directory.units_below(city.id) if unit not in competent]
        wrong = self._lots.choice(others)
        again = self._lots.random() < _PING_PONG
        special = {"conduct": Conduct.RETURNS_AGAIN if again else Conduct.RETURNS}
        return self._writer.report(topic, city) | {"office": wrong}, special

    def _competent(self, topic: phrases.Topic, city: Office) -> list[str]:
        return self._directory.candidates(topic.category, city.province, city.city, self._today)
