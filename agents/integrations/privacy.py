"""Privacy in imported files: detects privacy flags in cells, attributes and answers.

An entry with a flag that is not understood is refused, since a guess could expose a reporter.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from agents.integrations.cells import quoted
from agents.integrations.entries import Unusable
from agents.integrations.layouts import catalogue, plain

_PARTS: Final = re.compile(r"[,;/&+|]|\bdan\b|\band\b")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT: Final = re.compile(r"(^|_)(not|no|non|dont|tidak|jangan|bukan)(_|$)")
_HIDE: Final = re.compile(r"(^|_)(hide|hidden|sembunyi\w*)(_|$)")
_LISTS: Final = re.compile(r"(^|_)(flag|tag|label|marker|option|setting|preference)s?$")
"""Names of lists whose texts are names of flags that apply."""
_NAMES: Final = frozenset(
    {"code", "key", "name", "label", "description", "question", "attribute", "field", "prompt", "pertanyaan"}
)
_VALUES: Final = ("value", "values", "answer", "answers", "response", "jawaban", "selected", "choice")
_SHORT: Final = 40
"""Maximum length of a flag in characters."""
_STEMS: Final = ("anonim", "anonym", "rahasia", "confidential")
_DOUBT: Final = "doubt"


def privacy(cells: Mapping[str, str]) -> tuple[bool, bool]:
    """Return whether a report is anonymous and whether secret; raise Unusable for an unknown word."""
    anonymous, secret = _of_words("privacy", cells.get("privacy", ""))
    anonymous |= _flag("anonymous", cells.get("anonymous", ""))
    secret |= _flag("secret", cells.get("secret", ""))
    public = _flag("public", cells["public"]) if cells.get("public") else True
    # `Anonim` as a name
    return anonymous or is_no_name(cells.get("name", "")), secret or not public


def is_no_name(name: str) -> bool:
    """Check whether a name requests anonymity: `Anonim`."""
    return name.strip().casefold() in private_words()


def private_words() -> frozenset[str]:
    """Return the words that request privacy."""
    return catalogue().words["anonymous"] | catalogue().words["secret"]


def may_be_private(cell: str) -> bool:
    """Check whether a cell in lower case may request privacy in any column: `Sangat Rahasia`."""
    return len(cell) <= _SHORT and (cell in private_words() or any(stem in cell for stem in _STEMS))


def _of_words(field: str, cell: str) -> tuple[bool, bool]:
    words = catalogue().words
    words_of_cell = {part.strip().casefold() for part in _PARTS.split(cell)} - words["open_to_all"]
    if strange := words_of_cell - private_words():
        raise Unusable(f"{field}: {quoted(min(strange))} is neither Anonim nor Rahasia nor empty")
    return bool(words_of_cell & words["anonymous"]), bool(words_of_cell & words["secret"])


def _flag(field: str, cell: str, name: str = "") -> bool:
    words, word = catalogue().words, cell.strip().casefold()
    # a column for one flag may repeat its name for yes
    if word in words["yes"] or word in words.get(field, frozenset()):
        return True
    if word in words["no"]:
        return False
    raise Unusable(f"{name or field}: {quoted(cell)} is neither yes nor no")


def privacy_within(value: object, ignored: Collection[str] = (), texts: Collection[str] = ()) -> dict[str, str]:
    """Return privacy flags anywhere in a JSON value, as cells; raise Unusable for an unknown one.

    `ignored`: names to skip; `texts`: names of free text, which contains no flags.
    """
    cells: dict[str, str] = {}
    for name, kind, flag in _flags(value, frozenset(map(plain, ignored)), frozenset(texts)):
        anonymous, secret = _effect_of(name, kind, flag)
        cells |= ({"anonymous": "ya"} if anonymous else {}) | ({"secret": "ya"} if secret else {})
    return cells


def speaks_of_privacy(value: object) -> bool:
    """Check whether anything in a JSON value may concern privacy."""
    return next(_flags(value), None) is not None


_Names = frozenset[str]
_NONE: Final[_Names] = frozenset()


def _flags(value: object, ignored: _Names = _NONE, texts: _Names = _NONE) -> Iterator[tuple[str, str, object]]:
    """Yield name, kind and value of each possible privacy flag."""
    for name, inner in named_values(value, ignored):
        if kind := _kind(name):
            nested = _scalars(inner) is None and next(_flags(inner, ignored, texts), None) is not None
            if not nested:
                yield name, kind, inner
        elif isinstance(inner, str) and len(inner) <= _SHORT and "://" not in inner and plain(name) not in texts:
            for flag in map(str.strip, _PARTS.split(inner)):
                if flag.casefold() in private_words():
                    yield name, "privacy", flag
                elif _LISTS.search(plain(name)) and (kind := _kind(flag)):
                    yield flag, kind, True


def named_values(value: object, ignored: _Names = _NONE, within: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each name with its value, at any depth; texts in a list have the name of the list."""
    if isinstance(value, list):
        for each in value:
            yield from [(within, each)] if isinstance(each, str) else named_values(each, ignored, within)
        return
    if not isinstance(value, Mapping):
        return
    members = {str(name): each for name, each in value.items()}
    answers = [each for name, each in members.items() if plain(name) in _VALUES]
    called = [name for name, each in members.items() if plain(name) in _NAMES and isinstance(each, str)]
    if answers:
        if any(plain(members[name]) in ignored for name in called):
            return
        yield from ((members.pop(name), answers[0]) for name in called)
    for name, each in members.items():
        if plain(name) not in ignored:
            yield name, each
            yield from named_values(each, ignored, name)


