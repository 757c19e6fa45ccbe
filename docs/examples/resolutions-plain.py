import json
import os
import sqlite3

from kafka import KafkaConsumer

PREFIX = os.environ.get("ALUR_PREFIX", "")
database = sqlite3.connect("board.db")
database.execute("CREATE TABLE IF NOT EXISTS resolutions (complaint TEXT PRIMARY KEY, sequence INTEGER, outcome TEXT)")
consumer = KafkaConsumer(
    PREFIX + "complaints.resolutions",
    bootstrap_servers=os.environ["ALUR_BROKER"],
    group_id=PREFIX + "subscribers-board",  # the prefix that `subscribers` may use
    isolation_level="read_committed",
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    consumer_timeout_ms=5_000,  # for this example, which ends at the end of the topic
)
for record in consumer:
    event = json.loads(record.value)
    if event["type"] != "lapor.resolution.published.v1":
        continue
    with database:
        database.execute(
            "INSERT INTO resolutions VALUES (?, ?, ?) ON CONFLICT (complaint) DO UPDATE "
            "SET sequence = excluded.sequence, outcome = excluded.outcome WHERE excluded.sequence > sequence",
            (event["subject"], int(event["sequence"]), event["data"]["outcome"]),
        )
    consumer.commit()  # after the database has committed
consumer.close()
for row in database.execute("SELECT * FROM resolutions"):
    print(*row)
