// Where this checkout's own node program is.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** `maelstrom/node` of the checkout, found from the sources as well as from dist/maelstrom. */
export function defaultBin(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const local = join(here, "node");
  return existsSync(local) ? local : join(here, "..", "..", "maelstrom", "node");
}
