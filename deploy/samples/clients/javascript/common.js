// What both sides share: a login, CloudEvents over Kafka, and the key that contacts are encrypted to.
// Kafka's address and login are in KAFKA, KAFKA_USER and KAFKA_PASSWORD; with TLS, KAFKA_CA is the file of the authority.
const fs = require("node:fs");
const { randomUUID } = require("node:crypto");
const { CloudEvent, Kafka: binding } = require("cloudevents");
const { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } = require("@hpke/core");
const { Kafka, logLevel } = require("kafkajs");

const TYPES = "org.referral-routing.";
const { KAFKA, KAFKA_USER: username, KAFKA_PASSWORD: password, KAFKA_CA } = process.env;

const kafka = () =>
  new Kafka({
    clientId: "sample",
    brokers: KAFKA.split(","),
    ssl: KAFKA_CA ? { ca: [fs.readFileSync(KAFKA_CA)] } : false,
    sasl: { mechanism: "scram-sha-512", username, password },
    logLevel: logLevel.ERROR,
  });

// Publishes an event, in CloudEvents' binary or structured mode: both are read. Repeat it with the same id if in doubt.
async function publish(producer, topic, key, type, data, { mode = "binary", id = randomUUID() } = {}) {
  const event = new CloudEvent({ id, source: `/${topic}`, type: TYPES + type, datacontenttype: "application/json", data });
  const { headers: all, value } = binding[mode](event);
  const headers = Object.fromEntries(Object.entries(all).filter(([, text]) => text !== undefined)); // the SDK lists unset ones
  const text = typeof value === "string" ? value : JSON.stringify(value); // the SDK leaves the body as an object
  await producer.send({ topic, messages: [{ key, headers, value: text }] });
}

// Calls `handle(type, data)` for each event of a topic, from its beginning. An event may come again, with the same id.
async function read(client, topic, groupId, handle) {
  const consumer = client.consumer({ groupId });
  const seen = new Set(); // a real client keeps these ids together with what it stores
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, value.toString()]));
      const event = binding.toEvent({ headers, value: message.value.toString() });
      if (seen.has(event.id)) return;
      seen.add(event.id);
      const data = typeof event.data === "string" ? JSON.parse(event.data) : event.data;
      await handle(event.type.slice(TYPES.length), data);
    },
  });
}

// HPKE, RFC 9180, in base mode: X25519, HKDF-SHA256, AES-256-GCM. `sealed` is the encapsulated key and the ciphertext.
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const exactly = (bytes) => Uint8Array.from(bytes).buffer;

async function openSealed(privateKey, sealed, purpose) {
  const bytes = Buffer.from(sealed, "base64");
  const info = exactly(Buffer.from(purpose));
  const recipient = await suite.createRecipientContext({ recipientKey: privateKey, enc: exactly(bytes.subarray(0, 32)), info });
  return Buffer.from(await recipient.open(exactly(bytes.subarray(32)))).toString();
}

module.exports = {
  kafka,
  publish,
  read,
  newKeyPair: () => suite.kem.generateKeyPair(),
  publicKeyText: async (key) => Buffer.from(await suite.kem.serializePublicKey(key)).toString("base64"),
  privateKeyFrom: (text) => suite.kem.deserializePrivateKey(exactly(Buffer.from(text, "base64"))),
  openSealed,
};
