// Runs one Maelstrom node on stdin and stdout. Placeholder until the Maelstrom host exists.

import type { MaelstromOptions } from "./maelstrom-options.js";

/** Resolves when stdin ends. */
export async function runMaelstrom(options: MaelstromOptions): Promise<void> {
  throw new Error(`a Maelstrom node with ${JSON.stringify(options)} is not built yet`);
}
