"""A mistake in a policy file is named with its line."""

import tomllib
from pathlib import Path

import pytest

from agents.config.policy_files import load, packaged
from agents.config.toml_positions import line_of, path_of
from workflow.policy.model import PolicyError

LAPOR = (Path(__file__).parents[3] / "workflow" / "policy" / "lapor.toml").read_text(encoding="utf-8")
OFFICES = (Path(__file__).parents[3] / "workflow" / "policy" / "offices.toml").read_text(encoding="utf-8")

TEXT = '''\
name = "x"  # line 1
"quoted key" = 1
a.b = 2
note = """
[versions.clocks]
name = 3
"""

[calendar.extra]
2026-09-08 = "Election"

[[versions]]
ladder = [
  "superior",
  "atlantis",
]
[versions.clocks]  # the first version's
follow_up = "5 days"

  [[versions]]
  [versions.clocks]
  follow_up = "6 days"
[[versions.more]]
one = 1
[[versions.more]]
one = 2
'''


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("name", 1),
        ("quoted key", 2),
        ("a.b", 3),
        ("note", 4),
        ("calendar.extra.2026-09-08", 10),
        ("calendar.extra.soon", 9),
        ("versions[0]", 12),
        ("versions[0].ladder[1]", 13),
        ("versions[0].clocks", 17),
        ("versions[0].clocks.follow_up", 18),
        ("versions[0].clocks.verification", 17),
        ("versions[0].settlement", 12),
        ("versions[1].clocks.follow_up", 22),
        ("versions[1].more[1].one", 26),
        ("nowhere", None),
        ("", None),
    ],
)
def test_the_line_of_a_key(written: str, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert line_of(TEXT, path_of(written)) == line


def line_with(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('follow_up = "5 working days"', 'follow_up = "5 workingdays"', "versions[0].clocks.follow_up"),
        ('["postponed", "followed_up"]', '["postponed", "verified"]', "versions[0].settlement_pauses_in"),
        ('"superior", "national", "ombudsman"', '"superior", "atlantis"', "versions[0].ladder[1]"),
        ('arbiter = "panrb"', 'arbiter = "atlantis"', "versions[0].arbiter"),
        ("max_times = 1", "max_times = -1", "versions[0].extension.max_times"),
        ('name = "lapor"', 'name = "Lapor!"', "name"),
    ],
)
def test_a_mistake_has_its_line_and_its_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert old in LAPOR
    text = LAPOR.replace(old, new, 1)
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(str(own))
    assert str(caught.value).startswith(f"{own}:{line_with(text, new)}: {field}: ")


def test_what_is_missing_has_the_line_of_what_it_is_missing_in(tmp_path: Path) -> None:
    text = LAPOR.replace('completion = "30 days"', "# none", 1)
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(str(own))
    assert str(caught.value).startswith(
        f"{own}:{line_with(text, '[versions.clocks]')}: versions[0].clocks.completion: "
    )


def test_a_mistake_in_the_offices_names_their_file(tmp_path: Path) -> None:
    own, offices = tmp_path / "own.toml", tmp_path / "offices.toml"
    own.write_text('offices = "offices.toml"\n' + LAPOR, encoding="utf-8")
    text = OFFICES.replace('parent = "bali"', 'parent = "balli"', 1)
    assert text != OFFICES
    offices.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(str(own))
    named = str(caught.value).split('office "', 1)[1].split('"', 1)[0]
    assert str(caught.value).startswith(f'{offices}:{line_with(text, f"id = {chr(34)}{named}{chr(34)}")}: office "')


def test_the_packaged_policies_have_none() -> None:
    for name in packaged():
        load(name)
