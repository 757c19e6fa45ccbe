"""Personal identifiers: detects where a reporter's identity is exposed, and what in a text identifies a person."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pydantic_core import from_json

from events.outcomes import Finding
from events.reports import Reporter

SHORTEST: Final = 6
"""Minimum length of a name, number or address to search for, since shorter ones occur by chance."""
OWN_WORDS: Final = frozenset({"title", "body", "edited_text", "text", "answer", "reason"})
"""Fields with free text, in which citizens may sign and officers may address them."""


def traces(reporter: Reporter) -> tuple[str, ...]:
    """Return the texts that would expose the reporter if they appeared in a message."""
    identifying = (reporter.name, reporter.phone, reporter.email)
    return tuple(each for each in identifying if each is not None and len(each) >= SHORTEST)


def exposed(raw: bytes, identifying: tuple[str, ...]) -> Iterator[str]:
    """Return the fields of a message that contain one of `identifying`, people's own words excluded.

    A value that is not JSON counts as one field, `value`.
    """
    if not any(_occurs_in(each, raw) for each in identifying):
        return
    try:
        message = from_json(raw)
    except ValueError:
        yield "value"
        return
    yield from _fields(message, "", identifying)


def _occurs_in(text: str, raw: bytes) -> bool:
    return text.encode() in raw or json.dumps(text)[1:-1].encode() in raw


def _fields(value: object, path: str, identifying: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, str):
        if any(each in value for each in identifying):
            yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in OWN_WORDS:
                yield from _fields(inner, f"{path}.{name}".lstrip("."), identifying)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, path, identifying)


@dataclass(frozen=True, slots=True)
class Identifier:
    """Part of a text that identifies a person."""

    kind: str
    text: str


_EMAIL: Final = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_SIXTEEN_DIGITS: Final = re.compile(r"(?<!\d)\d(?:[ .-]?\d){15}(?!\d)")
_REGIONS: Final = (
    *("A", "B", "D", "E", "F", "G", "H", "K", "L", "M", "N", "P", "R", "S", "T", "W", "Z"),
    *("A[ABDEG]", "B[ABDEGHKLMNP]", "D[ABCDEGHKLMNRSTW]", "E[ABD]", "K[BHTU]", "P[ABGSTY]"),
)
"""Area letters of number plates, without an official source: a scan may miss some."""
_PLATE: Final = re.compile(rf"\b(?:{'|'.join(_REGIONS)})[ -]?\d{{2,4}}[ -]?[A-Z]{{1,3}}\b", re.IGNORECASE)
_LONG_WORD: Final = re.compile(r"\w{5,}")
_WOMEN_ADD: Final = 40
"""Added to a woman's day of birth in a NIK."""


def identifiers_in(text: str, reporter: Reporter | None = None) -> Iterator[Identifier]:
    """Yield identifiers in `text`: phones, addresses, NIK, plates, and the data of `reporter`.

    It detects identifiers by their format, not people who are described in words.
    """
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415 -- takes 0.1 s, which few commands need

    yield from (Identifier("email", match[0]) for match in _EMAIL.finditer(text))
    numbers = [match[0] for match in _SIXTEEN_DIGITS.finditer(text) if _is_nik(match[0])]
    yield from (Identifier("nik", number) for number in numbers)
    phones = [match.raw_string for match in PhoneNumberMatcher(text, "ID", leniency=Leniency.VALID)]
    yield from (Identifier("phone", phone) for phone in phones)
    yield from (Identifier("plate", match[0]) for match in _PLATE.finditer(text))
    if reporter is not None:
        yield from _of_reporter(text, reporter)


def _is_nik(number: str) -> bool:
    """Check the date of birth in digits 7 to 12 of a NIK."""
    digits = _digits(number)
    day, month = int(digits[6:8]), int(digits[8:10])
    return 1 <= day % _WOMEN_ADD <= 31 and day <= _WOMEN_ADD + 31 and 1 <= month <= 12  # noqa: PLR2004 -- of a calendar


def _of_reporter(text: str, reporter: Reporter) -> Iterator[Identifier]:
    folded = text.casefold()
    if reporter.name is not None:
        for word in sorted({reporter.name.casefold(), *_LONG_WORD.findall(reporter.name.casefold())}):
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded):
                yield Identifier("reporter-name", word)
    phone = _digits(reporter.phone or "").removeprefix("62").lstrip("0")
    if reporter.phone is not None and len(phone) >= SHORTEST and phone in _digits(text):
        yield Identifier("reporter-phone", reporter.phone)
    if reporter.email is not None and reporter.email.casefold() in folded:
        yield Identifier("reporter-email", reporter.email)


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdecimal())


def counted(identifiers: Iterable[Identifier]) -> tuple[Finding, ...]:
    """Return the number of identifiers of each kind."""
    kinds = Counter(each.kind for each in identifiers)
    return tuple(Finding(kind=kind, count=count) for kind, count in sorted(kinds.items()))
