"""The environment is read once, and an error in it is one line."""

import pytest

from agents.config.settings import Settings, WebAddress
from events.client.settings import SettingsError
from tests.support.tables import Rows, every


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({})

    assert settings == Settings(
        broker="127.0.0.1:9092", prefix="", policy="lapor", partitions=12, replication=1, log="auto"
    )


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "ALUR_BROKER": "one:9092, [::1]:9093",
            "ALUR_PREFIX": "t1.",
            "ALUR_POLICY": "demo",
            "ALUR_PARTITIONS": "4",
            "ALUR_REPLICATION": "3",
            "ALUR_LOG": "json",
            "ALUR_KEY_FILE": "/etc/alur/keys",
            "HOME": "/somewhere",
        }
    )

    assert settings == Settings(
        broker="one:9092,[::1]:9093",
        prefix="t1.",
        policy="demo",
        partitions=4,
        replication=3,
        log="json",
        key_file="/etc/alur/keys",
    )


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.from_environment({"ALUR_BROKER": "", "ALUR_PARTITIONS": " "}) == Settings()


def test_another_process_reads_the_same_settings() -> None:
    settings = Settings(broker="one:9092,two:9092", prefix="t1.", policy="demo", partitions=4, log="json")

    assert Settings.from_environment(settings.to_environment()) == settings


@every(
    Rows(
        [
            ("ALUR_BROKER", "localhost"),
            ("ALUR_BROKER", "localhost:0"),
            ("ALUR_BROKER", "localhost:65536"),
            ("ALUR_BROKER", "one:9092,"),
            ("ALUR_BROKER", "kafka://one:9092"),
            ("ALUR_PREFIX", "a b"),
            ("ALUR_PREFIX", "kota/"),
            ("ALUR_PREFIX", "é"),
            ("ALUR_PREFIX", "x" * 201),
            ("ALUR_PARTITIONS", "0"),
            ("ALUR_PARTITIONS", "-1"),
            ("ALUR_PARTITIONS", "1001"),
            ("ALUR_PARTITIONS", "four"),
            ("ALUR_PARTITIONS", "²"),
            ("ALUR_REPLICATION", "1.5"),
            ("ALUR_LOG", "xml"),
            ("ALUR_WEB", "6066"),
            ("ALUR_WEB", "127.0.0.1:65500"),
            ("ALUR_WEB", "http://127.0.0.1:6066"),
        ]
    )
)
def test_a_value_that_cannot_be_used_is_named_in_one_line(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({name: value})

    assert str(refusal.value).startswith(f"{name}: ")
    assert "\n" not in str(refusal.value)


def test_the_prefix_stands_before_topics_groups_and_transactional_ids() -> None:
    settings = Settings(prefix="t1.")

    assert settings.topic("complaints.intake") == "t1.complaints.intake"
    assert settings.group("sla") == "t1.sla"
    assert settings.transactional_id("lifecycle", 3) == "t1.lifecycle-3"


@pytest.mark.parametrize("text", ["127.0.0.1:6066", "[::1]:6066"])
def test_the_web_address_is_written_as_it_is_read_and_counts_on(text: str) -> None:
    settings = Settings.from_environment({"ALUR_WEB": text})

    assert str(settings.web) == text
    assert settings.web is not None
    assert settings.web.after(3) == WebAddress(settings.web.host, 6069)
    assert Settings.from_environment(settings.to_environment()) == settings
