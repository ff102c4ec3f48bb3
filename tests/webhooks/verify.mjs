// One delivery per line on standard input; for each, what the published library makes of it.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const { Webhook } = createRequire(process.env.LIBRARY)("standardwebhooks");

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("accepted");
  } catch (error) {
    console.log(`refused: ${error.message}`);
  }
}
