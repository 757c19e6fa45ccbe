"""Rights as data: what each role may do, and what not."""

import shlex
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config.settings import Settings
from agents.ops.acl import rights, script
from events.access import CLIENT_ROLES, ROLES, STAGE_ROLES
from events.topics import ALL_TOPICS, STAGES, TopicName

SETTINGS = Settings(prefix="t1.")


def who(action: str, topic: TopicName) -> set[str]:
    return {name for name, role in ROLES.items() if topic in getattr(role, action)}


def test_every_stage_has_a_role_of_its_name_that_reads_its_source() -> None:
    assert [role.name for role in STAGE_ROLES] == list(STAGES)
    for role in STAGE_ROLES:
        assert STAGES[role.name] in role.reads
        assert TopicName.DEAD_LETTERS in role.writes
        assert role.group == role.name


def test_who_reads() -> None:
    assert who("reads", TopicName.IDENTITIES) == {"identity-desk", "publishers", "erasers"}
    assert who("reads", TopicName.TEXTS) == {"verification", "resolution", "text-readers", "publishers"}
    assert who("reads", TopicName.ERASURES) == {"intake", "erasers", "auditors"}
    assert who("reads", TopicName.INTAKE) == {"intake", "auditors"}
    assert who("reads", TopicName.COMMANDS) == {"lifecycle", "auditors"}
    assert who("reads", TopicName.STORIES) == {"resolution"}
    assert who("reads", TopicName.DEAD_LETTERS) == {"operators", "operations-board", "auditors"}
    assert who("reads", TopicName.RESOLUTIONS) == {"subscribers", "mirrors", "auditors"}


def test_who_writes() -> None:
    assert who("writes", TopicName.INTAKE) == {"channels", "operators"}
    assert who("writes", TopicName.IDENTITIES) == {"intake", "erasers"}
    assert who("writes", TopicName.ERASURES) == {"erasers"}
    for topic in (TopicName.EVENTS, TopicName.TEXTS, TopicName.REJECTIONS):
        assert who("writes", topic) == {"lifecycle"}
    assert who("writes", TopicName.STATE) == {"lifecycle", "repairers"}
    for topic in (TopicName.RESOLUTIONS, TopicName.STORIES):
        assert who("writes", topic) == {"resolution"}
    assert who("writes", TopicName.COMMANDS) == {*STAGES, "gateways", "publishers", "erasers", "operators"} - {
        "resolution"
    }


def test_stages_and_those_who_install_and_operate_write_the_installation_record() -> None:
    assert who("writes", TopicName.INSTALLATION) == {*STAGES, "operators", "installers"}
    assert who("reads", TopicName.INSTALLATION) == {
        *STAGES,
        "operators",
        "repairers",
        "installers",
        "erasers",
        "auditors",
    }


def test_only_a_stage_or_its_repairer_may_use_its_transactions_and_group() -> None:
    for role in CLIENT_ROLES:
        for stage in STAGES:
            writes = f"{stage}-0".startswith(role.transactional or "\0")
            assert writes == (stage == "lifecycle" and role.name == "repairers")
            assert not (role.group or "\0").startswith(stage)


def test_rights_carry_the_prefix_and_only_names_with_a_dash_stand_for_more() -> None:
    found = list(rights(ROLES["lifecycle"], SETTINGS, "User:x"))

    assert {right.principal for right in found} == {"User:x"}
    assert all(right.name.startswith("t1.") for right in found)
    assert [(right.kind, right.name, right.operations) for right in found if right.prefixed] == [
        ("transactional-id", "t1.lifecycle-", ("Write", "Describe"))
    ]
    assert SETTINGS.transactional_id("lifecycle", 3).startswith("t1.lifecycle-")


def test_a_channel_may_write_reports_and_nothing_else() -> None:
    [right] = rights(ROLES["channels"], SETTINGS, "User:sms")

    assert (right.kind, right.name, right.operations) == ("topic", "t1.complaints.intake", ("Write",))


@pytest.mark.long
def test_the_script_gives_each_right_by_one_command(tmp_path: Path) -> None:
    found = [right for role in ROLES.values() for right in rights(role, SETTINGS, f"User:it's {role.name}")]
    lines = script(found, SETTINGS, ROLES).splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("acl --")]

    assert len(commands) == len(found)
    assert all(command[:2] == ["acl", "--allow-principal"] for command in commands)
    # run it with a command that only prints its usage
    (tmp_path / "acl.sh").write_text("\n".join(lines))
    done = subprocess.run(
        ["/bin/sh", str(tmp_path / "acl.sh")],
        env={"KAFKA_ACLS": "/bin/echo", "CONFIG": "admin.properties"},
        check=True,
        capture_output=True,
        text=True,
    )
    output = done.stdout.splitlines()
    assert len(output) == len(found)
    assert output[0].startswith(
        "--bootstrap-server 127.0.0.1:9092 --command-config admin.properties --add --allow-principal User:it's intake"
    )


def test_the_command_line_prints_the_roles_that_are_asked_for() -> None:
    cli = CliRunner()
    prefixed = "--resource-pattern-type prefixed"
    done = cli.invoke(application(), ["--prefix", "t1.", "topics", "acl", "channels", "subscribers"])

    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if line.startswith("acl --")] == [
        "acl --allow-principal User:alur-channels --operation Write --topic t1.complaints.intake",
        "acl --allow-principal User:alur-subscribers --operation Read --topic t1.complaints.resolutions",
        f"acl --allow-principal User:alur-subscribers --operation Read --group t1.subscribers- {prefixed}",
    ]
    one = cli.invoke(application(), ["topics", "acl", "channels", "boards", "--principal", "User:portal"])
    assert all("User:portal" in line for line in one.stdout.splitlines() if line.startswith("acl --"))


@pytest.mark.parametrize("words", [["everyone"], ["channels", "--principal", "portal"]])
def test_unknown_roles_and_invalid_principals_are_reported(words: list[str]) -> None:
    done = CliRunner().invoke(application(), ["topics", "acl", *words])

    assert done.exit_code == 2
    assert done.stderr.startswith("alur: ")
    assert len(done.stderr.splitlines()) == 1


def test_all_topics_are_the_declared_ones() -> None:
    assert set(ALL_TOPICS) == set(TopicName)
