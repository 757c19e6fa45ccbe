"""Policies: parsing and queries."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agents.config.policy_files import load, packaged
from events.vocabulary import ClockName, ComplaintClass, Status
from tests.support.tables import Rows, every
from tests.support.worlds import World
from workflow.deadlines.durations import Duration, Unit
from workflow.policy.document import parse_policies
from workflow.policy.model import PolicyError, PolicySet, UnknownPolicy
from workflow.policy.offices import UnknownOffice

OFFICES: dict[str, Any] = {
    "offices": [
        {"id": "panrb", "name": "PANRB", "level": "national", "zone": "Asia/Jakarta"},
        {
            "id": "bali",
            "name": "Bali",
            "level": "province",
            "parent": "panrb",
            "zone": "Asia/Makassar",
            "province": "Bali",
        },
    ]
}


def version(**changes: object) -> dict[str, Any]:
    """Write the shortest version there is; ``changes`` of None take a key away."""
    whole: dict[str, Any] = {
        "effective_from": date(2025, 1, 1),
        "machine": ["dispose"],
        "ladder": ["superior", "national"],
        "return_limit": 2,
        "clocks": {
            "verification": "3 working days",
            "completion": "30 days",
            "follow_up": "5 working days",
            "citizen_reply": "10 working days",
            "escalation": "2 working days",
        },
        "settlement": dict.fromkeys(ComplaintClass, "14 working days"),
        "extension": {"day": "1 working day", "max_days": 5, "max_times": 1},
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def policies(*versions: dict[str, Any], **more: object) -> PolicySet:
    return parse_policies({"name": "test", "versions": list(versions or [version()]), **more}, OFFICES)


def test_lapor_has_the_published_numbers() -> None:
    policy = load("lapor").at(date(2026, 3, 16))
    per_clock = {clock: str(policy.duration_of(clock, ComplaintClass.COMPLAINT)) for clock in ClockName}
    assert per_clock == {
        "verification": "3 working days",
        "completion": "30 days",
        "follow_up": "5 working days",
        "citizen_reply": "10 working days",
        "settlement": "14 working days",
        "escalation": "2 working days",
    }
    per_class = {each: policy.duration_of(ClockName.SETTLEMENT, each).amount for each in ComplaintClass}
    assert per_class == {"complaint": 14, "complaint_inspection": 60, "aspiration": 5, "information_request": 5}
    assert policy.machine == {"postpone", "dispose"}
    assert policy.version == "lapor/2025-01-01"


def test_demo_is_lapor_with_seconds_for_days() -> None:
    demo, lapor = (load(name).at(date(2026, 3, 16)) for name in ("demo", "lapor"))
    assert demo.duplicates == lapor.duplicates
    fields = {"directory", "name", "version", "machine", "zones", "sources"}
    fields |= {"duplicates", "clocks", "settlement", "extension"}
    assert demo.model_dump(exclude=fields) == lapor.model_dump(exclude=fields)
    assert [office.id for office in demo.directory] == [office.id for office in lapor.directory]
    assert demo.machine == lapor.machine | {"verify"}
    for clock in ClockName:
        assert demo.zone_for(clock, "denpasar") == lapor.zone_for(clock, "denpasar")
        for each in ComplaintClass:
            assert demo.duration_of(clock, each).unit is Unit.SECONDS
    assert demo.extension.day.unit is Unit.SECONDS


def test_the_packaged_policies_are_known_by_name() -> None:
    assert packaged() == ["demo", "lapor"]


def test_a_short_version_has_defaults() -> None:
    policy = policies().at(date(2026, 1, 1))
    assert policy.settlement_pauses_in == {Status.POSTPONED, Status.FOLLOWED_UP}
    assert policy.completeness.min_body == 10
    assert policy.completeness.requires == ("title", "body", "location")
    assert policy.warn == {}
    assert not policy.calendar.is_working_day(date(2026, 3, 18))
    assert policy.extension.day * 3 == Duration(3, Unit.WORKING_DAYS)


def test_duplicates_are_sought_back_to_a_length_of_time_by_the_clock() -> None:
    assert policies().versions[0].duplicates.span == timedelta(days=30)
    found = policies(version(duplicates={"window": "90 minutes", "min_text": 12})).versions[0].duplicates
    assert (found.span, found.min_text) == (timedelta(minutes=90), 12)
    with pytest.raises(PolicyError, match=r"duplicates\.window: .*3 working days: goes by the clock"):
        policies(version(duplicates={"window": "3 working days"}))


@pytest.mark.parametrize(
    ("clock", "office", "zone"),
    [
        (ClockName.FOLLOW_UP, "bali", "Asia/Makassar"),
        (ClockName.CITIZEN_REPLY, "bali", "Asia/Makassar"),
        (ClockName.FOLLOW_UP, None, "Asia/Jakarta"),
        (ClockName.VERIFICATION, "bali", "Asia/Jakarta"),
        (ClockName.SETTLEMENT, "bali", "Asia/Jakarta"),
    ],
)
def test_the_holder_s_zone_counts_for_its_own_clocks(clock: ClockName, office: str | None, zone: str) -> None:
    assert policies().at(date(2026, 1, 1)).zone_for(clock, office) == ZoneInfo(zone)


def test_the_zone_of_a_clock_is_a_switch() -> None:
    policy = policies(version(zones={"follow_up": "national", "settlement": "holder"})).at(date(2026, 1, 1))
    assert policy.zone_for(ClockName.FOLLOW_UP, "bali") == ZoneInfo("Asia/Jakarta")
    assert policy.zone_for(ClockName.SETTLEMENT, "bali") == ZoneInfo("Asia/Makassar")
    assert policy.zone_for(ClockName.CITIZEN_REPLY, "bali") == ZoneInfo("Asia/Makassar")
    with pytest.raises(UnknownOffice):
        policy.zone_for(ClockName.SETTLEMENT, "atlantis")


@pytest.mark.parametrize(
    ("office", "rungs"),
    [
        ("denpasar-pupr", ("denpasar", "panrb", "ombudsman")),
        ("denpasar", ("bali", "panrb", "ombudsman")),
        ("bali", ("panrb", "ombudsman")),
        ("panrb", ("ombudsman",)),
        ("ombudsman", ("panrb",)),
        (None, ("panrb", "ombudsman")),
    ],
)
def test_a_ladder_leads_from_the_holder_to_the_top(office: str | None, rungs: tuple[str, ...]) -> None:
    held = World().complaint.model_copy(update={"office": office})
    assert load("lapor").at(date(2026, 1, 1)).ladder_for(held, date(2026, 1, 1)) == rungs


def test_the_version_is_that_of_the_day_in_the_national_zone() -> None:
    found = policies(version(effective_from=date(2026, 7, 1)), version())
    assert [policy.version for policy in found.versions] == ["test/2025-01-01", "test/2026-07-01"]
    assert found.at(date(2026, 6, 30)).version == "test/2025-01-01"
    assert found.at(date(2026, 7, 1)).version == "test/2026-07-01"
    assert found.at(datetime(2026, 6, 30, 16, 59, tzinfo=UTC)).version == "test/2025-01-01"
    assert found.at(datetime(2026, 6, 30, 17, 0, tzinfo=UTC)).version == "test/2026-07-01"
    assert found.at(date(2020, 1, 1)).version == "test/2025-01-01"
    with pytest.raises(ValueError, match="has no time zone"):
        found.at(datetime(2026, 7, 1))  # noqa: DTZ001 that it is naive is what is tested


def test_a_complaint_finds_the_version_it_is_pinned_to() -> None:
    found = policies()
    assert found.pinned("test/2025-01-01") is found.versions[0]
    with pytest.raises(UnknownPolicy, match=r'no version "test/2019-01-01" \(it has test/2025-01-01\)'):
        found.pinned("test/2019-01-01")


def test_a_moved_holiday_is_moved_in_all_versions_that_count_it() -> None:
    calendar = {"extra": {"2026-09-08": "Local election"}, "removed": [date(2026, 8, 17)]}
    found = policies(version(), version(effective_from=date(2026, 7, 1), collective_leave=False), calendar=calendar)
    for policy in found.versions:
        assert policy.calendar.reason_off(date(2026, 9, 8)) == "Local election"
        assert policy.calendar.is_working_day(date(2026, 8, 17))
    assert [policy.calendar.is_working_day(date(2026, 3, 18)) for policy in found.versions] == [False, True]


@every(
    Rows(
        [
            (
                {"clocks": version()["clocks"] | {"follow_up": "5 workingdays"}},
                '^version 2025-01-01: clocks.follow_up: "5 workingdays"',
            ),
            (
                {"clocks": version()["clocks"] | {"follow_up": "0 days"}},
                "version 2025-01-01: clocks.follow_up: '0 days' is not",
            ),
            (
                {"clocks": version()["clocks"] | {"follow_up": 5}},
                "version 2025-01-01: clocks.follow_up: 5 is not a duration",
            ),
            (
                {"clocks": version()["clocks"] | {"folow_up": "5 days"}},
                "version 2025-01-01: clocks.folow_up: unknown key; did you mean follow_up?",
            ),
            ({"clocks": {}}, "version 2025-01-01: clocks.verification: missing"),
            (
                {"settlement": {"complaint": "5 days"}},
                "version 2025-01-01: settlement: no time to settle for complaint_inspection,",
            ),
            ({"settlement": {"complain": "5 days"}}, "version 2025-01-01: settlement.complain: "),
            ({"warn": {"follow_up": 1.5}}, "version 2025-01-01: warn.follow_up: "),
            ({"warn": {"folow_up": 0.5}}, "version 2025-01-01: warn.folow_up: "),
            ({"machine": ["decide"]}, "version 2025-01-01: machine[0]: "),
            ({"machine": None}, "version 2025-01-01: machine: missing"),
            ({"ladder": ["superior", "atlantis"]}, 'version 2025-01-01: ladder[1]: there is no office "atlantis"'),
            ({"ladder": []}, "version 2025-01-01: ladder: "),
            ({"arbiter": "atlantis"}, 'version 2025-01-01: arbiter: there is no office "atlantis"'),
            ({"return_limit": True}, "version 2025-01-01: return_limit: "),
            ({"return_limit": 0}, "version 2025-01-01: return_limit: "),
            ({"national_zone": "Asia/Jakrta"}, "version 2025-01-01: national_zone: "),
            ({"zones": {"follow_up": "mine"}}, "version 2025-01-01: zones.follow_up: "),
            ({"completeness": {"requires": ["phone"]}}, "version 2025-01-01: completeness.requires[0]: "),
            ({"settlement_pauses_in": ["asleep"]}, "version 2025-01-01: settlement_pauses_in"),
            (
                {"settlement_pauses_in": ["closed"]},
                "version 2025-01-01: settlement_pauses_in: closed: the time to settle has ended",
            ),
            ({"settlement_pauses_in": ["archived"]}, "version 2025-01-01: settlement_pauses_in: archived: "),
            ({"settlement_pauses_in": ["withdrawn"]}, "version 2025-01-01: settlement_pauses_in: withdrawn: "),
            (
                {"settlement_pauses_in": ["postponed", "verified", "returned"]},
                (
                    "version 2025-01-01: settlement_pauses_in: a complaint would wait without any deadline while "
                    "verified or"
                ),
            ),
            ({"colour": "blue"}, "version 2025-01-01: colour: unknown key"),
            ({"name": "mine"}, "version 2025-01-01: name: unknown key"),
            ({"effective_from": "soon"}, "versions[0].effective_from: "),
        ]
    )
)
def test_a_mistake_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policies(version(**changes))
    assert message.removeprefix("^") in str(caught.value)
    assert str(caught.value).startswith(("version 2025-01-01: ", "versions[0].effective_from"))
    assert "\n" not in str(caught.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        policies(
            version(arbiter="atlantis", ladder=["superior", "mu"]),
            version(effective_from=date(2027, 1, 1), ladder=["mu"]),
        )
    assert caught.value.mistakes == (
        'version 2025-01-01: ladder[1]: there is no office "mu"',
        'version 2025-01-01: arbiter: there is no office "atlantis"',
        'version 2027-01-01: ladder[0]: there is no office "mu"',
    )
    assert str(caught.value).endswith("(3 mistakes: `alur policy check` lists all)")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"versions": []}, "versions: "),
        (
            {"versions": [version(), version()]},
            "version 2025-01-01: effective_from: two versions take effect on 2025-01-01",
        ),
        (
            {"versions": [version(), {"effective_from": date(2027, 1, 1), "based_on": date(2026, 1, 1)}]},
            "version 2027-01-01: based_on: no version above it takes effect on 2026-01-01",
        ),
        ({"name": "My rules"}, "name: "),
        ({"version": []}, "version: unknown key"),
        ({"calendar": {"extra": {"soon": "Election"}}}, "calendar.extra.soon: "),
        (
            {"calendar": {"extra": {"2026-09-08": "Election"}, "removed": [date(2026, 9, 8)]}},
            "calendar: 2026-09-08 is both added to the calendar and removed from it",
        ),
    ],
)
def test_a_mistake_beside_the_versions_is_named_too(more: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policies({"name": "test", "versions": [version()]} | more, OFFICES)
    assert str(caught.value).startswith(message)


def test_a_version_based_on_another_has_only_what_is_new() -> None:
    later = {"effective_from": date(2027, 1, 1), "based_on": date(2025, 1, 1), "return_limit": 3}
    old, new = policies(version(), later | {"clocks": {"follow_up": "4 working days"}}).versions
    assert (new.effective_from, new.return_limit) == (date(2027, 1, 1), 3)
    assert new.clocks == old.clocks.model_copy(update={"follow_up": Duration(4, Unit.WORKING_DAYS)})
    own = {"version", "effective_from", "return_limit", "clocks", "earlier"}
    assert {name for name in type(new).model_fields if getattr(new, name) != getattr(old, name)} <= own


@pytest.mark.parametrize(
    ("day", "written", "citizens"),
    [
        (date(2025, 1, 1), None, "open"),
        (date(2026, 11, 29), None, "open"),
        (date(2026, 11, 30), None, "reporter"),
        (date(2027, 1, 1), "open", "open"),
        (date(2025, 1, 1), "reporter", "reporter"),
    ],
)
def test_a_new_version_lets_only_the_reporter_speak(day: date, written: str | None, citizens: str) -> None:
    assert policies(version(effective_from=day, citizens=written)).versions[0].citizens == citizens


@pytest.mark.parametrize("day", ["2025-01-01", datetime(2025, 1, 1), date(2025, 1, 1)])  # noqa: DTZ001 -- as TOML has it
def test_a_day_may_be_written_in_several_ways(day: object) -> None:
    old, new = policies(
        version(effective_from=day, citizens=None), {"effective_from": "2026-12-01", "based_on": "2025-01-01"}
    ).versions
    assert (old.effective_from, old.citizens) == (date(2025, 1, 1), "open")
    assert new.clocks == old.clocks


def test_what_is_no_day_is_named() -> None:
    with pytest.raises(PolicyError, match=r"versions\[0\].effective_from: .*, not 'soon'"):
        policies(version(effective_from="soon"))


@pytest.mark.parametrize("name", ["lapor", "demo"])
def test_under_the_packaged_policies_only_the_reporter_speaks(name: str) -> None:
    assert [each.citizens for each in load(name).versions] == ["open", "reporter"]


def test_a_mistake_in_the_offices_is_one_of_the_policy() -> None:
    with pytest.raises(PolicyError, match='office "panrb": zone: missing'):
        parse_policies(
            {"name": "test", "versions": [version()]}, {"offices": [{"id": "panrb", "name": "P", "level": "national"}]}
        )


def packaged_text(name: str) -> str:
    return (Path(__file__).parents[3] / "workflow" / "policy" / name).read_text(encoding="utf-8")


def test_a_file_of_one_s_own_has_the_packaged_offices_unless_it_names_others(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(packaged_text("lapor.toml"), encoding="utf-8")
    assert "denpasar-pupr" in load(str(own)).versions[0].directory
    text = own.read_text(encoding="utf-8")
    own.write_text('offices = "mine/offices.toml"\n' + text, encoding="utf-8")
    (tmp_path / "mine").mkdir()
    offices = packaged_text("offices.toml").replace('"denpasar-pupr"', '"denpasar-jalan"')
    (tmp_path / "mine" / "offices.toml").write_text(offices, encoding="utf-8")
    assert "denpasar-pupr" not in load(str(own)).versions[0].directory
    assert "denpasar-jalan" in load(str(own)).versions[0].directory


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'name = "x"\nversions = [', "not valid TOML: Invalid value (at "),
        (b'name = "x"\nname = "y"\n', "(at line 2, column "),
        (b"name = '\xff'", "not UTF-8: save it with this encoding"),
        (b'name = "x"', "versions: missing"),
        (b'name = "x"\noffices = "nowhere.toml"', "nowhere.toml: cannot be read (No such file or directory)"),
        (b'name = "x"\noffices = 5', "offices: "),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    own = tmp_path / "own.toml"
    own.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load(str(own))
    assert any(message in each for each in caught.value.mistakes)
    assert all(each.startswith(str(tmp_path)) for each in caught.value.mistakes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["lapr", "", "offices", "no/such/file.toml"])
def test_a_missing_policy_names_those_that_exist(name: str) -> None:
    with pytest.raises(
        PolicyError, match=f'no policy "{name}": there is no such file, and it is not "demo" or "lapor"'
    ):
        load(name)


def test_the_packaged_files_are_what_they_say() -> None:
    for name in packaged():
        assert tomllib.loads(packaged_text(f"{name}.toml"))["name"] == name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "9" * 10_000, "digits"),
        ("#" + "x" * 5_000_000, "has more than 4,194,304 bytes"),
        ("a." * 2_000 + "b = 1", "nested too deeply"),
        ("\ufffe", "not valid TOML"),
    ],
)
def test_a_file_that_is_too_deep_or_too_large_ends_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(content)
    with pytest.raises(PolicyError, match=message) as refusal:
        load(str(path))
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 1_000
