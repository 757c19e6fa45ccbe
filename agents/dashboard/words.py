"""Texts, numbers and times of the pages, in Indonesian and English."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent

LANGUAGES: Final = ("id", "en")
"""The first is the default."""
_LOCALES: Final = {"id": Locale("id"), "en": Locale("en", "GB")}  # days before months, hours up to 24
_ZONES: Final = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}


@cache
def texts(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return the texts of a language, by section."""
    folder = resources.files("agents.dashboard") / "page"
    sections: dict[str, dict[str, str]] = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
    return sections


class Words:
    """Texts of a language, and times in a zone relative to `now`."""

    def __init__(self, language: str, zone: ZoneInfo, now: datetime) -> None:
        self.language = language
        self.zone = zone
        self.now = now
        self._texts = texts(language)
        self._locale = _LOCALES[language]

    def say(self, name: str, **values: object) -> str:
        """Return a text with its placeholders filled in."""
        return self._texts["say"][name].format_map({key: "" if each is None else each for key, each in values.items()})

    def of(self, section: str, name: str | None) -> str:
        """Return the text for a name of the contract; the name itself if it is newer than the texts."""
        return self._texts[section].get(name or "", name or "")

    def names(self, section: str) -> Collection[str]:
        """Return the names that have a text in a section."""
        return self._texts[section].keys()

    def duration(self, text: str) -> str:
        """Return a duration of the policy, such as `10 working days`, as text."""
        number, _, unit = text.partition(" ")
        known = unit in self.names("unit") and number[:1].isdecimal()
        return f"{number} {self.of('unit', unit)}" if known else text

    def count(self, number: int) -> str:
        """Return a formatted number."""
        return str(format_decimal(number, locale=self._locale))

    def share(self, part: float) -> str:
        """Return a formatted percentage."""
        return str(format_percent(part, locale=self._locale))

    def day(self, day: date) -> str:
        """Return a date with its weekday."""
        return str(format_date(day, "EEE d MMM", locale=self._locale))

    def moment(self, at: datetime, zone: ZoneInfo | None = None) -> str:
        """Return a time with the name of its zone."""
        zone = zone or self.zone
        form = "d MMM yyyy HH:mm" if at.year != self.now.year else "d MMM HH:mm"
        return f"{format_datetime(at, form, tzinfo=zone, locale=self._locale)} {_ZONES.get(zone.key, zone.key)}"

    def clock_time(self, at: datetime) -> str:
        """Return the time of a day."""
        zone = _ZONES.get(self.zone.key, self.zone.key)
        return f"{format_datetime(at, 'HH:mm:ss', tzinfo=self.zone, locale=self._locale)} {zone}"

    def lately(self, at: datetime) -> str:
        """Return a past time to the second, without the date if it was today."""
        today = at.astimezone(self.zone).date() == self.now.astimezone(self.zone).date()
        return self.clock_time(at) if today else self.moment(at)

    def away(self, at: datetime) -> str:
        """Return the distance of a time from now, in its largest unit."""
        return str(format_timedelta(at - self.now, threshold=1.5, add_direction=True, locale=self._locale))

    def length(self, seconds: float) -> str:
        """Return a duration in its largest unit."""
        return str(format_timedelta(round(seconds), threshold=1.5, locale=self._locale))

    def instant(self, at: datetime) -> str:
        """Return a time for programs, in UTC."""
        return at.astimezone(UTC).isoformat(timespec="seconds")
