// README's agency: publishes one referral and prints what becomes of its need.  node agency.js ID
const { kafka, publish, read } = require("./common");

const me = process.argv[2] ?? "brest-help";
const referral = {
  reference: "R-2026-17",
  referrer: "organisation",
  location: { admin1: "BY-BR" },
  person: { name: "Alesia Novik", age_band: "18-59", sex: "female", languages: ["be", "ru"], contact: { may_contact: false } },
  consent: {
    basis: "consent",
    given_by: "person",
    given_at: new Date().toISOString(),
    grants: [{ recipients: "any", fields: ["name"] }],
  },
  needs: [{ need: "bed", category: "shelter", urgency: "urgent" }],
};

async function main() {
  const client = kafka();
  const producer = client.producer();
  await producer.connect();
  await publish(producer, `agency.${me}.referrals`, referral.reference, "agency.submitted.v1", referral, { mode: "structured" });
  await read(client, `agency.${me}.status`, `agency.${me}.sample`, (type, status) => {
    console.log(status.need ?? "-", status.state ?? type, status.code ?? "-", JSON.stringify(status.problems ?? []));
  });
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
