import json
import os
import sqlite3

from kafka import KafkaConsumer, TopicPartition

PREFIX = os.environ.get("ALUR_PREFIX", "")
database = sqlite3.connect("mirror.db")
database.execute("CREATE TABLE IF NOT EXISTS complaints (id TEXT PRIMARY KEY, version INTEGER, status TEXT)")


def consumer_of(name, isolation_level="read_committed"):
    consumer = KafkaConsumer(
        bootstrap_servers=os.environ["ALUR_BROKER"],
        group_id=None,
        isolation_level=isolation_level,
        auto_offset_reset="earliest",
    )
    topic = PREFIX + name
    consumer.assign([TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)])
    return consumer, consumer.end_offsets(list(consumer.assignment()))


def up_to(consumer, ends):
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for records in consumer.poll(timeout_ms=500).values():
            yield from records


def take_in(complaint):
    with database:
        database.execute(
            "INSERT INTO complaints VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
            "SET version = excluded.version, status = excluded.status WHERE excluded.version > version",
            (complaint["complaint_id"], complaint["version"], complaint["status"]),
        )


# 1. the present end of the facts
facts, begin = consumer_of("complaints.events")
# 2. then the end of the state, open transactions included: the snapshots of the facts above are before it
asking, written = consumer_of("complaints.state", isolation_level="read_uncommitted")
asking.close()
state, _ = consumer_of("complaints.state")
for record in up_to(state, written):
    if record.key != b"calendar" and record.value:
        take_in(json.loads(record.value)["data"]["complaint"])
state.close()
# 3. the facts from 1. on, without versions that the state already had
for partition, offset in begin.items():
    facts.seek(partition, offset)
for record in up_to(facts, facts.end_offsets(list(begin))):  # `for record in facts:` continues
    take_in(json.loads(record.value)["data"]["complaint"])
facts.close()
for row in database.execute("SELECT * FROM complaints ORDER BY 1"):
    print(*row)