@lru_cache(maxsize=4096)
def _kind(name: str) -> str | None:
    """Return the privacy kind of a name: `anonymous`, `secret`, `public`, `privacy`, `doubt`; None for other names."""
    patterns = catalogue().privacy_names
    parted = unicodedata.normalize("NFKD", _CAMEL.sub("_", name))
    called = patterns["none"].sub("_", plain("".join(each for each in parted if not unicodedata.combining(each))))
    kinds = {kind for kind in ("anonymous", "secret", "public", "privacy") if patterns[kind].search(called)}
    if "privacy" in kinds:
        return "privacy"
    negated = _NOT.search(called)
    personal = "anonymous" not in kinds and patterns["person"].search(called)
    if "public" in kinds and "anonymous" not in kinds and (negated or _HIDE.search(called)):
        return _DOUBT if personal else "secret"  # do_not_publish
    if len(kinds) > 1 or patterns["doubt"].search(called) or (kinds and (negated or personal)):
        return _DOUBT
    return next(iter(kinds), None)


def _effect_of(name: str, kind: str, value: object) -> tuple[bool, bool]:
    """Return whether a flag makes a report anonymous, and whether secret."""
    values = _scalars(value)
    if values == []:
        return False, False
    doubt = Unusable(f"{name}: may be about privacy, and is not understood (--ignore '{name}' leaves it out)")
    if kind == _DOUBT:
        raise doubt
    if values is None or len(set(values)) > 1:
        raise Unusable(f"{name}: is neither yes nor no")
    if kind == "privacy":
        try:
            return _of_words(name, values[0])
        except Unusable:
            raise doubt from None
    yes = _flag(kind, values[0], name)
    return kind == "anonymous" and yes, yes if kind == "secret" else kind == "public" and not yes


def _scalars(value: object) -> list[str] | None:
    """Return a value as text, or each text of a list; None for anything else."""
    if isinstance(value, list):
        parts = [_scalars(each) for each in value]
        return None if None in parts else [text for part in parts for text in part or []]
    if isinstance(value, Mapping):
        chosen = [value[part] for part in (*_VALUES, "name", "key") if part in value]
        return _scalars(chosen[0]) if chosen else None if value else []
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip().casefold()
    return [text] if text else []
