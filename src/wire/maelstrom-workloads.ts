// The Maelstrom workloads: one row per message that clients send, from its fields to a command of
// the node and from the command's reply to the answer's fields. Envelopes, checks of fields and
// error codes are shared (maelstrom.ts).
//
// Several workloads share a message type; the fields tell them apart. `add` with `element` is a
// set's (g-set), with `delta` a counter's (g-counter, pn-counter). `read` with `key` is lin-kv's;
// without, it asks for whatever this node was last told to collect (broadcast, add, topology), else
// for what its replica holds. A node that knows of nothing holds the read for a while
// (`HeldReads`), since a wrong guess would be a malformed reply to Maelstrom.
// Transactions are in maelstrom-transactions.ts, kafka's logs in maelstrom-logs.ts.

import { utf8 } from "../base/bytes.js";
import { ask, type Collection, type Exchange, reservedPrefixes } from "./maelstrom-exchange.js";
import { bytesOfJson, type Json, jsonOfBytes } from "./maelstrom-json.js";
import { commitOffsets, listCommittedOffsets, poll, send } from "./maelstrom-logs.js";
import { runTransaction } from "./maelstrom-transactions.js";
import { decodeReply } from "./reply-decoder.js";

/** Keys with this prefix are always eventual: they hold what the workloads without keys collect. */
export const collectionPrefix = "maelstrom:";

const collectionKeys = {
  broadcast: utf8(`${collectionPrefix}broadcast`),
  set: utf8(`${collectionPrefix}set`),
  counter: utf8(`${collectionPrefix}counter`),
} as const satisfies Record<Collection, Uint8Array>;

const collections = Object.keys(collectionKeys) as Collection[];

const command = (name: string) => utf8(name);
const commands = {
  get: command("GET"),
  set: command("SET"),
  cas: command("SKERRY.CAS"),
  create: command("CREATE"),
  add: command("SADD"),
  members: command("SMEMBERS"),
  increment: command("INCRBY"),
  exists: command("EXISTS"),
} as const;

/** The key's bytes, or undefined when the key is one of ours; then the error was answered. */
function keyOf(exchange: Exchange): Uint8Array | undefined {
  const key = exchange.body.key!;
  const reserved = reservedPrefixes.find((some) => typeof key === "string" && key.startsWith(some));
  if (reserved !== undefined) {
    exchange.fail("malformed_request", `keys that begin with ${reserved} are reserved`);
    return undefined;
  }
  return bytesOfJson(key);
}

function collect(exchange: Exchange, collection: Collection, name: Uint8Array, value: Json): void {
  exchange.state.collection = collection;
  const args = [name, collectionKeys[collection], bytesOfJson(value)];
  ask(exchange, args, () => exchange.ok());
}

/** A keyless read: true once it was answered. */
export function readCollection(exchange: Exchange): boolean {
  const collection = exchange.state.collection ?? collections.find((some) => holds(exchange, some));
  if (collection === undefined) return false;
  if (collection === "counter") {
    ask(exchange, [commands.get, collectionKeys.counter], (reply) => {
      const value = reply.kind === "bulk" ? Number(jsonOfBytes(reply.bytes)) : 0;
      if (Number.isSafeInteger(value)) exchange.ok({ value });
      else exchange.fail("abort", "the counter does not fit a JSON number exactly");
    });
    return true;
  }
  ask(exchange, [commands.members, collectionKeys[collection]], (reply) => {
    const items = reply.kind === "array" ? reply.items : [];
    const values = items.map((item) => (item.kind === "bulk" ? jsonOfBytes(item.bytes) : null));
    exchange.ok(collection === "set" ? { value: values } : { messages: values });
  });
  return true;
}

function holds(exchange: Exchange, collection: Collection): boolean {
  exchange.node.request([commands.exists, collectionKeys[collection]], (bytes) => {
    const reply = typeof bytes === "string" ? undefined : decodeReply(bytes);
    if (reply?.kind === "integer" && reply.text === "1") exchange.state.collection = collection;
  });
  // The reply came at once, or waits for the log; then this read is looked at again.
  return exchange.state.collection === collection;
}

export const workloads: Readonly<Record<string, (exchange: Exchange) => void>> = {
  echo: (exchange) => exchange.ok({ echo: exchange.body.echo! }),

  generate: (exchange) => exchange.ok({ id: exchange.state.nextId() }),

  topology(exchange) {
    // Only a proposal: who talks to whom is decided by gossip. But it says which workload this is.
    exchange.state.collection = "broadcast";
    exchange.ok();
  },

  broadcast: (exchange) => collect(exchange, "broadcast", commands.add, exchange.body.message!),

  add(exchange) {
    const { element, delta } = exchange.body;
    if (delta === undefined) collect(exchange, "set", commands.add, element!);
    else collect(exchange, "counter", commands.increment, delta);
  },

  read(exchange) {
    if (exchange.body.key === undefined) {
      if (!readCollection(exchange)) exchange.state.hold(exchange);
      return;
    }
    const key = keyOf(exchange);
    if (key === undefined) return;
    ask(exchange, [commands.get, key], (reply) => {
      if (reply.kind === "bulk") exchange.ok({ value: jsonOfBytes(reply.bytes) });
      else exchange.fail("key_does_not_exist", "the key does not exist");
    });
  },

  write(exchange) {
    const key = keyOf(exchange);
    if (key === undefined) return;
    ask(exchange, [commands.set, key, bytesOfJson(exchange.body.value!)], () => exchange.ok());
  },

  cas(exchange) {
    const key = keyOf(exchange);
    if (key === undefined) return;
    const { from, to, create_if_not_exists: creates } = exchange.body;
    const args = [commands.cas, key, bytesOfJson(from!), bytesOfJson(to!)];
    if (creates === true) args.push(commands.create);
    ask(exchange, args, () => exchange.ok());
  },

  txn: runTransaction,

  send,
  poll,
  commit_offsets: commitOffsets,
  list_committed_offsets: listCommittedOffsets,
};
