"""What Kafka alone costs: an aiokafka loop that reads the same records and writes the same bytes, and decides nothing.

Started by `bench_engine.py` as a process of its own; prints its figures as JSON.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterable
from itertools import chain

from agents.settings import Settings
from agents.shell import kafka
from events.client import read_all
from events.codec import HEADERS
from events.topics import TopicName

Output = tuple[TopicName, bytes | None, bytes | None]


def outputs_of(settings: Settings) -> dict[int, list[tuple[Output, ...]]]:
    """Return for each partition what the stage wrote for its commands, in order: a fact and a snapshot."""
    written: dict[tuple[TopicName, int], list[Output]] = {}
    for record in read_all(settings, [TopicName.EVENTS, TopicName.STATE]):
        written.setdefault((record.topic, record.partition), []).append((record.topic, record.key, record.value))
    return {
        number: list(zip(written[TopicName.EVENTS, number], written[TopicName.STATE, number], strict=True))
        for number in range(settings.partitions)
    }


async def move(settings: Settings, outputs: dict[int, list[tuple[Output, ...]]]) -> int:
    """Read all commands, write for each what belongs to it, and commit poll by poll; return how many there were."""
    consumer, producer = kafka.consumer(settings, settings.group("bare")), kafka.producer(settings)
    await producer.start()
    await consumer.start()
    consumer.subscribe([settings.topic(TopicName.COMMANDS)])
    done, total, place = 0, sum(map(len, outputs.values())), dict.fromkeys(outputs, 0)
    while done < total:
        for source, records in (await consumer.getmany(timeout_ms=200, max_records=kafka.RECORDS_PER_POLL)).items():
            number, first = source.partition, place[source.partition]
            place[number] = first + len(records)
            batch: Iterable[Output] = chain.from_iterable(outputs[number][first : place[number]])
            sent = [
                await producer.send(
                    settings.topic(topic), value=value, key=key, partition=number, headers=list(HEADERS)
                )
                for topic, key, value in batch
            ]
            await asyncio.gather(*sent)
            await consumer.commit({source: records[-1].offset + 1})
            done += len(records)
    await consumer.stop()
    await producer.stop()
    return done


def main() -> None:
    """Measure, after what is to be written has been read."""
    settings = Settings.from_environment(os.environ)
    outputs = outputs_of(settings)
    cpu, clock = time.process_time(), time.monotonic()
    done = asyncio.run(move(settings, outputs))
    print(json.dumps({"records": done, "cpu": time.process_time() - cpu, "wall": time.monotonic() - clock}))  # noqa: T201 -- its result


if __name__ == "__main__":
    main()
