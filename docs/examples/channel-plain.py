import json
import os
import uuid

from kafka import KafkaProducer

SOURCE, REPORT_ID = "/channels/sms", "1708-000124"
report = {
    "specversion": "1.0",
    "type": "lapor.report.submitted.v1",
    "source": SOURCE,
    "id": REPORT_ID,
    "data": {"class": "information_request", "title": "Jam buka puskesmas di Ubung?"},
}
complaint = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SOURCE}#{REPORT_ID}"))
producer = KafkaProducer(bootstrap_servers=os.environ["ALUR_BROKER"], acks="all", enable_idempotence=True)
sent = producer.send(
    os.environ.get("ALUR_PREFIX", "") + "complaints.intake",
    key=complaint.encode(),
    value=json.dumps(report).encode(),
    headers=[("content-type", b"application/cloudevents+json")],
)
sent.get(timeout=30)  # after an exception, send it again with the same id
producer.close()
print(complaint)
