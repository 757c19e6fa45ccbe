"""Default channel of a table without one: row ids are unique within a table only, so each file needs its own."""

import re
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final
from urllib.parse import quote

from agents.integrations.dates import months, weekdays
from events.cloudevents import MAX_ATTRIBUTE

_FILES: Final = "/files/"
_NUMBERS: Final = r"\d{1,4}[-_. ]?\d{1,2}[-_. ]?\d{1,4}(?:[T_ -]?\d{2}[-_.:]?\d{2}(?:[-_.:]?\d{2})?)?"
_SHORT: Final = 3
_COPY: Final = r"\(\d{1,3}\)|(?:day|hari)[-_ ]?\d{1,3}"


def source_of(file: str) -> str:
    """Return the source of the reports in a file, from its folder and name: the same each time it is submitted.

    The parts that differ between daily exports are left out of the name: a date, the name of a month or a weekday.
    """
    path = Path(file).resolve()
    name = " ".join(_days().sub(" ", path.stem).split()).strip(" -_.") or "table"
    source = f"{_FILES}{quote(path.parent.name)}/{quote(name + path.suffix)}"
    if len(source) <= MAX_ATTRIBUTE:
        return source
    return f"{_FILES}{blake2b(source.encode(), digest_size=16).hexdigest()}"


@cache
def _days() -> re.Pattern[str]:
    names = {*months(), *weekdays()}
    # a short one is a word too: sep.csv is no export of September
    long = {name for name in names if len(name) > _SHORT}
    whole, any_ = ("|".join(sorted(map(re.escape, each), key=len, reverse=True)) for each in (long, names))
    named = rf"(?:\d{{1,2}}[-_ ]?)?(?:{any_})[-_ ]?\d{{2,4}}|\d{{1,2}}[-_ ]?(?:{any_})|(?:{whole})"
    return re.compile(rf"(?<![^\W_])(?:{_NUMBERS}|{_COPY}|{named})(?![^\W_])", re.IGNORECASE)
