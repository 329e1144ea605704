// The gate of placement: a command whose keys lie in a shard that this node does not serve is sent
// to a node that does, by MOVED, as cluster-aware clients know it (Redis Cluster specification).
// Linearizable keys are not asked about: every node serves those.

import type { Call } from "../commands/call.js";
import { type Command, keyPositions } from "../commands/command.js";
import { shardOfSlot, slotOfKey } from "../keyspace/slot.js";
import type { Consistency } from "./consistency.js";
import type { Gate } from "./dispatcher-gates.js";
import type { Placing } from "./placing.js";

export interface PlacingGatePorts {
  readonly shardCount: number;
  readonly consistency: Consistency;
  readonly placing: Placing;
  /** `host:port` for clients; undefined: nobody said. */
  addressOf(node: string): string | undefined;
}

export const placingGate =
  (ports: PlacingGatePorts): Gate =>
  (call, command, _session, refuse) => {
    const error = call.isInsideExec ? undefined : objection(ports, call, command);
    if (error === undefined) return false;
    refuse(error);
    return true;
  };

function objection(
  { shardCount, consistency, placing, addressOf }: PlacingGatePorts,
  call: Call,
  command: Command,
): string | undefined {
  if (command.flags.includes("pubsub")) return undefined; // Channels have slots and are no keys.
  let missing = -1;
  let slots = 0;
  let last = -1;
  for (const index of keyPositions(command, call) ?? []) {
    if (index >= call.argc) continue;
    const [start, size] = [call.start(index), call.size(index)];
    if (consistency.modeOf(call.bytes, start, size) === "linearizable") continue;
    const slot = slotOfKey(call.bytes, start, start + size);
    if (slot !== last) slots++;
    last = slot;
    if (!placing.serves(shardOfSlot(slot, shardCount))) missing = slot;
  }
  if (missing < 0) return undefined;
  if (slots > 1) return "CROSSSLOT Keys in request don't hash to the same slot";
  for (const server of placing.serversOf(shardOfSlot(missing, shardCount))) {
    const address = addressOf(server);
    if (address !== undefined && address !== "") return `MOVED ${missing} ${address}`;
  }
  return "CLUSTERDOWN Hash slot not served";
}
