// The gate of placement: a command whose keys lie in a shard that this node does not serve is sent
// to a node that does, by MOVED, as cluster-aware clients know it (Redis Cluster specification).
// Linearizable keys are not asked about: every node serves those.
//
// Where the shard has a read copy here, commands that only read are answered from it. Transactions
// and whatever may wait for a key go to who serves the shard.
//
// EXEC is asked about all that it is to run and all that is watched: a shard may have gone to
// others since. The same holds for who waits for a key (`errorForKey`).

import type { Call } from "../commands/call.js";
import { type Command, keyPositions } from "../commands/command.js";
import type { Session, Transaction } from "../commands/session.js";
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

export function placingGate(ports: PlacingGatePorts): Gate {
  /** Slots of what an open transaction has queued. */
  const queued = new WeakMap<Transaction, Set<number>>();
  return (call, command, session, refuse) => {
    if (call.isInsideExec) return false;
    const { transaction } = session;
    let used: Set<number> | undefined;
    if (transaction !== undefined) {
      used = queued.get(transaction) ?? new Set();
      queued.set(transaction, used);
    }
    const error =
      command.name === "exec"
        ? objectionToExec(ports, session, used ?? noSlots)
        : objection(ports, call, command, used);
    if (error === undefined) return false;
    refuse(error);
    return true;
  };
}

/** What to answer for a key that is served elsewhere; undefined: it is served here. */
export function errorForKey(ports: PlacingGatePorts, key: Uint8Array): string | undefined {
  if (ports.consistency.modeOf(key, 0, key.length) === "linearizable") return undefined;
  return errorForSlot(ports, slotOfKey(key));
}

const bytesOf = (call: Call): number =>
  call.start(call.argc - 1) + call.size(call.argc - 1) - call.start(0);

function objectionToExec(
  ports: PlacingGatePorts,
  { watched }: Session,
  used: ReadonlySet<number>,
): string | undefined {
  for (const slot of used) {
    const error = errorForSlot(ports, slot);
    if (error !== undefined) return error;
  }
  for (const { key } of watched) {
    const error = errorForKey(ports, Buffer.from(key, "latin1"));
    if (error !== undefined) return error;
  }
  return undefined;
}

function errorForSlot(
  { shardCount, placing, addressOf }: PlacingGatePorts,
  slot: number,
): string | undefined {
  const shard = shardOfSlot(slot, shardCount);
  if (placing.serves(shard)) return undefined;
  for (const server of placing.serversOf(shard)) {
    const address = addressOf(server);
    if (address !== undefined && address !== "") return `MOVED ${slot} ${address}`;
  }
  return "CLUSTERDOWN Hash slot not served";
}

const noSlots: ReadonlySet<number> = new Set();

/** @param used gathers the slots of the command's keys */
function objection(
  ports: PlacingGatePorts,
  call: Call,
  command: Command,
  used: Set<number> | undefined,
): string | undefined {
  const { shardCount, consistency, placing } = ports;
  const isRead = !command.isWrite && command.flags.includes("readonly");
  const mayUseCopy = isRead && used === undefined && !command.flags.includes("blocking");
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
    used?.add(slot);
    const shard = shardOfSlot(slot, shardCount);
    if (placing.serves(shard) || (mayUseCopy && placing.hasCopy(shard))) {
      // Each shard that a request is about counts it; its bytes count with the first.
      placing.count(shard, slots === 1 ? bytesOf(call) : 0, isRead);
      if (isRead) placing.hotKeys.note(shard, call.bytes, start, size);
    } else missing = slot;
  }
  if (missing < 0) return undefined;
  if (slots > 1) return "CROSSSLOT Keys in request don't hash to the same slot";
  return errorForSlot(ports, missing);
}
