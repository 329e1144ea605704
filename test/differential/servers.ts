// Servers for tests that compare: redis-server is required in CI and a named skip elsewhere; ours is the
// compiled program, so that the test meets what users meet.

import { isCi } from "../../scripts/lib/project.js";
import {
  type ServerKind,
  ServerProcess,
  whyUnavailable,
} from "../../scripts/lib/server-process.js";

/** Null when all kinds can be started; else the reason to show. In CI a missing server throws. */
export function skipReason(...kinds: readonly ServerKind[]): string | null {
  const reason = kinds.map(whyUnavailable).find((each) => each !== null) ?? null;
  if (reason !== null && isCi) throw new Error(`needed in CI: ${reason}`);
  return reason;
}

/** Starts the servers, runs the work, and ends them whatever happened. */
export async function withServers<T>(
  kinds: readonly ServerKind[],
  work: (servers: readonly ServerProcess[]) => Promise<T>,
): Promise<T> {
  const servers: ServerProcess[] = [];
  try {
    for (const kind of kinds) servers.push(await ServerProcess.start(kind));
    return await work(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}
