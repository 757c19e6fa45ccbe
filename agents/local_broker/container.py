"""Broker in a container of the official image, run by a Docker engine."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agents.local_broker.errors import StartFailed, StopFailed
from agents.local_broker.node import KAFKA_VERSION, Notify, in_one_line, node_settings

IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"

_CONTROLLER_PORT: Final = 29_093  # inside the container, where nothing else runs
_DATA: Final = "/var/lib/kafka/data"
_INFO_S: Final = 15.0
_PULL_S: Final = 540.0
_STOP_S: Final = 30


@dataclass(frozen=True)
class Docker:
    """The Docker client, with a running engine."""

    docker: str

    @classmethod
    def find(cls, env: Mapping[str, str]) -> "Docker | None":
        """Return the Docker client if an engine answers."""
        docker = shutil.which("docker", path=env.get("PATH"))
        if docker is None:
            return None
        try:
            answer = subprocess.run([docker, "info"], check=False, capture_output=True, timeout=_INFO_S)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return cls(docker) if answer.returncode == 0 else None

    def fetch(self, say: Notify) -> None:
        """Pull the image, unless it is present; raise StartFailed."""
        if self._run("image", "inspect", IMAGE).returncode == 0:
            return
        say(f"fetching the image {IMAGE}, only this once")
        done = self._run("pull", "--quiet", IMAGE, timeout=_PULL_S)
        if done.returncode != 0:
            raise StartFailed(f"Docker could not fetch {IMAGE}: {in_one_line(done.stderr)}")

    def command(self, name: str, port: int, *options: str) -> list[str]:
        """Return the command that runs the broker in a container called `name`."""
        settings = node_settings(port, _CONTROLLER_PORT, _DATA, listen_on="0.0.0.0")  # noqa: S104 -- in the container; published on the loopback only
        variables = [f"--env=KAFKA_{key.upper().replace('.', '_')}={value}" for key, value in settings.items()]
        return [
            *(self.docker, "run", f"--name={name}", f"--publish=127.0.0.1:{port}:{port}", *options),
            *("--env=KAFKA_HEAP_OPTS=-Xmx512m", *variables, IMAGE),
        ]

    def start(self, name: str, port: int) -> None:
        """Run the broker in the background, its data in a volume of the container's name; raise StartFailed."""
        self._run("rm", "--force", name)
        done = _run(self.command(name, port, "--detach", f"--volume={name}:{_DATA}"), _PULL_S)
        if done.returncode != 0:
            raise StartFailed(f"Docker could not run {IMAGE}: {in_one_line(done.stderr)}")

    def runs(self, name: str) -> bool:
        """Return True if the container is running."""
        done = self._run("inspect", "--format={{.State.Running}}", name)
        return done.returncode == 0 and done.stdout.strip() == "true"

    def last_words(self, name: str) -> str:
        """Return the end of the container's log, in one line."""
        done = self._run("logs", "--tail=5", name)
        return in_one_line(done.stdout + done.stderr) or "it printed nothing"

    def stop(self, name: str) -> None:
        """Stop the container and remove it, keeping its volume; raise StopFailed."""
        self._run("stop", f"--time={_STOP_S}", name)
        done = self._run("rm", "--force", name)
        if done.returncode != 0:
            raise StopFailed(f"Docker could not remove the container {name}: {in_one_line(done.stderr)}")

    def removal(self, name: str) -> list[str]:
        """Return the command that kills the container, and deletes its data."""
        return [self.docker, "rm", "--force", "--volumes", name]

    def _run(self, *arguments: str, timeout: float = 2.0 * _STOP_S) -> subprocess.CompletedProcess[str]:
        return _run([self.docker, *arguments], timeout)


def _run(command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)
