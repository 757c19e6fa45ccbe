const { createHash } = require("node:crypto");
const { Kafka, Partitioners } = require("kafkajs");

// uuid5 in the URL namespace (RFC 9562)
function complaintId(source, reportId) {
  const namespace = Buffer.from("6ba7b8119dad11d180b400c04fd430c8", "hex");
  const hash = createHash("sha1").update(namespace).update(`${source}#${reportId}`, "utf8").digest().subarray(0, 16);
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  return hash.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function main() {
  const kafka = new Kafka({ clientId: "sms", brokers: process.env.ALUR_BROKER.split(",") });
  const report = {
    specversion: "1.0", type: "lapor.report.submitted.v1", source: "/channels/sms", id: "1708-000125",
    data: { class: "aspiration", title: "Usul taman bermain di Renon", location: { city: "Denpasar" } },
  };
  const complaint = complaintId(report.source, report.id);
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
  await producer.connect();
  await producer.send({
    topic: `${process.env.ALUR_PREFIX ?? ""}complaints.intake`,
    acks: -1, // all replicas
    messages: [{
      key: complaint, value: JSON.stringify(report), headers: { "content-type": "application/cloudevents+json" },
    }],
  }); // after an exception, send it again with the same id
  await producer.disconnect();
  console.log(complaint);
}

main();
