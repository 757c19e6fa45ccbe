"""One reading of a policy names every mistake of every kind, in the file and in its offices, and no consequence."""

import tomllib
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agents.cli.app import application
from tests.unit.policy.test_policy import OFFICES, version
from workflow.policy.document import parse_policies
from workflow.policy.model import PolicyError

POLICY = """
nmae = "ours"
name = "ours"
offices = "offices.toml"

[calendar]
removed = ["soon", 2026-09-08]
[calendar.extra]
2026-09-08 = "Election"

[[versions]]
effective_from = 2025-01-01
machine = ["verfy", "dispose", "decide"]
laddr = ["superior"]
return_limit = "two"
national = "panrbb"
national_zone = "Asia/Jakrta"
hours = "8-16"
settlement_pauses_in = ["postponed", "asleep", "closed"]
[versions.clocks]
verification = "3 workingdays"
completion = "30 days"
folow_up = "5 working days"
citizen_reply = 10
escalation = "2 working days"
[versions.settlement]
complaint = "14 working days"
complaint_inspection = "60 working day"
aspirations = "5 working days"
[versions.warn]
settlment = 0.5
[versions.extension]
day = "1 working day"
max_days = 0
max_times = 1

[[versions]]
effective_from = 2026-01-01
based_on = 2025-01-02
[versions.clocks]
follow_up = "soon"

[[versions]]
effective_from = 2026-02-01
based_on = 2025-01-01
ladder = ["superior", "natinal", "bali", "atlantis"]
[[versions.overrides]]
level = "unit"
source = 5
clocks = { settlement = "3 days" }
[[versions.overrides]]
categori = "pasar"
ladder = ["bal"]
[[versions.overrides]]
category = "pasar"

[[versions]]
effective_from = 2026-02-01
based_on = 2025-01-01
"""
NAMED = [
    "{policy}: nmae: unknown key; did you mean name?",
    "{policy}: calendar.removed[0]: must be a day such as 2026-11-30, not 'soon'",
    "{policy}: calendar: 2026-09-08 is both added to the calendar and removed from it",
    '{policy}: version 2025-01-01: clocks.verification: "3 workingdays" is not a duration',
    "{policy}: version 2025-01-01: clocks.citizen_reply: 10 is not a duration of some length",
    "{policy}: version 2025-01-01: clocks.folow_up: unknown key; did you mean follow_up?",
    "{policy}: version 2025-01-01: settlement.aspirations: 'aspirations' is unknown; did you mean aspiration?",
    "{policy}: version 2025-01-01: settlement_pauses_in[1]: 'asleep' is unknown (use one of registered, ",
    "{policy}: version 2025-01-01: warn.settlment: 'settlment' is unknown; did you mean settlement?",
    '{policy}: version 2025-01-01: national_zone: must be a time zone such as "Asia/Jakarta"',
    "{policy}: version 2025-01-01: machine[0]: 'verfy' is unknown; did you mean verify?",
    "{policy}: version 2025-01-01: machine[2]: 'decide' is unknown (use one of verify, postpone, dispose, archive)",
    "{policy}: version 2025-01-01: return_limit: must be a whole number, not 'two'",
    "{policy}: version 2025-01-01: extension.max_days: must be greater than or equal to 1, not 0",
    '{policy}: version 2025-01-01: hours: "8-16" are not office hours',
    '{policy}: version 2025-01-01: national: there is no office "panrbb"; did you mean panrb?',
    "{policy}: version 2025-01-01: laddr: unknown key; did you mean ladder?",
    "{policy}: version 2025-01-01: settlement: no time to settle for information_request",
    "{policy}: version 2025-01-01: settlement_pauses_in: closed: the time to settle has ended by then",
    "{policy}: version 2026-01-01: based_on: no version above it takes effect on 2025-01-02 (there are 2025-01-01)",
    '{policy}: version 2026-01-01: clocks.follow_up: "soon" is not a duration',
    '{policy}: version 2026-02-01: ladder[1]: there is no office "natinal"; did you mean national?',
    '{policy}: version 2026-02-01: ladder[3]: there is no office "atlantis"',
    "{policy}: version 2026-02-01: overrides[0].source: must be text in quotes, not 5",
    '{policy}: version 2026-02-01: overrides[1].ladder[0]: there is no office "bal"; did you mean bali?',
    "{policy}: version 2026-02-01: overrides[1].categori: unknown key; did you mean category?",
    "{policy}: version 2026-02-01: overrides[0]: the one of level=unit sets settlement, which starts before",
    "{policy}: version 2026-02-01: overrides[2]: the one of category=pasar sets neither a clock nor the ladder",
    "{policy}: version 2026-02-01: effective_from: two versions take effect on 2026-02-01",
    "{offices}: office \"jawa-timur\": level: 'provins' is unknown; did you mean province?",
    '{offices}: office "malang": there is no office "jawa-timurr" to be its parent; did you mean jawa-timur?',
]
PLACES = """
[[offices]]
id = "panrb"
name = "PANRB"
level = "national"
zone = "Asia/Jakarta"
[[offices]]
id = "bali"
name = "Bali"
level = "province"
parent = "panrb"
province = "Bali"
[[offices]]
id = "jawa-timur"
name = "Jawa Timur"
level = "provins"
parent = "panrb"
[[offices]]
id = "surabaya"
name = "Surabaya"
level = "city"
parent = "jawa-timur"
city = "Surabaya"
[[offices]]
id = "malang"
name = "Malang"
level = "city"
parent = "jawa-timurr"
city = "Malang"
"""


