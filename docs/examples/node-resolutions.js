const { Kafka } = require("kafkajs");

async function main() {
  const prefix = process.env.ALUR_PREFIX ?? "";
  const kafka = new Kafka({ clientId: "board", brokers: process.env.ALUR_BROKER.split(",") });
  const consumer = kafka.consumer({ groupId: `${prefix}subscribers-board-js` });
  const highest = new Map(); // in production: a table with the complaint as its key
  await consumer.connect();
  await consumer.subscribe({ topics: [`${prefix}complaints.resolutions`], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const event = JSON.parse(message.value.toString());
      if (event.type !== "lapor.resolution.published.v1") return;
      const known = highest.get(event.subject);
      if (known && known.sequence >= event.sequence) return; // ten digits each, so strings compare like numbers
      highest.set(event.subject, event);
      console.log(event.subject, event.data.outcome);
    },
  });
  setTimeout(async () => { await consumer.disconnect(); process.exit(0); }, 15_000); // for this example
}

main();
