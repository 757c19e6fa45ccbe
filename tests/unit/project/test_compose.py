"""The compose file runs every stage, after its broker and its topics."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.cli.board import PORT
from agents.config.settings import Settings, WebAddress
from agents.local_broker.container import IMAGE
from agents.local_broker.node import node_settings
from agents.runtime.http import health_check
from events.topics import STAGES

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, Any] = composed["services"]
    return services


def test_every_stage_has_a_service_and_no_service_is_for_nothing(services: dict[str, Any]) -> None:
    watching = {"prometheus", "alertmanager", "grafana", "board", "browser"}
    assert set(services) == {"kafka", "keys", "topics", *watching, *STAGES}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_alone_once_its_topics_are_there(services: dict[str, Any], stage: str) -> None:
    service = services[stage]

    assert service["command"] == ["run", stage]
    assert service["pull_policy"] == "never"
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"] == "30s"
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", health_check.__name__, "ready"]
    assert service["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "topics": {"condition": "service_completed_successfully"},
    }


def test_the_image_is_built_once(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "build" in service] == ["keys"]
    assert {service.get("pull_policy") for service in services.values() if service["image"] == "alur:local"} == {
        "build",
        "never",
    }


def test_nothing_fills_the_disk_or_the_memory(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert service["mem_limit"] == "1g", name


def test_the_board_is_for_this_machine_only(services: dict[str, Any]) -> None:
    board = services["board"]
    everywhere = "0.0.0.0"  # noqa: S104 -- within its container
    assert board["command"] == ["board", "--bind", everywhere, "--host", "localhost"]
    assert board["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    # the probe asks where the board answers
    assert board["environment"]["ALUR_WEB"] == f"0.0.0.0:{PORT}"
    assert board["healthcheck"]["test"] == ["CMD", "python", "-m", health_check.__name__, "ready"]
    rest = {name: value for name, value in board["environment"].items() if name != "ALUR_WEB"}
    assert rest.items() <= services["sla"]["environment"].items()


def test_the_topics_are_made_once_kafka_is_healthy(services: dict[str, Any]) -> None:
    assert services["topics"]["command"] == ["topics", "create"]
    assert services["topics"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "keys": {"condition": "service_completed_successfully"},
    }
    assert "healthcheck" in services["kafka"]


def test_our_programs_get_the_broker_address_of_containers(services: dict[str, Any]) -> None:
    defaults = {"${ALUR_PREFIX:-}": "", "${ALUR_POLICY:-lapor}": "lapor", "${ALUR_PARTITIONS:-12}": "12"}
    for name in ("topics", *STAGES):
        environment = {key: defaults.get(value, value) for key, value in services[name]["environment"].items()}
        assert Settings.from_environment(environment) == Settings(
            broker="kafka:19092",
            log="json",
            web=WebAddress("0.0.0.0", 6066),  # noqa: S104 -- within its container
            key_file="/var/lib/alur/keys",
        )
    assert "INTERNAL://kafka:19092" in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_the_keys_are_generated_once_where_all_stages_read_them(services: dict[str, Any]) -> None:
    _, _, program = services["keys"]["entrypoint"]
    path = services["sla"]["environment"]["ALUR_KEY_FILE"]
    assert f"Keys.generate('{path}')" in program
    for name in ("keys", "topics", "board", *STAGES):
        assert services[name]["volumes"] == [f"keys:{Path(path).parent}"]


def test_nothing_is_published_beyond_this_machine(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", ())]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_kafka_is_the_one_that_the_command_line_starts(services: dict[str, Any]) -> None:
    kafka = services["kafka"]
    assert kafka["image"] == IMAGE

    ours = {
        "KAFKA_" + key.upper().replace(".", "_"): value
        for key, value in node_settings(9092, 29093, "/var/lib/kafka/data", listen_on="").items()
    }
    own_way = {key for key in ours if "LISTENER" in key or "LOG_CLEANER" in key}
    theirs = kafka["environment"]
    assert {key: theirs.get(key) for key in ours if key not in own_way} == {
        key: value for key, value in ours.items() if key not in own_way
    }
