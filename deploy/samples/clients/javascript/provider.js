// README's provider: publishes a service, accepts what it is offered, opens the contact, and reports the help.  node provider.js ID
const { kafka, newKeyPair, openSealed, publicKeyText, publish, read } = require("./common");

const me = process.argv[2] ?? "brest-shelter";
const shelter = { service: "beds", name: "Shelter beds", categories: ["shelter"], capacity: 12, areas: ["BY-BR"] };

async function main() {
  const { privateKey, publicKey } = await newKeyPair(); // store yours, and keep it safe
  const client = kafka();
  const producer = client.producer();
  await producer.connect();
  const directory = `provider.${me}.directory`;
  const profile = { name: "Brest Shelter", public_key: await publicKeyText(publicKey) };
  await publish(producer, directory, "profile", "provider.profile.v1", profile);
  await publish(producer, directory, "beds", "provider.service.v1", shelter);
  const answer = ({ referral_id, need, attempt }, what) =>
    publish(producer, `provider.${me}.responses`, referral_id, "provider.answered.v1", { referral_id, need, attempt, answer: what });
  await read(client, `provider.${me}.notifications`, `provider.${me}.sample`, async (type, body) => {
    if (type === "provider.offer.v1") {
      console.log("offered:", body.category, body.urgency, body.person.age_band);
      await answer(body, "accepted");
    }
    if (type === "provider.contact-released.v1") {
      console.log("released:", await openSealed(privateKey, body.sealed, `referral-routing/contact/${body.need_id}`));
      await answer(body, "delivered");
    }
  });
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
