"""Names that the site may publish: those in the offices file, since channels write places and categories freely."""

from collections import defaultdict

from agents.mirror.stores import Reading
from workflow.policy import place_names
from workflow.policy.offices import slug_of, topic_of
from workflow.policy.place_names import City


class KnownNames:
    """Provinces, cities and categories of the offices in a mirror; others are published as unknown."""

    def __init__(self, reading: Reading) -> None:
        self._provinces: dict[str, str] = {}
        self._cities: defaultdict[str, list[tuple[City, str]]] = defaultdict(list)
        self._topics: set[str] = set()
        for province, city, categories in reading.rows("SELECT DISTINCT province, city, categories FROM offices"):
            self._topics.update((categories or "").split())
            if province:
                self._provinces.setdefault(place_names.province(province), province)
            if province and city:
                self._cities[place_names.province(province)].append((place_names.city(city), city))

    def place(self, province: str | None, city: str | None) -> tuple[str | None, str | None]:
        """Return a province and one of its cities as spelled by the offices; None for unknown ones."""
        named = place_names.province(province or "")
        city_name = place_names.city(city or "")
        spellings = {written for known, written in self._cities.get(named, ()) if city_name.may_be(known)}
        return self._provinces.get(named), spellings.pop() if len(spellings) == 1 else None

    def category(self, category: str | None) -> str | None:
        """Return the topic of the offices that is the category or a parent of it."""
        return topic_of(slug_of(category or ""), self._topics)
