"""Baseline: an aiokafka loop that reads the same records and writes the same bytes without decisions.

    ALUR_BROKER=... ALUR_PREFIX=... python bare_loop.py lifecycle

Started by `stages.py` as a process of its own; prints its figures as JSON. It is written as one writes such a loop: no
transactions, `send` for each record, then their acknowledgements, then the offset.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from agents.config.settings import Settings
from agents.kafka import clients
from events.client import read_all
from events.codec.encode import HEADERS
from events.topics import STAGES, TOPICS, TopicName

Output = tuple[TopicName, bytes | None, bytes | None]
"""Topic, key and value."""
_OUTPUTS = tuple(topic.name for topic in TOPICS)


def outputs_of(settings: Settings, stage: str) -> dict[int, list[Output]]:
    """Return the outputs of the stage per partition, in their order across topics."""
    topics: dict[tuple[int, TopicName], list[Output]] = defaultdict(list)
    for record in read_all(settings, [name for name in _OUTPUTS if name is not STAGES[stage]]):
        topics[record.partition, record.topic].append((record.topic, record.key, record.value))
    mixed: dict[int, list[tuple[float, Output]]] = defaultdict(list)
    for (partition, _), outputs in topics.items():
        mixed[partition] += [(place / len(outputs), output) for place, output in enumerate(outputs)]
    return {
        partition: [output for _, output in sorted(outputs, key=lambda each: each[0])]
        for partition, outputs in mixed.items()
    }


async def move(settings: Settings, stage: str, outputs: dict[int, list[Output]], totals: dict[int, int]) -> int:
    """Read all records, write with each poll its share of `outputs`, and commit; return how many were written."""
    consumer = clients.consumer(settings, settings.group("bare"))
    producer: Any = clients.producer(settings)
    await producer.start()
    await consumer.start()
    consumer.subscribe([settings.topic(STAGES[stage])])
    done, written = dict.fromkeys(totals, 0), dict.fromkeys(totals, 0)
    headers = list(HEADERS)
    while done != totals:
        for source, records in (await consumer.getmany(timeout_ms=200, max_records=clients.RECORDS_PER_POLL)).items():
            number = source.partition
            done[number] += len(records)
            own = outputs.get(number, [])
            share = own[written[number] : len(own) * done[number] // totals[number]]
            written[number] += len(share)
            sent = [
                await producer.send(settings.topic(topic), value=value, key=key, partition=number, headers=headers)
                for topic, key, value in share
            ]
            await asyncio.gather(*sent)
            await consumer.commit({source: records[-1].offset + 1})
    await consumer.stop()
    await producer.stop()
    return sum(written.values())


def main() -> None:
    """Measure, after reading what is to be written."""
    stage = sys.argv[1]
    settings = Settings.from_environment(os.environ)
    outputs = outputs_of(settings, stage)
    totals = Counter(record.partition for record in read_all(settings, [STAGES[stage]]))
    cpu, clock = time.process_time(), time.monotonic()
    written = asyncio.run(move(settings, stage, outputs, dict(totals)))
    spent = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - clock}
    print(json.dumps({"records": totals.total(), "written": written, **spent}))  # noqa: T201 -- its result


if __name__ == "__main__":
    main()