def test_one_run_names_every_mistake(tmp_path: Path) -> None:
    policy, offices = tmp_path / "ours.toml", tmp_path / "offices.toml"
    policy.write_text(POLICY, encoding="utf-8")
    offices.write_text(PLACES, encoding="utf-8")
    result = CliRunner(env={"NO_COLOR": "1", "TERM": "dumb"}).invoke(application(), ["policy", "check", str(policy)])
    lines = result.stderr.replace("alur: ", "").splitlines()
    expected = [each.format(policy=policy, offices=offices) for each in NAMED]
    assert result.exit_code == 1
    unnamed = [each for each in expected if sum(line.startswith(each) for line in lines) != 1]
    consequences = [line for line in lines if not line.startswith(tuple(expected))]
    assert (unnamed, consequences) == ([], [])


def mistakes(*versions: dict[str, Any]) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        parse_policies({"name": "test", "versions": list(versions)}, OFFICES)
    return [each.removeprefix("version 2025-01-01: ") for each in refused.value.mistakes]


def test_missing_hours_are_one_mistake() -> None:
    clocks = version()["clocks"] | {"verification": "8 working hours", "escalation": "8 working hours"}
    late = {"class": "complaint", "clocks": {"citizen_reply": "8 working hours"}}
    found = mistakes(version(clocks=clocks | {"completion": "soon"}, warn_in="working days", overrides=[late]))
    assert [each.split(" (")[0] for each in found] == [
        'clocks.completion: "soon" is not a duration',
        "hours: missing, and verification counts working hours",
    ]


def test_what_is_based_on_an_unreadable_day_is_no_mistake() -> None:
    later = {"effective_from": date(2027, 1, 1), "based_on": date(2025, 1, 1), "return_limit": 0}
    assert mistakes(version(effective_from="soon"), later) == [
        "versions[0].effective_from: must be a day such as 2026-11-30, not 'soon'",
        "version 2027-01-01: return_limit: must be greater than or equal to 1, not 0",
    ]


def test_a_day_is_not_taken_from_the_version_that_another_is_based_on() -> None:
    undated = {"based_on": date(2025, 1, 1), "return_limit": 3}
    later = {"effective_from": date(2027, 5, 1), "based_on": date(2026, 11, 30)}
    missing = ["versions[1].effective_from: missing"]
    assert mistakes(version(), undated) == missing
    assert mistakes(version(), undated, later) == missing


def test_what_would_only_have_no_effect_is_named_beside_a_mistake() -> None:
    late = {"category": "pasr", "clocks": {"citizen_reply": "8 days"}}
    units = [{"id": each, "name": each, "categories": ["pasar"]} for each in ("one", "two")]
    offices = {"offices": [OFFICES["offices"][0] | {"units": units}, OFFICES["offices"][1]]}
    with pytest.raises(PolicyError) as refused:
        parse_policies({"name": "test", "versions": [version(return_limit=0, overrides=[late])]}, offices)
    assert refused.value.mistakes[1:] == (
        'version 2025-01-01: overrides: no unit handles category "pasr": did you mean pasar?',
    )
    assert refused.value.of_offices == ('offices "one" and "two" are both competent for pasar: give one of them until',)
    parse_policies({"name": "test", "versions": [version(overrides=[late])]}, offices)


