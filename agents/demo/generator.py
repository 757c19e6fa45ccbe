"""Generator of reports of Indonesian citizens, and of scripts for the people around each of them.

It is determined by seed and day. Some reports are incomplete, duplicates, redelivered, anonymous, secret, for an office
that is not competent, or out of scope.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from itertools import islice
from random import Random
from typing import Any, Final

from agents.demo.phrases import Topic, phrases
from agents.demo.scripts import Conduct, OfficeConduct, Script, drawn, pick
from events.reports import Location, ReportData, Reporter, ReportSubmitted
from events.vocabulary import ArchiveReason, ComplaintClass
from workflow.policy.offices import Directory, Level, Office


class Kind(Enum):
    """The kinds of reports."""

    ORDINARY = auto()
    EMPTY = auto()
    """A title without a body."""
    TOO_SHORT = auto()
    NO_PLACE = auto()
    UNTITLED = auto()
    """A text message."""
    NEIGHBOUR = auto()
    """A duplicate of another citizen's report."""
    CHOSEN = auto()
    """For an office of the reporter's choice, which is competent."""
    WRONG_OFFICE = auto()
    OUT_OF_SCOPE = auto()
    ELSEWHERE = auto()
    """From a place without a competent office."""


_KINDS: Final = dict(zip(Kind, (56, 4, 4, 4, 4, 7, 6, 6, 5, 4), strict=True))
"""Weights, in the order of `Kind`."""
_CHANNELS: Final = {"sms": 22, "web": 34, "app": 28, "x": 8, "walk-in": 8}
_REDELIVERED: Final = 0.06
_ANONYMOUS: Final = 0.18
_SECRET: Final = 0.1
_WITHOUT_LOCATION: Final = 0.7
"""Share of duplicates without a location."""
_PLACELESS: Final = 0.3
"""Share of reports for a chosen office without a location."""
_PING_PONG: Final = 0.3
_REDELIVERED_WITHIN: Final = 20
"""Maximum number of reports between a report and its redelivery."""
_DATED: Final = 0.8
_TALKATIVE: Final = 0.5
_WITH_EMAIL: Final = 0.3
_OLDEST_DAYS: Final = 60

_Fields = dict[str, Any]
_Generated = tuple[_Fields, _Fields]
"""The fields of a report, and changes to its script."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A report as a channel delivers it."""

    report: ReportSubmitted
    kind: Kind
    script: Script
    again: bool = False
    """A redelivery: the same source and id."""

    @property
    def raw(self) -> bytes:
        """The encoded message."""
        return self.report.model_dump_json(by_alias=True, exclude_none=True).encode()


