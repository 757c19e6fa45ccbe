"""Texts of citizens and officers in the demonstration, in Indonesian, from `phrases.json`.

Names, phone numbers and addresses are fictitious.
"""

from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from events.vocabulary import ComplaintClass

_Texts = tuple[str, ...]


class Topic(BaseModel):
    """A subject of reports; `{place}` stands for its location, `{since}` for its duration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str
    titles: _Texts
    problems: _Texts
    consequences: _Texts
    requests: _Texts
    answers: _Texts
    """Follow-ups of the office."""
    class_: ComplaintClass = ComplaintClass.COMPLAINT
    weight: int


class Phrases(BaseModel):
    """All texts, each list by its use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topics: tuple[Topic, ...]
    out_of_scope: tuple[tuple[str, str], ...]
    """Titles and bodies of reports that are not for the administration."""
    elsewhere: tuple[tuple[str, str], ...]
    """Provinces and cities without a competent office in the packaged directory."""
    spots: _Texts
    streets: _Texts
    sinces: _Texts
    greetings: _Texts
    closings: _Texts
    too_short: _Texts
    added: _Texts
    """Bodies of completed reports."""
    replies: _Texts
    second_answers: _Texts
    explained: _Texts
    placeholders: _Texts
    empty: _Texts
    not_ours: _Texts
    more_time: _Texts
    withdrawn: _Texts
    thanks: _Texts
    given_names: _Texts
    family_names: _Texts
    districts: dict[str, _Texts]
    """By office; reports from other cities have the city only."""


@cache
def phrases() -> Phrases:
    """Read the texts."""
    return Phrases.model_validate_json((resources.files("agents.demo") / "phrases.json").read_bytes())
