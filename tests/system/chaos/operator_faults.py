"""Faults that an operator causes or has to repair: each is followed by the steps of docs/how-to/runbook.md.

What a fault takes by itself (records that are deleted, complaints that stand still until they are repaired) has to be
reported; everything else has to be as if it had not been.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Producer
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import GroupIdNotFoundError
from kafka.structs import OffsetAndMetadata

from agents.cli.context import say
from agents.runtime.process import EXIT_REFUSED
from events.access import ROLES
from events.client import Record, read_all
from events.client.administration import admin_client
from events.topics import STAGES, TopicName
from tests.system.chaos.faults import WORKERS_PER_STAGE, Fault, Machine

PATIENCE: Final = 120.0
"""Seconds for a stage to refuse, or for records to come."""
_RESET: Final = ("intake", "lifecycle", "verification", "disposition", "escalation", "resolution")
_EXPIRING: Final = ("intake", "lifecycle")
"""Stages whose topics are not kept for ever."""


def _until(probe: Callable[[], Any], machine: Machine | None = None) -> Any:
    """Return the result of `probe` once it is true; None after a timeout."""
    deadline = time.monotonic() + PATIENCE
    while not (found := probe()) and time.monotonic() < deadline:
        if machine is not None:
            machine.tend()
        time.sleep(0.1)
    return found or None


def alur(machine: Machine, *arguments: str) -> str:
    """Run an operator's command, and return its output."""
    done = subprocess.run(
        [sys.executable, "-c", "from agents.cli import main; main()", *arguments],
        env={**os.environ, **machine.settings.to_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout or done.stderr


def reset_offsets(machine: Machine, lots: random.Random) -> str:
    """Reset an offset of a stage; the stage refuses it, and it is corrected."""
    stage, to = lots.choice(_RESET), lots.choice([OffsetSpec.EARLIEST, OffsetSpec.LATEST])
    settings = machine.settings
    group = settings.group(stage)
    place = TopicPartition(settings.topic(STAGES[stage]), lots.randrange(settings.partitions))
    with admin_client(settings) as client:
        if not _until(lambda: _committed(client, group, place), machine):
            return f"{stage}: nothing is committed yet"
        machine.stop_stage(stage)
        _until(lambda: client.describe_groups([group])[group]["group_state"] in {"Empty", "Dead"})
        right = _committed(client, group, place)
        # what comes while it stands still is what an offset at the end would skip
        _until(lambda: client.list_partition_offsets({place: OffsetSpec.LATEST})[place].offset > right, machine)
        wrong = client.list_partition_offsets({place: to})[place].offset
        if wrong != right:
            client.alter_group_offsets(group, {place: OffsetAndMetadata(wrong, "", -1)})
            machine.expect(f"{stage} refuses offset {wrong}", _refuses(machine, stage))
            _until(lambda: client.describe_groups([group])[group]["group_state"] in {"Empty", "Dead"})
            client.alter_group_offsets(group, {place: OffsetAndMetadata(right, "", -1)})
            accepted = alur(machine, "offsets", "accept", stage)
            machine.expect(f"offset {right} is accepted: {accepted}", f"offset {right} of" in accepted)
    machine.start_stage(stage, WORKERS_PER_STAGE)
    return f"{stage}, partition {place.partition}: {wrong} in place of {right}"


def _committed(client: Any, group: str, place: TopicPartition) -> int:
    """Return the committed offset of the group, 0 without one."""
    try:
        found = client.list_group_offsets(group).get(group, {}).get(place)
    except GroupIdNotFoundError:
        return 0
    return 0 if found is None else max(found.offset, 0)


def _refuses(machine: Machine, stage: str) -> bool:
    """Return whether a worker of `stage` refuses to start, and remove it."""
    worker = machine.start(stage)
    machine.workers.remove(worker)
    refused = _until(lambda: worker.process.poll() is not None, machine) and worker.process.returncode == EXIT_REFUSED
    worker.process.kill()
    worker.process.wait()
    return bool(refused)


def expire_read(machine: Machine, lots: random.Random) -> str:
    """Let records expire that were read."""
    stage = lots.choice(_EXPIRING)
    place = TopicPartition(machine.settings.topic(STAGES[stage]), lots.randrange(machine.settings.partitions))
    with admin_client(machine.settings) as client:
        found = _until(lambda: _committed(client, machine.settings.group(stage), place), machine)
        if not found:
            return f"{stage}: nothing is committed yet"
        client.delete_records({place: found})
    return f"{place.topic}-{place.partition} up to {found}"


def expire_unread(machine: Machine, lots: random.Random) -> str:
    """Let records expire unread while a stage is down, which is an incident."""
    stage = lots.choice(_EXPIRING)
    settings = machine.settings
    group, topic = settings.group(stage), settings.topic(STAGES[stage])
    places = [TopicPartition(topic, number) for number in range(settings.partitions)]
    with admin_client(settings) as client:
        _until(lambda: all(_committed(client, group, place) for place in places), machine)
        machine.stop_stage(stage)

        def unread() -> tuple[TopicPartition, range] | None:
            for place, end in client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST)).items():
                if 0 < (begins := _committed(client, group, place)) < end.offset - 1:
                    return place, range(begins, end.offset)
            return None

        found = _until(unread, machine)
        if found is not None:
            place, offsets = found
            for each in read_all(settings, [STAGES[stage]]):
                if each.partition == place.partition and each.offset in offsets:
                    machine.expired.add((each.key or b"").decode())
            client.delete_records({place: offsets.stop})
    machine.start_stage(stage, WORKERS_PER_STAGE)
    if found is None:
        return f"{stage}: nothing came"
    machine.incidents.append(f"{STAGES[stage]}-{place.partition}")
    return f"{topic}-{place.partition} up to {offsets.stop}, unread by {stage}"