def test_an_office_that_ends_in_use_is_named_beside_a_mistake() -> None:
    ended = {"id": "mataram", "name": "Mataram", "level": "city", "parent": "bali", "city": "Mataram"}
    offices = {"offices": [*OFFICES["offices"], ended | {"until": date(2026, 6, 30)}]}
    later = {"effective_from": date(2026, 7, 1), "based_on": date(2025, 1, 1), "arbiter": "bali", "ladder": ["bali"]}

    def found(first: dict[str, Any], second: dict[str, Any]) -> tuple[str, ...]:
        with pytest.raises(PolicyError) as refused:
            parse_policies({"name": "test", "versions": [first, second]}, offices)
        return refused.value.mistakes

    ends = 'office "mataram" ends on 2026-06-30: add a version from the day after that names another'
    first = version(arbiter="mataram", ladder=["superior", "mataram"], return_limit="two")
    wrong = "version 2025-01-01: return_limit: must be a whole number, not 'two'"
    assert found(first, later) == (wrong,), "not in use any more"
    too_late = later | {"effective_from": date(2026, 8, 1)}
    assert found(first, too_late) == (
        wrong,
        f"version 2025-01-01: arbiter: {ends}",
        f"version 2025-01-01: ladder[1]: {ends}",
    )
    assert found(first, too_late | {"arbiter": "mataram"})[-1] == f"version 2025-01-01: ladder[1]: {ends}"
    assert found(first, later | {"effective_from": "soon"})[0] == wrong


def test_contradictions_of_sound_offices_are_named_beside_a_mistake_of_others() -> None:
    units = [{"id": each, "name": each, "categories": ["pasar"]} for each in ("one", "two")]
    astray = {"id": "astray", "name": "Astray", "level": "city", "parent": "balii", "city": "Astray", "units": units}
    below = [{"id": f"{each}-of", "name": each, "categories": ["pasar"]} for each in ("one", "two")]
    national, bali = OFFICES["offices"]
    offices = {"offices": [national, bali | {"until": date(2026, 6, 30), "units": below}, astray]}
    with pytest.raises(PolicyError) as refused:
        parse_policies({"name": "test", "versions": [version(arbiter="bali")]}, offices)
    ends = 'office "bali" ends on 2026-06-30: add a version from the day after that names another'
    assert refused.value.mistakes == (f"version 2025-01-01: arbiter: {ends}",)
    assert refused.value.of_offices == (
        'office "astray": there is no office "balii" to be its parent; did you mean bali?',
        'offices "one-of" and "two-of" are both competent for pasar: give one of them until',
    )


@pytest.mark.parametrize("key", ["name", "province"])
def test_blank_text_of_an_office_is_a_mistake(key: str) -> None:
    national, bali = OFFICES["offices"]
    with pytest.raises(PolicyError) as refused:
        parse_policies({"name": "test", "versions": [version()]}, {"offices": [national, bali | {key: "  "}]})
    assert refused.value.of_offices == (f"office \"bali\": {key}: must not be empty, not '  '",)


def test_a_blank_source_is_a_mistake() -> None:
    assert mistakes(version(sources={"follow_up": " "})) == ["sources.follow_up: must not be empty, not ' '"]


def test_hours_that_an_unknown_base_may_have_are_not_missing() -> None:
    late = {"class": "complaint", "clocks": {"citizen_reply": "8 working hours"}}
    unknown = {"effective_from": date(2027, 1, 1), "based_on": date(2024, 1, 1), "overrides": [late]}
    assert mistakes(version(), unknown) == [
        "version 2027-01-01: based_on: no version above it takes effect on 2024-01-01 (there are 2025-01-01)"
    ]


def test_without_readable_offices_no_reference_is_unknown() -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policies({"name": "test", "versions": [version(arbiter="atlantis")]}, None, ["cannot be read"])
    assert (refused.value.mistakes, refused.value.of_offices) == ((), ("cannot be read",))


def places(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in parts for place in places(part, *path, key))]


PACKAGED = Path(__file__).parents[3] / "workflow" / "policy"
READ = {name: tomllib.loads((PACKAGED / name).read_text(encoding="utf-8")) for name in ("demo.toml", "offices.toml")}
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, 5, -1.5, "", " ", "x", "panrb", "bali", "8 working hours", "10 days", True, [], {}, [[]], [{}]]
)


@given(st.lists(st.tuples(st.sampled_from([(name, *place) for name in READ for place in places(READ[name])[1:]]), ODD)))
def test_any_mistakes_are_lines(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    documents = deepcopy(READ)
    for path, odd in changes:
        whole: Any = documents
        for step in path[:-1]:
            whole = whole[step] if (step,) in places(whole) else None
        if (path[-1],) in places(whole):
            whole[path[-1]] = odd
    try:
        parse_policies(documents["demo.toml"], documents["offices.toml"])
    except PolicyError as error:
        lines = [*error.mistakes, *error.of_offices]
        assert len(set(lines)) == len(lines) > 0
        assert not any("\n" in line for line in lines)
