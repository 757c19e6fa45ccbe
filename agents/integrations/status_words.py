"""Where a request stands in the words of others: open, over, or a word that nobody has explained."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.integrations.layouts import catalogue


@dataclass(frozen=True)
class StatusWords:
    """The table of `layouts.toml`, with the words that were explained on the command line before it."""

    open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def is_over(self, word: str) -> bool | None:
        """Tell whether nothing is left to do; None for a word that is not known."""
        said = _plain(word)
        known = catalogue().status
        for words, over in ((self.closed, True), (self.open, False), (known["closed"], True), (known["open"], False)):
            if _among(said, words):
                return over
        return None


def _among(said: str, words: Sequence[str]) -> bool:
    for word in words:
        beginning = word.removesuffix("*").strip()
        if said == _plain(beginning) or (word.endswith("*") and said.startswith(f"{_plain(beginning)} ")):
            return True
    return False


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", " ", word.casefold()).strip()
