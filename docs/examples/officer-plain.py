import json
import os
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.partitioner import murmur2

BROKER, PREFIX = os.environ["ALUR_BROKER"], os.environ.get("ALUR_PREFIX", "")
COMPLAINT = "419535e9-5c83-5206-857a-a7517e758cf7"
command = {
    "specversion": "1.0",
    "type": "lapor.command.close-complaint.v1",
    "source": "/offices/panrb",
    "id": "selesai-5532",
    "subject": COMPLAINT,
    "data": {"reason": "Lubang sudah ditambal."},
}
answers = KafkaConsumer(bootstrap_servers=BROKER, group_id=None, isolation_level="read_committed")
count = len(answers.partitions_for_topic(PREFIX + "complaints.events"))
partition = (murmur2(COMPLAINT.encode()) & 0x7FFFFFFF) % count
answers.assign([TopicPartition(PREFIX + name, partition) for name in ("complaints.events", "complaints.rejections")])
for each, end in answers.end_offsets(list(answers.assignment())).items():
    answers.seek(each, end)  # before the command is sent, or the answer may be missed

producer = KafkaProducer(bootstrap_servers=BROKER, acks="all", enable_idempotence=True)
sent = producer.send(PREFIX + "complaints.commands", key=COMPLAINT.encode(), value=json.dumps(command).encode())
sent.get(timeout=30)
producer.close()

outcome, deadline = None, time.monotonic() + 10
while outcome is None and time.monotonic() < deadline:
    for records in answers.poll(timeout_ms=500).values():
        for record in records:
            event = json.loads(record.value)
            # an id is unique for its sender only
            sender = event.get("causationsource") or event["data"].get("command_source")
            if (event.get("causationid"), sender) == (command["id"], command["source"]):
                outcome = event
answers.close()
print(outcome["type"] if outcome else "in the log, and not decided yet")
