// Starts the node behind its Redis listener. Placeholder until the TCP host exists.

import type { SkerryConfig } from "../host/config.js";

/** Resolves once the node has stopped. */
export async function serve(config: SkerryConfig): Promise<void> {
  throw new Error(`serving on port ${config.settings.port} is not built yet`);
}