def foreign_records(machine: Machine, lots: random.Random) -> str:
    """Write foreign records to the engine's topics: a tombstone, garbage and a repeated fact."""
    settings = machine.settings

    def others() -> list[Record]:
        return [each for each in read_all(settings, [TopicName.EVENTS]) if each.key and each.key not in machine.foreign]

    records = _until(others, machine)
    if not records:
        return "no complaint is there yet"
    victim = lots.choice(records)
    producer = Producer({"bootstrap.servers": settings.broker})
    for topic, value in (
        (TopicName.STATE, lots.choice([None, b"{}", b"\xff"])),
        (TopicName.EVENTS, victim.value),
        (TopicName.STORIES, b"[]"),
    ):
        producer.produce(settings.topic(topic), key=victim.key, value=value, partition=victim.partition)
    if producer.flush(PATIENCE):
        raise RuntimeError("the broker did not take the foreign records")
    machine.foreign.append(victim.key or b"")
    return (victim.key or b"").decode()


def clock_jump(machine: Machine, lots: random.Random) -> str:
    """The clock of a broker goes back by an hour, for as long as a person needs to notice it."""
    return machine.brokers.jump(lots)


def repair(machine: Machine) -> None:
    """Repair what foreign records have damaged, as in the runbook; only the stages run."""
    for key in machine.foreign:
        # refused where nothing is quarantined: what lifecycle has written since lies above the foreign record
        say(f"repair: {alur(machine, 'state', 'repair', key.decode()).strip()}")
    letters = alur(machine, "dead", "list", "--quiet", "--code", "quarantined").split()
    if letters:
        alur(machine, "dead", "replay", *letters)


def unreported(machine: Machine) -> list[str]:
    """Return the places whose records expired unread and that no incident names."""
    found = json.loads(alur(machine, "audit", "--json", "--live"))["incidents"]
    named = {f"{each['topic']}-{each['partition']}" for each in found}
    return [place for place in machine.incidents if place not in named]


def add_partitions(machine: Machine, _lots: random.Random) -> str:
    """Partitions are added to a topic: the end of an installation. Every worker has to end, and to refuse to start."""
    name = machine.settings.topic(TopicName.COMMANDS)
    with admin_client(machine.settings) as client:
        client.create_partitions({name: machine.settings.partitions + 1})
    return _ended(machine, TopicName.COMMANDS)


def recreate_topic(machine: Machine, _lots: random.Random) -> str:
    """A topic is deleted and recreated, as auto-creation does: likewise."""
    name = machine.settings.topic(TopicName.REJECTIONS)
    with admin_client(machine.settings) as client:
        client.delete_topics([name])
        layout = {"num_partitions": machine.settings.partitions, "replication_factor": machine.settings.replication}
        _until(lambda: client.create_topics({name: layout}, raise_errors=False)["topics"][0]["error_code"] == 0)
    return _ended(machine, TopicName.REJECTIONS)


def _ended(machine: Machine, topic: TopicName) -> str:
    name = machine.settings.topic(topic)
    workers = [each for each in machine.workers if topic in ROLES[each.stage].topics]
    _until(lambda: all(each.process.poll() is not None for each in workers))
    for worker in workers:
        machine.expect(f"{worker.stage} ends with {EXIT_REFUSED}", worker.process.poll() == EXIT_REFUSED)
    incidents = json.loads(alur(machine, "audit", "--json", "--live"))["incidents"]
    named = [each["id"] for each in incidents if machine.settings.topic(each["topic"]) == name]
    machine.expect(f"`alur audit` names {name}", bool(named))
    return f"{name}: {', '.join(named)}"


SLIPS: Final[dict[Fault, int]] = {
    reset_offsets: 2,
    expire_read: 2,
    expire_unread: 1,
    foreign_records: 2,
    clock_jump: 1,
}
"""Those from which an installation comes back, and their weight in the draw."""
ENDS: Final[tuple[Fault, ...]] = (add_partitions, recreate_topic)
"""Those with which it ends: one of them comes last."""
