// The Maelstrom workloads: one row per message that clients send, from its fields to a command of
// the node and from the command's reply to the answer's fields. Envelopes, checks of fields and
// error codes are shared (maelstrom.ts).
//
// Several workloads share a message type; the fields tell them apart. `add` with `element` is a
// set's (g-set), with `delta` a counter's (g-counter, pn-counter). `read` with `key` is lin-kv's;
// without, it asks for whatever this node was last told to collect (broadcast, add, topology), else
// for what its replica holds. A node that knows of nothing holds the read for a while
// (`HeldReads`), since a wrong guess would be a malformed reply to Maelstrom.
//
// Left out: txn-rw-register, txn-list-append, kafka.

import { utf8 } from "../base/bytes.js";
import type { ErrorName } from "../base/errors.js";
import type { Node } from "../node/node.js";
import { bytesOfJson, type Json, jsonOfBytes } from "./maelstrom-json.js";
import { decodeReply, type ReplyValue } from "./reply-decoder.js";

export type Fields = { readonly [name: string]: Json };

/** One request and its one answer. */
export interface Exchange {
  readonly body: Fields;
  readonly node: Node;
  readonly state: WorkloadState;
  /** Answers `<type>_ok` with these fields. */
  ok(fields?: Fields): void;
  fail(error: ErrorName, text: string): void;
}

/** What a node collects; each has a key of its own. */
export type Collection = "broadcast" | "set" | "counter";

/** Keys with this prefix are always eventual: they hold what the workloads without keys collect. */
export const collectionPrefix = "maelstrom:";

const collectionKeys = {
  broadcast: utf8(`${collectionPrefix}broadcast`),
  set: utf8(`${collectionPrefix}set`),
  counter: utf8(`${collectionPrefix}counter`),
} as const satisfies Record<Collection, Uint8Array>;

const collections = Object.keys(collectionKeys) as Collection[];

/** What one node remembers besides its replica. */
export interface WorkloadState {
  /** What clients of this node collected last. */
  collection: Collection | undefined;
  /** A name that no other process has ever given or will give. */
  nextId(): string;
  /** Keeps a read whose meaning is not known yet; see `readCollection`. */
  hold(exchange: Exchange): void;
}

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

/** Runs a command; `onReply` gets what is not an error. */
function ask(
  exchange: Exchange,
  args: readonly Uint8Array[],
  onReply: (reply: ReplyValue) => void,
): void {
  exchange.node.request(args, (bytes) => {
    if (bytes === "temporarily_unavailable") {
      exchange.fail(bytes, "no majority of the nodes can be reached; nothing was done");
    } else if (bytes === "timeout") {
      exchange.fail(bytes, "the outcome is not known in time");
    } else {
      const reply = decodeReply(bytes);
      if (reply.kind === "error") failWith(exchange, reply.text);
      else onReply(reply);
    }
  });
}

/** Which error of the table an error reply is; all of them are definite. */
const errorsByPrefix: Readonly<Record<string, ErrorName>> = {
  NOTFOUND: "key_does_not_exist",
  MISMATCH: "precondition_failed",
  OOM: "temporarily_unavailable",
  BUSY: "temporarily_unavailable",
};

function failWith(exchange: Exchange, text: string): void {
  const prefix = text.slice(0, text.indexOf(" "));
  exchange.fail(errorsByPrefix[prefix] ?? "abort", text);
}

/** The key's bytes, or undefined when the key is one of ours; then the error was answered. */
function keyOf(exchange: Exchange): Uint8Array | undefined {
  const key = exchange.body.key!;
  if (typeof key === "string" && key.startsWith(collectionPrefix)) {
    exchange.fail("malformed_request", `keys that begin with ${collectionPrefix} are reserved`);
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
  let exists = false;
  exchange.node.request([commands.exists, collectionKeys[collection]], (bytes) => {
    const reply = typeof bytes === "string" ? undefined : decodeReply(bytes);
    exists = reply?.kind === "integer" && reply.text === "1";
  });
  return exists; // Collections are eventual: the reply came at once.
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
};
