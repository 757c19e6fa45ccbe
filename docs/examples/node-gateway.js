const { Kafka, Partitioners } = require("kafkajs");

async function main() {
  const prefix = process.env.ALUR_PREFIX ?? "";
  const kafka = new Kafka({ clientId: "portal", brokers: process.env.ALUR_BROKER.split(",") });
  const command = {
    specversion: "1.0", type: "lapor.command.withdraw-complaint.v1", source: "/citizens/1742", id: "batal-17",
    subject: "47f3846e-a9d4-5d38-ae58-daa60305d00a", data: { reason: "Sudah selesai." },
  };

  // one consumer for the whole process, started before the first command: answers are matched by id
  const answers = kafka.consumer({ groupId: `${prefix}gateways-portal-${process.pid}`, maxWaitTimeInMs: 500 });
  await answers.connect();
  await answers.subscribe({ topics: [`${prefix}complaints.events`, `${prefix}complaints.rejections`] });
  // the first fetch fixes the start position: answers to commands sent before may be missed
  const reading = new Promise((resolve) => answers.on(answers.events.FETCH, resolve));
  const outcome = new Promise((resolve) => {
    answers.run({
      eachMessage: async ({ message }) => {
        const event = JSON.parse(message.value.toString());
        const sender = event.causationsource ?? event.data.command_source;
        if (event.causationid === command.id && sender === command.source) resolve(event);
      },
    });
  });
  await reading;

  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
  await producer.connect();
  await producer.send({
    topic: `${prefix}complaints.commands`,
    acks: -1,
    messages: [{ key: command.subject, value: JSON.stringify(command) }],
  });
  await producer.disconnect();

  const waiting = new Promise((resolve) => setTimeout(resolve, 20_000));
  const event = await Promise.race([outcome, waiting]);
  console.log(event ? event.type : "in the log, and not decided yet");
  await answers.disconnect();
  process.exit(0);
}

main();
