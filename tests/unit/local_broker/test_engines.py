"""The means of a machine to run a broker are detected without starting one."""

import sys
from pathlib import Path

import pytest

from agents.local_broker.container import IMAGE, Docker
from agents.local_broker.engines import choose_engine
from agents.local_broker.errors import NoEngine, StartFailed
from agents.local_broker.java import Java, remove_other_archives
from agents.local_broker.node import HOST, node_settings
from agents.local_broker.paths import BrokerPaths
from agents.local_broker.service import start


def put_program(directory: Path, name: str, prints: str = "", exit_code: int = 0) -> None:
    program = directory / name
    program.write_text(f"#!{sys.executable}\nimport sys\nprint({prints!r}, file=sys.stderr)\nsys.exit({exit_code})\n")
    program.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A machine on which nothing is installed yet; what is put into PATH is."""
    return {"PATH": str(tmp_path), "HOME": str(tmp_path / "home")}


def test_a_bare_machine_gets_one_line_with_what_to_install(machine: dict[str, str]) -> None:
    with pytest.raises(NoEngine) as refusal:
        choose_engine(machine)

    assert "Java 17" in str(refusal.value)
    assert "Maven" in str(refusal.value)
    assert "ALUR_BROKER" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.22", "nonsense"])
def test_java_that_is_too_old_is_not_enough(machine: dict[str, str], tmp_path: Path, version: str) -> None:
    put_program(tmp_path, "java", f'openjdk version "{version}"')
    put_program(tmp_path, "mvn")

    with pytest.raises(NoEngine):
        choose_engine(machine)


@pytest.mark.parametrize("version", ["17.0.15", "21", "25-ea"])
def test_java_with_maven_is_enough(machine: dict[str, str], tmp_path: Path, version: str) -> None:
    put_program(tmp_path, "java", f'openjdk version "{version}" 2025-04-15')
    put_program(tmp_path, "mvn")

    assert isinstance(choose_engine(machine), Java)


def test_each_build_of_java_has_an_archive_of_classes_of_its_own(machine: dict[str, str], tmp_path: Path) -> None:
    put_program(tmp_path, "mvn")
    archives = []
    for version in ("17.0.15", "17.0.16", "25-ea"):
        for build in ("17.0.15+6-Debian-1deb12u1", "Temurin-17.0.15+6"):
            put_program(tmp_path, "java", f'openjdk version "{version}" 2025-04-15 (build {build})')
            engine = choose_engine(machine)
            assert isinstance(engine, Java)
            assert engine.classes.name.startswith(f"kafka-4.3.1-java-{version}-")
            archives.append(engine.classes.name)

    assert len(set(archives)) == len(archives)


def test_archives_of_other_builds_are_removed(tmp_path: Path) -> None:
    names = [
        "kafka-4.3.1-java-17.0.15-0a1b2c3d.jsa",
        "kafka-4.3.1-java-17.0.15.jsa",
        "kafka-4.2.0-java-21-4e5f6a7b.jsa",
    ]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "kafka-4.3.1").mkdir()

    remove_other_archives(tmp_path / names[0])

    assert sorted(path.name for path in tmp_path.iterdir()) == ["kafka-4.3.1", names[0]]


def test_a_broker_starts_without_an_archive_of_classes_where_none_can_be_made(
    machine: dict[str, str], tmp_path: Path
) -> None:
    put_program(tmp_path, "java", 'openjdk version "17.0.15"')
    (BrokerPaths.from_environment(machine).cache / "kafka-4.3.1").mkdir(parents=True)
    engine = choose_engine(machine)
    assert isinstance(engine, Java)

    engine.fetch(lambda _line: None)

    assert not engine.classes.exists()
    assert "SharedArchiveFile" not in str(engine.node(tmp_path))
    engine.classes.touch()
    assert f"-XX:SharedArchiveFile={engine.classes}" in engine.node(tmp_path)


def test_a_directory_that_cannot_be_made_is_refused_with_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StartFailed, match="file/broker: Not a directory: set ALUR_HOME to a directory where you may"):
        start({"ALUR_HOME": str(file)})


def test_maven_is_not_needed_once_the_libraries_are_there(machine: dict[str, str], tmp_path: Path) -> None:
    put_program(tmp_path, "java", 'openjdk version "17.0.15"')
    with pytest.raises(NoEngine):
        choose_engine(machine)

    (BrokerPaths.from_environment(machine).cache / "kafka-4.3.1").mkdir(parents=True)

    assert isinstance(choose_engine(machine), Java)


def test_a_docker_client_without_an_engine_is_skipped(machine: dict[str, str], tmp_path: Path) -> None:
    put_program(tmp_path, "docker", "Cannot connect to the Docker daemon", exit_code=1)
    put_program(tmp_path, "java", 'openjdk version "17.0.15"')
    put_program(tmp_path, "mvn")

    assert isinstance(choose_engine(machine), Java)


def test_a_docker_engine_that_answers_is_preferred(machine: dict[str, str], tmp_path: Path) -> None:
    put_program(tmp_path, "docker")
    put_program(tmp_path, "java", 'openjdk version "17.0.15"')
    put_program(tmp_path, "mvn")

    assert isinstance(choose_engine(machine), Docker)


def test_the_container_is_reached_from_this_machine_only() -> None:
    command = Docker("docker").command("alur-broker-9092", 9092, "--detach")

    assert command[-1] == IMAGE == "apache/kafka:4.3.1"
    assert "--publish=127.0.0.1:9092:9092" in command
    assert "--env=KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:9092" in command
    assert "--env=KAFKA_AUTO_CREATE_TOPICS_ENABLE=false" in command
    assert "--detach" in command


def test_a_process_listens_on_the_loopback_only() -> None:
    listeners = node_settings(9092, 9093, "data", listen_on=HOST)["listeners"]

    assert listeners == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"


def test_files_are_kept_in_the_directory_of_the_user() -> None:
    assert BrokerPaths.from_environment({"ALUR_HOME": "/a"}) == BrokerPaths(
        cache=Path("/a/cache"), state=Path("/a/broker")
    )
    assert BrokerPaths.from_environment({"HOME": "/h"}) == BrokerPaths(
        cache=Path("/h/.cache/alur"), state=Path("/h/.local/state/alur/broker")
    )
    assert BrokerPaths.from_environment({"HOME": "/h", "XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s"}) == BrokerPaths(
        cache=Path("/c/alur"), state=Path("/s/alur/broker")
    )
