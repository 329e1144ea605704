// What the tests of real clusters share: clients that are gone after each test, and waiting for
// what becomes true in time.

import type { Redis } from "ioredis";
import { sleep } from "../../scripts/lib/server-process.js";

let clients: Redis[] = [];

/** A client whose connection may break; it is gone after the test. */
export function keep(client: Redis): Redis {
  client.on("error", () => {});
  clients.push(client);
  return client;
}

export function disconnectClients(): void {
  for (const client of clients) client.disconnect();
  clients = [];
}

/** Waits until a check holds. @throws its last error after so many ms. */
export async function holdsWithin(ms: number, check: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + ms;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(25);
    }
  }
}
