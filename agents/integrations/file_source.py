"""Default channel of a file, one per file, since row ids are unique only within a table."""

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
    """Return the source of the reports in a file, made from its folder and name.

    It is the same at each submission: dates and names of months or weekdays are removed, so that daily exports
    have the same source.
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
    # not short names alone: sep.csv is not an export of September
    long = {name for name in names if len(name) > _SHORT}
    whole, any_ = ("|".join(sorted(map(re.escape, each), key=len, reverse=True)) for each in (long, names))
    named = rf"(?:\d{{1,2}}[-_ ]?)?(?:{any_})[-_ ]?\d{{2,4}}|\d{{1,2}}[-_ ]?(?:{any_})|(?:{whole})"
    return re.compile(rf"(?<![^\W_])(?:{_NUMBERS}|{_COPY}|{named})(?![^\W_])", re.IGNORECASE)
