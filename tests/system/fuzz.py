"""100,000 hostile records on a real broker: no stage exits, memory is flat, each is accounted for.

    python -m tests.system.fuzz --records 100000 --seed 1708

The last line is `fuzz: records=N dead=N rejected=N complaints=N memory=R lost=0 doubled=0 pending=0`; `memory` is the
largest ratio of a stage's resident memory at the end to that after the first round. The exit status is 1 if a record
is not accounted for, or a stage has died or grown.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from confluent_kafka import Producer

from agents.cli.context import say
from agents.config.settings import Settings
from agents.local_broker import running_broker
from agents.local_broker.keys import with_local_keys
from agents.ops.audit import audit
from agents.ops.topics import ensure_topics
from events.topics import BY_NAME, INWARD_RECORD_BYTES, STAGES, TopicName
from tests.system.hostile import Hostile, at_size_limit, batch_of_one, examples, hostile, made, unreadable
from tests.system.workers import Worker, behind, running, wait_for
from workflow.audit.complaint_history import Code
from workflow.audit.invariants import Audit

INWARD: Final = (TopicName.INTAKE, TopicName.COMMANDS)
OUTWARD: Final = (TopicName.EVENTS, TopicName.STATE, TopicName.STORIES, TopicName.RESOLUTIONS)
"""A misconfigured producer may write there, as much as the broker takes."""
UNREADABLE: Final = 3
"""Records that the client of the stages cannot even unpack, for each topic."""
MOST_GROWTH: Final = 1.25
PATIENCE_SECONDS: Final = 1_200.0
STILL: Final = 3
"""So many times in a row nobody has to be behind."""
_NOT_LEADER: Final = 6
_COMPRESSION: Final = ("none", "gzip", "lz4", "zstd")


class Sender:
    """Publishes hostile records with clients of several kinds."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        common = {
            "bootstrap.servers": settings.broker,
            "partitioner": "murmur2_random",
            "message.max.bytes": 8_000_000,
            "linger.ms": 5,
        }
        self._producers = [Producer({**common, "compression.type": kind}) for kind in _COMPRESSION]

    def send(self, lots: random.Random, topic: TopicName, record: Hostile) -> None:
        """Publish one."""
        producer = lots.choice(self._producers)

        def acknowledged(error: Any, _message: Any) -> None:
            (self.sent if error is None else self.refused)[topic] += 1

        options: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
        while True:
            try:
                producer.produce(
                    self.settings.topic(topic),
                    value=record.value,
                    key=record.key,
                    headers=record.headers,
                    timestamp=record.timestamp,
                    on_delivery=acknowledged,
                    **options,
                )
            except BufferError:
                producer.poll(0.1)
            else:
                break
        producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has taken or refused everything."""
        for producer in self._producers:
            if producer.flush(120):
                raise SystemExit("the broker does not answer")

    def send_brimful(self, lots: random.Random, found: Mapping[TopicName, list[dict[str, Any]]]) -> None:
        """Publish records of the largest size that is accepted, and of one byte less and more."""
        for topic in INWARD:
            for size in (INWARD_RECORD_BYTES - 1, INWARD_RECORD_BYTES, INWARD_RECORD_BYTES + 1):
                for record in at_size_limit(made(lots, lots.choice(found[topic])), size):
                    self.send(lots, topic, record)
            self.flush()
        for topic in (*INWARD, *OUTWARD):
            limit = int(BY_NAME[topic].config["max.message.bytes"])
            for size in (limit, limit + 1):
                self.send(lots, topic, batch_of_one(size))
                self.flush()

    def send_unreadable(self) -> None:
        """Publish batches that no Python client would write."""
        asyncio.run(self._send_raw(unreadable()))

    async def _send_raw(self, batch: bytes) -> None:
        client = AIOKafkaClient(bootstrap_servers=self.settings.broker)
        await client.bootstrap()
        for topic in INWARD:
            name = self.settings.topic(topic)
            client.add_topic(name)
            await client.force_metadata_update()
            request = ProduceRequest(
                required_acks=-1, timeout=10_000, topics=[(name, [(0, batch)])], transactional_id=None
            )
            for _ in range(UNREADABLE):
                answer = await client.send(client.cluster.leader_for_partition(TopicPartition(name, 0)), request)
                if answer.topics[0][1][0][1]:
                    raise SystemExit(f"the broker does not take it: {answer}")
                self.sent[topic] += 1
        await client.close()


def await_processed(settings: Settings, workers: Mapping[str, Worker]) -> None:
    """Wait until no group lags, several times in a row.

    Raises:
        SystemExit: a stage has died, or does not get on.
    """
    still = 0

    def caught_up() -> bool:
        nonlocal still
        still = 0 if any(behind(settings).values()) else still + 1
        return still >= STILL

    wait_for("all groups have caught up", caught_up, *workers.values(), seconds=PATIENCE_SECONDS)


def fuzz(settings: Settings, folder: Path, records: int, seed: int, rounds: int) -> tuple[Audit, Sender, float]:
    """Send records to each inward topic; return findings of the audit, the sender, and growth of memory."""
    lots = random.Random(seed)  # noqa: S311 -- to be drawn again by its seed
    found = {topic: examples(topic) for topic in INWARD}
    sender = Sender(settings)
    with running(settings, folder, *STAGES) as workers:
        first: dict[str, float] = {}
        for number in range(rounds):
            began = time.monotonic()
            for _ in range(records // rounds):
                for topic in INWARD:
                    sender.send(lots, topic, hostile(lots, found[topic], settings.partitions))
            sender.flush()
            sender.send_brimful(lots, found)
            sender.send_unreadable()
            await_processed(settings, workers)
            memory = {stage: worker.memory()[0] for stage, worker in workers.items()}
            first = first or memory
            shown = ", ".join(f"{stage} {each:.0f}" for stage, each in memory.items())
            say(f"{number + 1}/{rounds} after {time.monotonic() - began:.0f} s; MB: {shown}")
        await_processed(settings, workers)
        return audit(settings), sender, max(memory[stage] / first[stage] for stage in STAGES)


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=100_000, help="for each inward topic")
    parser.add_argument("--seed", type=int, default=1708)
    parser.add_argument("--rounds", type=int, default=5, help="memory is looked at after each")
    options = parser.parse_args()
    with running_broker(os.environ, say) as broker, tempfile.TemporaryDirectory(prefix="alur-fuzz-") as folder:
        settings = Settings(broker=broker, prefix=f"fuzz{uuid.uuid4().hex[:8]}.", partitions=4)
        settings = with_local_keys(settings, os.environ)
        ensure_topics(settings)
        found, sender, growth = fuzz(settings, Path(folder), options.records, options.seed, options.rounds)
    for violation in found.violations[:20]:
        say(str(violation))
    counts = found.counts
    say(f"sent {dict(sender.sent)}, refused by the broker {dict(sender.refused)}; {counts}")
    say(
        f"fuzz: records={sender.sent.total()} dead={counts.dead} rejected={counts.rejections} "
        f"complaints={counts.complaints} memory={growth:.2f} lost={found.lost} doubled={found.doubled} "
        f"pending={counts.pending}"
    )
    # no stage reads resolutions: each hostile one is named by the audit, and there is nothing else to find
    named = [each.code is Code.UNREADABLE and each.position.topic is TopicName.RESOLUTIONS for each in found.violations]
    as_sent = all(named) and len(named) == sender.sent[TopicName.RESOLUTIONS]
    return int(not as_sent or bool(counts.pending) or growth > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
