"""`alur policy check` names offices that contradict each other, and rules with offices that have ended."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config.policy_files import load
from tests.unit.policy.test_offices import document, unit
from workflow.policy.consistency import contradictions
from workflow.policy.model import PolicySet
from workflow.policy.offices_document import parse_offices

LAST = date(2026, 3, 31)
TWIN = {"id": "ubud-2", "name": "Ubud", "level": "city", "parent": "bali", "city": "Ubud"}


def found(*more: dict[str, Any], **ubud: Any) -> list[str]:
    directory = parse_offices(document(*more, **ubud))
    versions = tuple(
        each.model_copy(update={"directory": directory, "ladder": ("superior",)}) for each in load("lapor").versions
    )
    return list(contradictions(PolicySet("lapor", versions)))


@pytest.mark.parametrize("name", ["lapor", "demo"])
def test_the_packaged_policies_have_none(name: str) -> None:
    assert list(contradictions(load(name))) == []


@pytest.mark.parametrize(
    ("more", "changes", "named"),
    [
        ((), {"since": date(2026, 4, 1), "until": LAST}, ['office "ubud": until 2026-03-31 is before since']),
        ((), {"until": LAST, "units": [unit("u", "pasar", until=date(2026, 4, 1))]}, ['office "u": until', "ubud"]),
        ((), {"units": [unit("u", "pasar"), unit("v", "pasar")]}, ['"u" and "v"', "competent for pasar"]),
        ((TWIN,), {"city": "Ubud"}, ['"ubud" and "ubud-2"', "competent for Ubud"]),
    ],
)
def test_a_contradiction_names_the_offices(more: Any, changes: dict[str, Any], named: list[str]) -> None:
    (line,) = found(*more, **changes)
    assert all(each in line for each in named)


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        ((TWIN | {"since": date(2026, 4, 1)},), {"city": "Ubud", "until": LAST}),
        ((TWIN | {"city": "Kabupaten Ubud"},), {"city": "Kota Ubud"}),
        ((), {"units": [unit("u", "pasar", until=LAST), unit("v", "pasar", since=date(2026, 4, 1))]}),
        ((), {"until": LAST, "units": [unit("u", "pasar", until=LAST)]}),
    ],
)
def test_what_follows_on_another_is_none(more: Any, changes: dict[str, Any]) -> None:
    assert found(*more, **changes) == []


def test_rules_are_held_against_the_offices_while_they_are_in_force(tmp_path: Path) -> None:
    packaged = Path("workflow/policy")
    offices = (packaged / "offices.toml").read_text(encoding="utf-8")
    ended = offices.replace('id = "ombudsman"', 'id = "ombudsman"\nuntil = 2026-12-31', 1)
    (tmp_path / "offices.toml").write_text(ended, encoding="utf-8")
    rules = (packaged / "lapor.toml").read_text(encoding="utf-8").replace("# offices =", "offices =", 1)
    rules = rules.replace('offices = "offices.toml"   a', 'offices = "offices.toml" # a', 1)
    policy = tmp_path / "lapor.toml"
    policy.write_text(rules, encoding="utf-8")
    result = CliRunner(env={"NO_COLOR": "1", "TERM": "dumb"}).invoke(application(), ["policy", "check", str(policy)])
    assert result.exit_code == 1
    assert 'lapor/2026-11-30: ladder[2]: office "ombudsman" ends on 2026-12-31' in result.stdout
    assert "lapor/2025-01-01" not in result.stdout.split("return limit", 1)[1]
    later = '\n[[versions]]\neffective_from = 2027-01-01\nbased_on = 2026-11-30\nladder = ["superior", "national"]\n'
    policy.write_text(rules + later, encoding="utf-8")
    result = CliRunner(env={"NO_COLOR": "1", "TERM": "dumb"}).invoke(application(), ["policy", "check", str(policy)])
    assert result.exit_code == 0, result.output
