"""The parts of a policy that all workers of an installation share, and those that may differ."""

from datetime import date
from pathlib import Path

import pytest

from agents.config import policy_files
from agents.runtime.policy_digests import DayChange, additions, changed_days, changes, described, pinned, rolled_out
from workflow.policy.model import PolicySet

TODAY = date(2026, 3, 16)
LAPOR = Path("workflow/policy/lapor.toml")


@pytest.fixture
def written(tmp_path: Path) -> "Writer":
    return Writer(tmp_path)


class Writer:
    """Writes the packaged policy with changes, and its offices beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._policy = LAPOR.read_text().replace("# offices = ", "offices = ", 1)
        self._policy = "\n".join(
            'offices = "offices.toml"' if line.startswith("offices = ") else line for line in self._policy.splitlines()
        )
        self._offices = (LAPOR.parent / "offices.toml").read_text()

    def __call__(self, *, policy: str = "", offices: str = "", **replaced: str) -> PolicySet:
        text = self._policy
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        (self._folder / "policy.toml").write_text(f"{text}\n{policy}")
        (self._folder / "offices.toml").write_text(f"{self._offices}\n{offices}")
        return policy_files.load(str(self._folder / "policy.toml"))


def test_the_same_policy_changes_nothing(written: Writer) -> None:
    before, again = described(written(), TODAY), described(written(), TODAY)
    assert before == again
    assert [*changes(before, again)] == []
    assert changed_days(before, again) == []
    assert additions(before, again) == {}


def test_where_a_rule_comes_from_changes_no_decision() -> None:
    policy = policy_files.load("lapor")
    versions = (each.model_copy(update={"sources": {}}) for each in policy.versions)
    assert described(PolicySet("lapor", tuple(versions)), TODAY) == described(policy, TODAY)


def test_a_new_office_and_a_new_year_are_additions(written: Writer) -> None:
    before = described(written(), TODAY)
    office = '[[offices]]\nid = "kota-batu"\nname = "Batu"\nlevel = "city"\nparent = "jawa-timur"\ncity = "Kota Batu"\n'
    after = described(written(offices=office), date(2027, 1, 1))
    assert [*changes(before, after)] == []
    assert changed_days(before, after) == []
    added = additions(before, after)
    assert set(added) == {"office/kota-batu", "days-off/all"}
    assert set(added["days-off/all"]) == {"2025", "2026", "2027", "2028", "2029"}
    # the one before does not have it, and would send reports elsewhere
    assert [*changes({**before, **added}, before)] == ["office kota-batu is missing here"]


def test_a_changed_version_and_a_missing_office_are_named_until_they_are_rolled_out() -> None:
    policy = policy_files.load("lapor")
    before = described(policy, TODAY)
    changed = policy.versions[0].model_copy(update={"return_limit": 7})
    after = described(PolicySet("lapor", (changed, *policy.versions[1:])), TODAY)
    gone = next(key for key in after if key.startswith("office/"))
    del after[gone]
    assert [*changes(before, after)] == [
        f"office {gone.removeprefix('office/')} is missing here",
        f"policy version {policy.versions[0].version} is another here",
    ]
    settled = {**before, **rolled_out(before, after)}
    assert settled[gone] is None
    assert [*changes(settled, after)] == []


def test_a_holiday_that_moves_is_two_days_that_change(written: Writer) -> None:
    before = described(written(), TODAY)
    moved = '[calendar]\nremoved = [2026-05-01]\n[calendar.extra]\n2026-05-04 = "Hari Buruh"\n'
    after = described(written(policy=moved), TODAY)
    assert [*changes(before, after)] == []
    assert changed_days(before, after) == [
        DayChange(date(2026, 5, 1), None),
        DayChange(date(2026, 5, 4), "Hari Buruh"),
    ]
    settled = {**before, **rolled_out(before, after)}
    assert changed_days(settled, after) == []
    # all compute with the days as they were, and with what is announced
    policy = pinned(written(policy=moved), settled).versions[0]
    assert not policy.calendar.is_working_day(date(2026, 5, 1))
    assert policy.calendar.is_working_day(date(2026, 5, 4))
    assert not policy.calendar.changed(date(2026, 5, 4), "Hari Buruh").is_working_day(date(2026, 5, 4))
    assert policy.calendar == pinned(written(), settled).versions[0].calendar
    assert policy.calendar != policy_files.load("lapor").versions[0].calendar
    assert policy.calendar.named(2040) == policy_files.load("lapor").versions[0].calendar.named(2040)


@pytest.mark.parametrize(("name", "digest"), [("lapor", "91f6f260461de976"), ("demo", "b10a1af582578812")])
def test_a_version_in_use_keeps_its_digest_in_later_releases(name: str, digest: str) -> None:
    ours = described(policy_files.load(name), TODAY)
    assert ours[f"policy/{name}/2025-01-01"] == digest
    assert len({value for key, value in ours.items() if key.startswith("policy/")}) == 2
