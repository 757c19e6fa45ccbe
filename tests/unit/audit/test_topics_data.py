"""The topics as data: agreement with the contract."""

import pytest

from events.topics import INWARD_BATCH_BYTES, INWARD_RECORD_BYTES, OUTWARD_RECORD_BYTES, STAGES, TOPICS, TopicName
from tests.support.tables import every

BY_NAME = {topic.name: topic for topic in TOPICS}
DAY_MS = 86_400_000

# topic: kept for so many days (None: for ever, "compact": the last of each key), largest batch
TABLE: dict[str, tuple[int | str | None, int]] = {
    "complaints.intake": (30, INWARD_BATCH_BYTES),
    "complaints.identities": ("compact", OUTWARD_RECORD_BYTES),
    "complaints.commands": (30, INWARD_BATCH_BYTES),
    "complaints.events": (None, OUTWARD_RECORD_BYTES),
    "complaints.texts": ("compact", OUTWARD_RECORD_BYTES),
    "complaints.state": ("compact", OUTWARD_RECORD_BYTES),
    "complaints.stories": ("compact", OUTWARD_RECORD_BYTES),
    "complaints.erasures": ("compact", OUTWARD_RECORD_BYTES),
    "complaints.rejections": (30, OUTWARD_RECORD_BYTES),
    "complaints.resolutions": ("compact", OUTWARD_RECORD_BYTES),
    "complaints.dead-letters": (90, OUTWARD_RECORD_BYTES),
    "complaints.installation": ("compact", OUTWARD_RECORD_BYTES),
}


def test_every_topic_is_declared_once() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert BY_NAME.keys() == set(TopicName) == TABLE.keys()


@every(TopicName)
def test_how_long_and_how_large(name: TopicName) -> None:
    kept, largest = TABLE[name]
    config = BY_NAME[name].config
    assert config["max.message.bytes"] == str(largest)
    if kept == "compact":
        assert config["cleanup.policy"] == "compact"
        assert "retention.ms" not in config
    else:
        assert config["cleanup.policy"] == "delete"
        assert config["retention.ms"] == ("-1" if kept is None else str(int(kept) * DAY_MS))


@pytest.mark.parametrize(("replicas", "in_sync"), [(2, "2"), (3, "2"), (5, "3")])
def test_a_record_counts_as_written_once_most_replicas_have_it(replicas: int, in_sync: str) -> None:
    for topic in TOPICS:
        config = topic.config_on(replicas)
        assert config["min.insync.replicas"] == in_sync
        assert config["unclean.leader.election.enable"] == "false"
        assert topic.config.items() <= config.items()
        assert topic.config_on(1) == topic.config


def test_what_expires_does_so_by_the_brokers_clock_and_commands_are_stamped_by_it() -> None:
    stamped = {topic.name for topic in TOPICS if topic.config["message.timestamp.type"] == "LogAppendTime"}
    assert stamped == {topic.name for topic in TOPICS if int(topic.config.get("retention.ms", "-1")) > 0}
    assert TopicName.COMMANDS in stamped


def test_what_comes_in_fits_into_what_goes_out() -> None:
    assert OUTWARD_RECORD_BYTES >= 2 * INWARD_RECORD_BYTES


def test_only_the_identity_desk_reads_identities_and_only_resolution_the_stories() -> None:
    assert BY_NAME[TopicName.IDENTITIES].readers == "the identity desk only"
    assert BY_NAME[TopicName.STORIES].readers == "resolution"
    assert TopicName.IDENTITIES not in STAGES.values()


def test_only_the_installation_record_has_a_number_of_partitions_of_its_own() -> None:
    assert {topic.name: topic.partitions_in(12) for topic in TOPICS} == {
        name: 1 if name is TopicName.INSTALLATION else 12 for name in TopicName
    }


def test_every_stage_has_one_source() -> None:
    assert STAGES == {
        "intake": "complaints.intake",
        "lifecycle": "complaints.commands",
        "verification": "complaints.events",
        "disposition": "complaints.events",
        "sla": "complaints.state",
        "escalation": "complaints.events",
        "resolution": "complaints.events",
    }
