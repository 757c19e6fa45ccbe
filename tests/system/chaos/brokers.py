"""The brokers of chaos and their faults: killed, frozen, disk full."""

import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agents.cli.context import say
from agents.local_broker.java import LOG, Java, last_words, new_cluster_id
from agents.local_broker.node import HOST, address, await_answer, free_ports, node_settings
from agents.local_broker.paths import BrokerPaths

_DISK: Final = "2g"
"""Room that a broker has for its data where its disk can be filled."""
_COPIES: Final = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
}
_ALONE: Final = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
"""A broker that was killed waits for the end of its session before it answers again: by default for nine seconds."""
_ENDED_S: Final = 60.0
_BACK: Final = "-1h"
_JUMPED_S: Final = 15.0


@dataclass
class Node:
    """One broker, a process of this machine."""

    port: int
    directory: Path
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it with its disk."""
        with (self.directory / LOG).open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_answer(self) -> None:
        """Return once it answers."""
        await_answer(self.port, lambda: self.process.poll() is None, lambda: last_words(self.directory))

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()


class Brokers:
    """One broker or several, each of which is also a controller.

    Args:
        count: how many: 1 or 3.
        directory: where they keep their data.
        disks: each has a disk of its own, which can be filled; takes the right to mount one.

    Raises:
        SystemExit: this machine has no Java 17.
        NotStarted, NotFetched: as for any broker.
    """

    def __init__(self, count: int, directory: Path, *, disks: bool) -> None:
        java = Java.find(os.environ, BrokerPaths.from_environment(os.environ).cache)
        if java is None:
            raise SystemExit("chaos: needs brokers that are processes of this machine: Java 17 and Maven")
        java.fetch(say)
        ports = free_ports(2 * count)
        outer, inner = ports[:count], ports[count:]
        voters = ",".join(f"{number}@{HOST}:{port}" for number, port in enumerate(inner, 1))
        cluster, self.nodes, self.disks = new_cluster_id(), list[Node](), disks
        for number, (port, controller) in enumerate(zip(outer, inner, strict=True), 1):
            home = directory / f"node-{number}"
            (home / "data").mkdir(parents=True)
            if disks:
                _mount(home / "data")
            more = {"node.id": str(number), "controller.quorum.voters": voters} | (_COPIES if count > 1 else _ALONE)
            settings = node_settings(port, controller, str(home / "data" / "kafka"), listen_on=HOST, more=more)
            properties = home / "broker.properties"
            properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
            java.format(properties, cluster)
            self.nodes.append(Node(port, home, java.node(properties)))

    @property
    def address(self) -> str:
        """The bootstrap address."""
        return ",".join(address(node.port) for node in self.nodes)

    def start(self) -> None:
        """Start all, and return when they answer."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.await_answer()

    def end(self) -> None:
        """Kill all, and unmount their disks."""
        for node in self.nodes:
            node.kill()
            if self.disks:
                subprocess.run(["umount", str(node.directory / "data")], check=False)  # noqa: S607 -- wherever it is

    def kill_one(self, lots: random.Random) -> str:
        """kill -9 one, which restarts with its disk."""
        node = lots.choice(self.nodes)
        node.kill()
        node.start()
        node.await_answer()
        return f"broker {node.port}"

    def freeze_one(self, lots: random.Random, seconds: float) -> str:
        """Freeze one, as in a network partition."""
        node = lots.choice(self.nodes)
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        node.process.send_signal(signal.SIGCONT)
        return f"broker {node.port} for {seconds:.0f} s"

    def jump(self, lots: random.Random) -> str:
        """Restart one with its clock an hour back, and later with the right time."""
        back = fake_clock(_BACK)
        if back is None:
            return "not possible here: there is no faketime"
        node = lots.choice(self.nodes)
        self.restart(node, back)
        time.sleep(_JUMPED_S)
        self.restart(node, {})
        return f"broker {node.port} for {_JUMPED_S:.0f} s"

    def restart(self, node: Node, environment: dict[str, str]) -> None:
        """Stop one cleanly, and start it with these variables."""
        node.process.terminate()
        node.process.wait()
        node.environment = environment
        node.start()
        node.await_answer()

    def fill_disk(self, lots: random.Random) -> str:
        """Fill the disk of one until Kafka exits; then make room, and restart it."""
        node = lots.choice(self.nodes)
        ballast = node.directory / "data" / "ballast"
        with ballast.open("wb") as file:
            filled = _fill(file.fileno())
        deadline = time.monotonic() + _ENDED_S
        while node.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        gave_up = node.process.poll() is not None
        ballast.unlink()
        if gave_up:
            node.start()
        node.await_answer()
        return f"broker {node.port}, {filled >> 20} MB, {'gave up' if gave_up else 'held out'}"


def fake_clock(offset: str) -> dict[str, str] | None:
    """Return the variables that shift a process's clock by `offset`; None without faketime.

    Not by the program `faketime` itself: it starts another process, which a signal to it does not reach.
    """
    if (faketime := shutil.which("faketime")) is None:
        return None
    library = subprocess.run(
        [faketime, "-m", "-f", offset, "printenv", "LD_PRELOAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return {"LD_PRELOAD": library, "FAKETIME": offset}


def disks_possible() -> bool:
    """Return whether this process may mount a disk for a broker."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


def _mount(place: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(place)], check=True)  # noqa: S607 -- as above


def _fill(file: int) -> int:
    written, block = 0, b"\0" * (1 << 20)
    for size in (len(block), 4096, 1):
        while True:
            try:
                written += os.write(file, block[:size])
            except OSError:
                break
    return written
