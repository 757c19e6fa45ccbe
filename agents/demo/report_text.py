"""Writes a report as a citizen might: pieces of sentences, a place, a day, a name."""

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from agents.demo import phrases
from events.reports import Location, Reporter
from workflow.policy.offices import Office

_DATED: Final = 0.8
_TALKATIVE: Final = 0.5
_WITH_EMAIL: Final = 0.3
_OLDEST_DAYS: Final = 60


class ReportWriter:
    """Writes by lot, the same for the same lots."""

    def __init__(self, lots: Random, today: date) -> None:
        self._lots = lots
        self._today = today

    def report(self, topic: phrases.Topic, city: Office) -> dict[str, Any]:
        """Return the fields of a complete report about `topic` in `city`."""
        district = self._lots.choice(phrases.DISTRICTS.get(city.id, (city.city or city.name,)))
        return self._about(topic, district, Location(province=city.province, city=city.city, district=district))

    def from_elsewhere(self, topic: phrases.Topic) -> dict[str, Any]:
        """Return the fields of a report about `topic` in a place for which no office is known."""
        province, city = self._lots.choice(phrases.ELSEWHERE)
        return self._about(topic, city, Location(province=province, city=city))

    def _about(self, topic: phrases.Topic, district: str, location: Location) -> dict[str, Any]:
        choose = self._lots.choice
        place = f"{choose(phrases.STREETS)} {choose(phrases.SPOTS)}, {district}"
        words = {"place": place, "since": choose(phrases.SINCES)}
        return {
            "class_": topic.class_,
            "title": choose(topic.titles).format(**words),
            "body": " ".join(self._sentences(topic)).format(**words),
            "category": topic.category,
            "location": location,
            "event_date": self._day(),
        }

    def out_of_scope(self) -> dict[str, Any]:
        """Return the fields of a report that is not for the administration."""
        title, body = self._lots.choice(phrases.OUT_OF_SCOPE)
        province, city = self._lots.choice(phrases.ELSEWHERE)
        return {
            "title": title,
            "body": f"{body} {self._lots.choice(phrases.CLOSINGS)}",
            "location": Location(province=province, city=city),
            "event_date": self._day(),
        }

    def reporter(self, subject: str) -> Reporter:
        """Return somebody who does not exist."""
        lots = self._lots
        name = f"{lots.choice(phrases.GIVEN_NAMES)} {lots.choice(phrases.FAMILY_NAMES)}"
        phone = f"+62-800-{lots.randint(0, 9999):04d}-{lots.randint(0, 9999):04d}"
        email = f"{name.lower().replace(' ', '.')}@example.id" if lots.random() < _WITH_EMAIL else None
        return Reporter(name=name, phone=phone, email=email, subject=subject)

    def _sentences(self, topic: phrases.Topic) -> list[str]:
        choose = self._lots.choice
        said = [choose(phrases.GREETINGS), choose(topic.problems), choose(topic.consequences)]
        if self._lots.random() < _TALKATIVE:
            said.append(choose(topic.consequences))
        said += [choose(topic.requests), choose(phrases.CLOSINGS)]
        return list(dict.fromkeys(filter(None, said)))

    def _day(self) -> date | None:
        if self._lots.random() > _DATED:
            return None
        return self._today - timedelta(days=self._lots.randint(0, _OLDEST_DAYS))
