// The services that Maelstrom offers to nodes: lin-kv, seq-kv, lww-kv and lin-tso (doc/services.md
// there). They make it possible to judge nodes that are built on them. Ours are simpler and within
// the same guarantees: seq-kv serves reads of a client from any state not older than the last one
// it saw; lww-kv keeps two replicas that merge at random.

import type { Prng } from "../src/base/prng.js";
import { canonical, type Json } from "../src/check/canonical.js";
import type { Message, Network } from "./network.js";

type Body = Message["body"];
type Store = ReadonlyMap<string, Json>;

/**
 * One request on a store: the reply, and the store afterwards (the same object if nothing changed).
 */
function runOnStore(store: Store, body: Body): { reply: Body; after: Store } {
  const key = canonical(body.key);
  const current = store.get(key);
  const refuse = (code: number, text: string) => {
    return { reply: { type: "error", code, text }, after: store };
  };
  const put = (value: Json, type: string) => {
    return { reply: { type }, after: new Map(store).set(key, value) };
  };
  switch (body.type) {
    case "read":
      if (current === undefined) return refuse(20, "key does not exist");
      return { reply: { type: "read_ok", value: current }, after: store };
    case "write":
      return put(body.value ?? null, "write_ok");
    case "cas":
      if (current === undefined && body.create_if_not_exists !== true) {
        return refuse(20, "key does not exist");
      }
      if (current !== undefined && canonical(current) !== canonical(body.from)) {
        return refuse(22, `current value ${canonical(current)} is not ${canonical(body.from)}`);
      }
      return put(body.to ?? null, "cas_ok");
    default:
      return refuse(10, `unknown type ${canonical(body.type)}`);
  }
}

type Service = (from: string, body: Body) => Body;

function linearizableStore(): Service {
  let store: Store = new Map();
  return (_, body) => {
    const { reply, after } = runOnStore(store, body);
    store = after;
    return reply;
  };
}

/** States kept for stale reads. */
const HISTORY_COUNT_MAX = 32;

function sequentialStore(random: Prng): Service {
  const states: Store[] = [new Map()];
  let firstIndex = 0;
  const seenBy = new Map<string, number>();
  return (from, body) => {
    const lastIndex = firstIndex + states.length - 1;
    const index = random.between(Math.max(firstIndex, seenBy.get(from) ?? 0), lastIndex);
    const stale = runOnStore(states[index - firstIndex]!, body);
    if (stale.after === states[index - firstIndex]) {
      seenBy.set(from, index);
      return stale.reply;
    }
    // A change must follow every earlier one, so it happens on the newest state.
    const newest = runOnStore(states.at(-1)!, body);
    if (newest.after !== states.at(-1)) states.push(newest.after);
    if (states.length > HISTORY_COUNT_MAX) {
      states.shift();
      firstIndex++;
    }
    seenBy.set(from, firstIndex + states.length - 1);
    return newest.reply;
  };
}

interface Stamped {
  readonly value: Json;
  readonly time: number;
}

function lastWriteWinsStore(random: Prng): Service {
  const replicas: Map<string, Stamped>[] = [new Map(), new Map()];
  let clock = 0;
  return (_, body) => {
    mergeInto(random.pick(replicas), random.pick(replicas));
    const replica = random.pick(replicas);
    const store = new Map([...replica].map(([key, { value }]) => [key, value]));
    const { reply, after } = runOnStore(store, body);
    if (after !== store) {
      const key = canonical(body.key);
      replica.set(key, { value: after.get(key)!, time: clock++ });
    }
    return reply;
  };
}

function mergeInto(target: Map<string, Stamped>, source: Map<string, Stamped>): void {
  for (const [key, stamped] of source) {
    if (stamped.time > (target.get(key)?.time ?? -1)) target.set(key, stamped);
  }
}

function timestampOracle(): Service {
  let next = 0;
  return (_, body) =>
    body.type === "ts"
      ? { type: "ts_ok", ts: next++ }
      : { type: "error", code: 10, text: `unknown type ${canonical(body.type)}` };
}

/** Makes the four services reachable under their names. */
export function startServices(network: Network, random: Prng): void {
  const services: Record<string, Service> = {
    "lin-kv": linearizableStore(),
    "seq-kv": sequentialStore(random.fork()),
    "lww-kv": lastWriteWinsStore(random.fork()),
    "lin-tso": timestampOracle(),
  };
  for (const [name, service] of Object.entries(services)) {
    network.addLocal(name, ({ src, body }) => {
      const reply = { ...service(src, body), in_reply_to: body.msg_id ?? null };
      network.sendFromLocal({ src: name, dest: src, body: reply });
    });
  }
}
