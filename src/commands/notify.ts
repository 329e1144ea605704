// Keyspace events: every command that changes a key names the change here, in Redis's words ("set",
// "incrby", "del", ...) and class. Who listens, and by which channel a client hears of it, is not
// the command's business.

import type { Call } from "./call.js";

/** The classes of notify-keyspace-events. */
export type EventGroup = "generic" | "string" | "list" | "set" | "hash" | "zset" | "stream";

/**
 * Says that something happened to the key that is argument `index`. Costs nothing while nobody
 * listens.
 */
export function notify(call: Call, group: EventGroup, event: string, index: number): void {
  const listener = call.keyspace.onEvent;
  if (listener !== undefined) listener(group, event, call.db.index, call.copy(index));
}
