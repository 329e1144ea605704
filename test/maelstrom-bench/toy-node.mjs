#!/usr/bin/env node
// A small Maelstrom node for the bench's own tests: `toy-node.mjs WORKLOAD BEHAVIOUR`. A good one
// is right with one node for lin-kv, transactions and kafka, and with any number for the rest; each
// bad one has the fault that its name says. News is flooded to all peers and repeated every 100 ms
// until acknowledged; memory is lost with the process.

import { createInterface } from "node:readline";

const [workload, behaviour = "good"] = process.argv.slice(2);
let nodeId = "";
let peers = [];
let nextId = 1;
let answered = 0;
const elements = new Set();
const counters = new Map(); // node -> sum of its adds
const latestNumbers = new Map();
const registers = new Map();
const stale = new Map();
const unacknowledged = new Map(); // peer -> Map of message text -> body

const print = (dest, body) => console.log(JSON.stringify({ src: nodeId, dest, body }));
const sendUntilAcknowledged = (peer, body) => {
  const number = nextId++;
  const message = { ...body, number };
  unacknowledged.get(peer).set(number, message);
  print(peer, message);
};
const flood = (body) => {
  for (const peer of peers) sendUntilAcknowledged(peer, body);
};

/** Every client request: the fields of the reply, or an error. */
const handlers = {
  echo: ({ echo }) => ({ echo: behaviour === "wrong-echo" && ++answered % 50 === 0 ? "?" : echo }),
  generate: () => ({
    id: behaviour === "duplicate-ids" ? `${nextId++ % 20}` : `${nodeId}-${process.pid}-${nextId++}`,
  }),
  topology: () => ({}),
  broadcast: ({ message }) => addElement(message),
  add: (body) => (body.element === undefined ? addDelta(body.delta) : addElement(body.element)),
  write: ({ key, value }) => writeRegister(key, value),
  cas: ({ key, from, to }) => {
    if (!registers.has(key)) return { error: 20 };
    if (registers.get(key) !== from) return { error: 22 };
    return writeRegister(key, to);
  },
  txn: ({ txn }) => ({ txn: runTransaction(txn) }),
  send: ({ key, msg }) => ({ offset: sendMessage(key, msg) }),
  poll: ({ offsets }) => ({
    msgs: Object.fromEntries(Object.entries(offsets).map(([key, from]) => [key, poll(key, from)])),
  }),
  commit_offsets: ({ offsets }) => {
    for (const [key, offset] of Object.entries(offsets))
      committed.set(key, Math.max(offset, committed.get(key) ?? 0));
    return {};
  },
  list_committed_offsets: ({ keys }) => ({
    offsets: Object.fromEntries(
      keys.filter((key) => committed.has(key)).map((key) => [key, committed.get(key)]),
    ),
  }),
};

const lists = new Map();
const logs = new Map();
const committed = new Map();

function runTransaction(txn) {
  const isStale = behaviour === "stale-transaction" && ++answered % 10 === 0;
  return txn.map(([f, key, value]) => {
    const list = lists.get(key) ?? [];
    if (f === "append") lists.set(key, [...list, value]);
    if (f === "w") registers.set(key, value);
    if (f !== "r") return [f, key, value];
    if (workload === "txn-rw-register") return [f, key, isStale ? null : registers.get(key)];
    return [f, key, isStale ? list.slice(0, -1) : list];
  });
}

function sendMessage(key, message) {
  const log = logs.get(key) ?? [];
  logs.set(key, log);
  // Acknowledged under the next offset, which the next message gets too.
  if (behaviour === "lossy-log" && ++answered % 10 === 0) return log.length;
  return log.push(message) - 1;
}

const poll = (key, from) =>
  (logs.get(key) ?? []).slice(from, from + 10).map((message, at) => [from + at, message]);

function addElement(element) {
  // Acknowledged and forgotten.
  if (behaviour === "lossy-set" && ++answered % 5 === 0) return {};
  elements.add(element);
  flood({ type: "element", element });
  return {};
}

function addDelta(delta) {
  if (behaviour === "forgetful-counter" && ++answered % 5 === 0) return {};
  counters.set(nodeId, (counters.get(nodeId) ?? 0) + delta);
  flood({ type: "counter", sum: counters.get(nodeId) });
  return {};
}

function writeRegister(key, value) {
  stale.set(key, registers.get(key));
  registers.set(key, value);
  return {};
}

function readRegister(key) {
  if (!registers.has(key)) return { error: 20 };
  const isStale = behaviour === "stale-register" && ++answered % 10 === 0;
  const value = isStale ? (stale.get(key) ?? registers.get(key)) : registers.get(key);
  return { value };
}

function read(body) {
  if (body.key !== undefined) return readRegister(body.key);
  const all = [...elements];
  const sum = [...counters.values()].reduce((a, b) => a + b, 0);
  if (workload === "broadcast") return { messages: all };
  return { value: workload === "g-set" ? all : sum };
}

function onPeer(src, body) {
  if (body.type === "acknowledged") unacknowledged.get(src).delete(body.number);
  else print(src, { type: "acknowledged", number: body.number });
  if (body.type === "element") elements.add(body.element);
  if (body.type === "counter") {
    // A repetition may arrive after later news.
    if (body.number > (latestNumbers.get(src) ?? 0)) {
      latestNumbers.set(src, body.number);
      counters.set(src, body.sum);
    }
  }
}

/** A proxy hands every request to the service it is named after: `proxy:lin-kv`. */
const service = behaviour.startsWith("proxy:") ? behaviour.slice("proxy:".length) : undefined;
const forwarded = new Map(); // our msg_id -> the client and its msg_id

function forward(src, body) {
  forwarded.set(nextId, { src, in_reply_to: body.msg_id });
  print(service, { ...body, msg_id: nextId++ });
}

function onServiceReply({ in_reply_to, ...body }) {
  const { src, ...envelope } = forwarded.get(in_reply_to);
  forwarded.delete(in_reply_to);
  print(src, { ...body, ...envelope });
}

function onLine(line) {
  const { src, body } = JSON.parse(line);
  if (body.type === "init") {
    nodeId = body.node_id;
    peers = body.node_ids.filter((id) => id !== nodeId);
    for (const peer of peers) unacknowledged.set(peer, new Map());
    if (behaviour === "talkative") console.error(`${nodeId} is ready`);
    print(src, { type: "init_ok", in_reply_to: body.msg_id });
    return;
  }
  if (peers.includes(src)) return onPeer(src, body);
  if (src === service) return onServiceReply(body);
  if (service !== undefined) return forward(src, body);
  if (behaviour === "crash" && ++answered === 20) process.exit(3);
  if (behaviour === "babble" && ++answered % 20 === 0) console.log("hello, this is no JSON");
  if (behaviour === "mute" && body.type !== "topology") return;
  const result = body.type === "read" ? read(body) : handlers[body.type]?.(body);
  const envelope = { in_reply_to: body.msg_id };
  if (result === undefined) print(src, { type: "error", code: 10, ...envelope });
  else if (result.error !== undefined)
    print(src, { type: "error", code: result.error, ...envelope });
  else {
    const surplus = behaviour === "surplus-field" ? { extra: 1 } : {};
    print(src, { type: `${body.type}_ok`, ...result, ...surplus, ...envelope });
  }
}

createInterface({ input: process.stdin })
  .on("line", onLine)
  .on("close", () => process.exit(0));
setInterval(() => {
  for (const [peer, messages] of unacknowledged)
    for (const message of messages.values()) print(peer, message);
}, 100).unref();