class Generator:
    """Generates reports for the offices of `directory` as of `today`."""

    def __init__(self, seed: int, directory: Directory, today: date) -> None:
        self._lots = Random(seed)  # noqa: S311 -- must be repeatable
        self._directory = directory
        self._today = today
        self._topics = {topic: topic.weight for topic in phrases().topics}
        self._cities = [each for each in directory if each.level is Level.CITY and directory.exists_on(each.id, today)]
        self._numbers: Counter[str] = Counter()
        self._past: list[Submission] = []

    def submissions(self, count: int) -> Iterator[Submission]:
        """Yield deliveries of `count` distinct reports, some of them twice."""
        later: list[tuple[int, Submission]] = []
        for number, submission in enumerate(islice(self._reports(), count)):
            yield submission
            if self._lots.random() < _REDELIVERED:
                later.append((number + self._lots.randint(1, _REDELIVERED_WITHIN), replace(submission, again=True)))
            yield from (repeat for when, repeat in later if when == number)
            later = [(when, repeat) for when, repeat in later if when > number]
        yield from (repeat for _, repeat in later)

    def _reports(self) -> Iterator[Submission]:
        while True:
            kind = pick(self._lots, _KINDS)
            if kind is Kind.NEIGHBOUR and not self._past:
                kind = Kind.ORDINARY
            submission = self._submission(kind, *self._generated(kind))
            if kind is Kind.ORDINARY:
                self._past.append(submission)
            yield submission

    def _submission(self, kind: Kind, fields: _Fields, special: _Fields) -> Submission:
        lots = self._lots
        channel = "sms" if kind is Kind.UNTITLED else pick(lots, _CHANNELS)
        self._numbers[channel] += 1
        name = f"{channel}-{self._numbers[channel]:06d}"
        data = ReportData(
            **{"class_": ComplaintClass.COMPLAINT, **fields},
            anonymous=lots.random() < _ANONYMOUS,
            secret=lots.random() < _SECRET,
            reporter=self._reporter(name),
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

    def _generated(self, kind: Kind) -> _Generated:
        topic = pick(self._lots, self._topics)
        city = self._lots.choice(self._cities)
        match kind:
            case Kind.NEIGHBOUR:
                return self._neighbour()
            case Kind.CHOSEN:
                fields = self._report(topic, city) | {"office": self._competent(topic, city)[0]}
                return fields | ({"location": None} if self._lots.random() < _PLACELESS else {}), {}
            case Kind.WRONG_OFFICE:
                return self._wrong_office(topic, city)
            case Kind.OUT_OF_SCOPE:
                return self._out_of_scope(), {"desk": OfficeConduct.ARCHIVES, "reason": ArchiveReason.OUT_OF_SCOPE}
            case Kind.ELSEWHERE:
                province, name = self._lots.choice(phrases().elsewhere)
                return self._about(topic, name, Location(province=province, city=name)), {}
            case _:
                return self._report(topic, city) | self._lacking(kind), {}

    def _lacking(self, kind: Kind) -> _Fields:
        match kind:
            case Kind.EMPTY:
                return {"body": ""}
            case Kind.TOO_SHORT:
                return {"body": self._lots.choice(phrases().too_short)}
            case Kind.NO_PLACE:
                return {"location": None}
            case Kind.UNTITLED:
                return {"title": "", "category": None}
            case _:
                return {}

    def _neighbour(self) -> _Generated:
        original = self._lots.choice(self._past).report
        repeated = ("class_", "title", "body", "category", "location", "event_date")
        fields = {name: getattr(original.data, name) for name in repeated}
        if self._lots.random() < _WITHOUT_LOCATION:
            fields["location"] = None
        desk = {"desk": OfficeConduct.ARCHIVES, "reason": ArchiveReason.DUPLICATE}
        return fields, desk | {"duplicate_of": original.complaint_id}

    def _wrong_office(self, topic: Topic, city: Office) -> _Generated:
        competent = self._competent(topic, city)
        others = [unit for unit in self._directory.units_below(city.id) if unit not in competent]
        wrong = self._lots.choice(others)
        again = self._lots.random() < _PING_PONG
        special = {"conduct": Conduct.RETURNS_AGAIN if again else Conduct.RETURNS}
        return self._report(topic, city) | {"office": wrong}, special

    def _competent(self, topic: Topic, city: Office) -> list[str]:
        return self._directory.candidates(topic.category, city.province, city.city, self._today)

    def _report(self, topic: Topic, city: Office) -> _Fields:
        """Return the fields of a complete report about `topic` in `city`."""
        district = self._lots.choice(phrases().districts.get(city.id, (city.city or city.name,)))
        return self._about(topic, district, Location(province=city.province, city=city.city, district=district))

    def _about(self, topic: Topic, district: str, location: Location) -> _Fields:
        choose = self._lots.choice
        place = f"{choose(phrases().streets)} {choose(phrases().spots)}, {district}"
        words = {"place": place, "since": choose(phrases().sinces)}
        return {
            "class_": topic.class_,
            "title": choose(topic.titles).format(**words),
            "body": " ".join(self._sentences(topic)).format(**words),
            "category": topic.category,
            "location": location,
            "event_date": self._day(),
        }

    def _out_of_scope(self) -> _Fields:
        choose = self._lots.choice
        title, body = choose(phrases().out_of_scope)
        province, city = choose(phrases().elsewhere)
        body = f"{body} {choose(phrases().closings)}"
        location = Location(province=province, city=city)
        return {"title": title, "body": body, "location": location, "event_date": self._day()}

    def _reporter(self, subject: str) -> Reporter:
        lots = self._lots
        name = f"{lots.choice(phrases().given_names)} {lots.choice(phrases().family_names)}"
        phone = f"+62-800-{lots.randint(0, 9999):04d}-{lots.randint(0, 9999):04d}"
        email = f"{name.lower().replace(' ', '.')}@example.id" if lots.random() < _WITH_EMAIL else None
        return Reporter(name=name, phone=phone, email=email, subject=subject)

    def _sentences(self, topic: Topic) -> list[str]:
        choose = self._lots.choice
        sentences = [choose(phrases().greetings), choose(topic.problems), choose(topic.consequences)]
        if self._lots.random() < _TALKATIVE:
            sentences.append(choose(topic.consequences))
        sentences += [choose(topic.requests), choose(phrases().closings)]
        return list(dict.fromkeys(filter(None, sentences)))

    def _day(self) -> date | None:
        if self._lots.random() > _DATED:
            return None
        return self._today - timedelta(days=self._lots.randint(0, _OLDEST_DAYS))
