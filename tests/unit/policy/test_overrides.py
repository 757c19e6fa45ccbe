"""Overrides of a policy: precedence, mistakes, and warnings about those without effect."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.config.policy_files import load
from agents.runtime.policy_digests import VERSION, described
from events.vocabulary import ClockName, ComplaintClass
from tests.support.tables import Rows, every
from tests.support.worlds import MONDAY
from tests.unit.policy.test_policy import policies, version
from workflow.policy.consistency import contradictions
from workflow.policy.model import PolicyError, PolicySet
from workflow.policy.offices import Level
from workflow.policy.overrides import LADDER, Override, most_specific, shadowed

CATEGORIES = ["kesehatan", "kesehatan-ibu", "pasar"]
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(CATEGORIES),
        "class": st.sampled_from(ComplaintClass),
        "level": st.sampled_from(Level),
    },
).filter(bool)


def override(**written: Any) -> Override:
    return Override.model_validate({"clocks": {"follow_up": "3 working days"}} | written)


def specificity(conditions: dict[str, Any]) -> int:
    return 8 * len(conditions.get("category", "").split("-")) * ("category" in conditions) + (
        2 * ("class" in conditions) + ("level" in conditions)
    )


@given(st.lists(CONDITIONS, unique_by=str, max_size=8), st.randoms())
def test_the_most_specific_counts_whatever_the_order(found: list[dict[str, Any]], lots: Any) -> None:
    shuffled = lots.sample(found, len(found))
    overrides = [override(**each) for each in shuffled]
    for category, kind, level in product([*CATEGORIES, "kesehatanan", None], ComplaintClass, [None, *Level]):
        meets = [
            each
            for each in found
            if ("category" not in each or f"{category}-".startswith(f"{each['category']}-"))
            and each.get("class", kind) is kind
            and each.get("level", level) is level
        ]
        expected = max(meets, key=specificity, default=None)
        counts = most_specific(overrides, ClockName.FOLLOW_UP, category, kind, level)
        assert counts == (override(**expected) if expected else None)


def test_each_rule_is_looked_up_by_itself() -> None:
    wide = override(category="pasar", ladder=["national"], clocks={"escalation": "1 working day"})
    narrow = override(category="pasar", **{"class": "complaint"})
    case = "pasar", ComplaintClass.COMPLAINT, None
    assert most_specific([narrow, wide], ClockName.FOLLOW_UP, *case) is narrow
    assert most_specific([narrow, wide], LADDER, *case) is wide
    assert most_specific([narrow, wide], ClockName.VERIFICATION, *case) is None


def test_a_category_is_compared_as_the_offices_write_it() -> None:
    assert override(category="kesehatan-ibu").holds_for("Kesehatan Ibu", ComplaintClass.COMPLAINT, None)


FOLLOW_UP = {"follow_up": "3 working days"}


@every(
    Rows(
        [
            ([{"clocks": FOLLOW_UP}], "one is for no category, class or level"),
            ([{"category": "pasar"}], "the one of category=pasar sets neither a clock nor the ladder"),
            (
                [{"level": "unit", "clocks": {"settlement": "3 days"}}],
                "level=unit sets settlement, which starts before",
            ),
            ([{"level": "unit", "clocks": FOLLOW_UP}] * 2, "two of level=unit set follow_up: keep one"),
            ([{"class": "complain", "clocks": FOLLOW_UP}], "overrides[0].class"),
            ([{"categori": "pasar", "clocks": FOLLOW_UP}], "unknown key; did you mean category?"),
            ([{"category": "pasar", "clocks": {"lunch": "1 hour"}}], "overrides[0].clocks.lunch"),
            ([{"category": "pasar", "clocks": {"follow_up": "soon"}}], "overrides[0].clocks.follow_up: "),
            ([{"category": "pasar", "ladder": []}], "overrides[0].ladder"),
            ([{"category": "pasar", "ladder": ["atlantis"]}], 'overrides[0].ladder[0]: there is no office "atlantis"'),
            (
                [{"category": "pasar", "clocks": {"citizen_reply": "8 working hours"}}],
                "the one of category=pasar: hours: missing, and citizen_reply counts working hours",
            ),
        ]
    )
)
def test_a_mistake_is_named(overrides: list[dict[str, Any]], mistake: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policies(version(overrides=overrides))
    assert mistake in str(caught.value)


def test_what_has_no_effect_is_named() -> None:
    shadow = [
        {"level": "unit", "clocks": {**FOLLOW_UP, "escalation": "1 working day"}},
        *({"class": each, "clocks": {"follow_up": "2 working days"}} for each in ComplaintClass),
        {"category": "kesehatn", "clocks": FOLLOW_UP},
    ]
    written = policies(version(overrides=shadow))
    directory = load("lapor").versions[0].directory
    versions = tuple(each.model_copy(update={"directory": directory}) for each in written.versions)
    found = list(contradictions(PolicySet("test", versions)))
    assert len(found) == 2
    assert 'no unit handles category "kesehatn": did you mean kesehatan?' in found[0]
    assert "the one of level=unit never counts for follow_up" in found[1]


def test_what_counts_in_some_case_is_not_named() -> None:
    wide, *narrow = (override(), override(category="pasar"), override(category="pasar", **{"class": "complaint"}))
    assert list(shadowed([wide.model_copy(update={"level": Level.UNIT}), *narrow])) == []


def test_the_digest_has_them_and_not_their_source() -> None:
    def digest(*overrides: dict[str, Any]) -> str:
        found = policies(version(**({"overrides": list(overrides)} if overrides else {})))
        return str(described(found, MONDAY.date())[f"{VERSION}{found.versions[0].version}"])

    some = {"category": "pasar", "clocks": FOLLOW_UP}
    assert len({digest(), digest(some), digest(some | {"class": "complaint"})}) == 3
    assert digest(some) == digest(some | {"source": "Perda 7"})


@pytest.mark.parametrize("name", ["lapor", "demo"])
def test_only_the_newest_demonstration_has_any(name: str) -> None:
    found = [each.version for each in load(name).versions if each.overrides]
    assert found == (["demo/2026-11-30"] if name == "demo" else [])
