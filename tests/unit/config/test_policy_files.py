"""A mistake in a policy file is named with its file and field."""

from pathlib import Path

import pytest

from agents.config.policy_files import load, packaged
from workflow.policy.model import PolicyError

LAPOR = (Path(__file__).parents[3] / "workflow" / "policy" / "lapor.toml").read_text(encoding="utf-8")
OFFICES = (Path(__file__).parents[3] / "workflow" / "policy" / "offices.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('follow_up = "5 working days"', 'follow_up = "5 workingdays"', "version 2025-01-01: clocks.follow_up"),
        ('["postponed", "followed_up"]', '["postponed", "verified"]', "version 2025-01-01: settlement_pauses_in"),
        ('"superior", "national", "ombudsman"', '"superior", "atlantis"', "version 2025-01-01: ladder[1]"),
        ('arbiter = "panrb"', 'arbiter = "atlantis"', "version 2025-01-01: arbiter"),
        ("max_times = 1", "max_times = -1", "version 2025-01-01: extension.max_times"),
        ('name = "lapor"', 'name = "Lapor!"', "name"),
    ],
)
def test_a_mistake_has_its_file_and_its_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert old in LAPOR
    text = LAPOR.replace(old, new, 1)
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(str(own))
    assert str(caught.value).startswith(f"{own}: {field}: ")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    text = LAPOR.replace('completion = "30 days"', "# none", 1)
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(str(own))
    assert str(caught.value) == f"{own}: version 2025-01-01: clocks.completion: missing"


def test_a_mistake_in_the_offices_names_their_file(tmp_path: Path) -> None:
    own, offices = tmp_path / "own.toml", tmp_path / "offices.toml"
    own.write_text('offices = "offices.toml"\n' + LAPOR, encoding="utf-8")
    text = OFFICES.replace('parent = "bali"', 'parent = "balli"', 1)
    assert text != OFFICES
    offices.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(str(own))
    assert str(caught.value).startswith(f'{offices}: office "')
    assert "balli" in str(caught.value)


def test_the_packaged_policies_have_none() -> None:
    for name in packaged():
        load(name)
