// What must hold: while anything may fail (invariants, and each replica's values against the
// operation log as far as the replica has seen it), and after healing (everybody agrees, nothing
// grows, the history of the linearizable keys has an order).

import { fromUtf8, utf8 } from "../base/bytes.js";
import { checkLinearizable, explainKey } from "../check/linearizability.js";
import { Ring } from "../replication/ring.js";
import { decodeReply } from "../wire/reply-decoder.js";
import { encodeRequest } from "./client.js";
import type { History } from "./history.js";
import { hasPairs, type OperationLog, readings, type Seen, seenBy } from "./operation-log.js";
import type { SimulatedHost } from "./simulated-host.js";
import type { Life } from "./simulated-life.js";
import type { Simulation } from "./simulation.js";
import { joinedStateCountOf } from "./sometimes.js";
import { stringModel } from "./string-model.js";

/** Configurations that the search may visit per key; beyond it the verdict is "unknown". */
const searchStatesMax = 300_000;
/**
 * What all logs of a node may hold once everybody has everything: only what is too young to be
 * forgotten (replication/timing.ts, keepMs).
 */
const quietLogBytesMax = 2_000;

/** Checks one node as it is, open batches closed. @param keys those whose values are compared. */
export function judgeNode(
  simulation: Simulation,
  log: OperationLog,
  host: SimulatedHost,
  life: Life,
  keys: readonly string[],
): void {
  const { node } = life;
  node.verifyInvariants();
  const { shards, replicator } = node;
  if (shards.logBytes > shards.logBytesMax)
    simulation.violate(`${host.name}: the logs are too large`);
  const status = replicator!.status();
  if (status.earlyCount > 0) simulation.sometimes.add("batch_held_for_skew");
  if (status.waitingCount > status.earlyCount) simulation.sometimes.add("batch_waited");
  // A shard joined as a state leaves the other shards of a group behind (state-transfer.ts).
  const hasJoinedState = host.joinedStateCount + joinedStateCountOf(node) > 0;
  const isPlaced = node.clustering?.placing !== undefined;
  const torn = hasJoinedState || isPlaced ? undefined : log.torn(node);
  if (torn !== undefined) simulation.violate(`${host.name}: has seen a part of ${torn}`);
  for (const key of keys) {
    if (!isServed(life, key)) continue;
    const expected = log.expect(key, seenBy(node, key), simulation.sometimes);
    const actual = readValue(life, key);
    if (!isSame(expected, actual))
      simulation.violate(`${host.name}: ${key} is ${show(actual)}, not ${show(expected)}`);
  }
}

/** Whether a node answers for a key: it has caught up, and holds its shard. */
function isServed({ node: { clustering, shards } }: Life, key: string): boolean {
  if (clustering === undefined) return true;
  const { isServing, placing } = clustering;
  return isServing && (placing?.answersReads(shards.shardOfKey(utf8(key))) ?? true);
}

/**
 * What a client of the node reads, in the form of `OperationLog.expect`: also what clients are not
 * told yet, because the disk has not spoken.
 */
export function readValue({ node, input }: Life, key: string): Value {
  let bytes: Uint8Array | undefined;
  const session = node.openSession("judge", "node");
  input.listen(session, (reply) => {
    bytes = reply;
  });
  const request = encodeRequest(readings[key[0]!]!(key));
  input.receive(session, request, 0, request.length);
  node.closeSession(session);
  return bytes === undefined ? "(no reply)" : valueIn(key, bytes);
}

/** What a reading of a key has answered. */
export function valueIn(key: string, bytes: Uint8Array): Value {
  const reply = decodeReply(bytes);
  if (reply.kind === "array") {
    const items = reply.items.map((item) => (item.kind === "bulk" ? fromUtf8(item.bytes) : "?"));
    const parts = hasPairs(key)
      ? items.flatMap((item, i) => (i % 2 === 0 ? [`${item}=${items[i + 1]}`] : []))
      : items;
    return parts.length === 0 ? undefined : parts.sort();
  }
  if (reply.kind === "bulk") return fromUtf8(reply.bytes);
  return reply.kind === "nil" ? undefined : `(${reply.kind})`;
}

type Value = string | readonly string[] | undefined;

const show = (value: Value): string =>
  value === undefined ? "absent" : typeof value === "string" ? value : `{${value.join(" ")}}`;

const isSame = (a: Value, b: Value): boolean => show(a) === show(b);

/** The contexts of all shards by replica names, as text that can be compared across nodes. */
function contextsOf({ node: { shards, keyspace } }: Life): string {
  return shards.shards
    .map(({ context }) =>
      [...context.entries()]
        .map(([replica, time]) => `${keyspace.replicas.nameOf(replica)}:${time}`)
        .sort()
        .join(" "),
    )
    .join("|");
}

/** Whether all have seen and hold the same. */
export function isConverged({ members, profile }: Simulation): boolean {
  const processes = members.map(({ life }) => life);
  const [first, ...others] = processes;
  if (first === undefined || others.includes(undefined)) return false;
  for (const life of processes) life!.node.shards.settle();
  if (profile.replicationFactor > 0)
    return misplacedShard(processes as Life[], profile.replicationFactor) === undefined;
  const contexts = contextsOf(first);
  if (!others.every((life) => contextsOf(life!) === contexts)) return false;
  const digests = first.node.shards.digests().join();
  return others.every((life) => life!.node.shards.digests().join() === digests);
}

/** Why replicas disagree, in a line. */
export function describeDivergence({ members, profile }: Simulation): string {
  if (profile.replicationFactor > 0) {
    const processes = members.map(({ life }) => life);
    if (processes.includes(undefined)) return "a node is down";
    const lives = processes as Life[];
    return misplacedShard(lives, profile.replicationFactor) ?? "no divergence";
  }
  const [first, ...others] = members;
  for (const other of others) {
    const [a, b] = [first?.life, other.life];
    if (a === undefined || b === undefined) return "a node is down";
    if (contextsOf(a) !== contextsOf(b)) {
      const differing = a.node.shards.shards.findIndex(
        (_, shard) => contextOf(a, shard) !== contextOf(b, shard),
      );
      const [left, right] = [contextOf(a, differing), contextOf(b, differing)];
      return `shard ${differing}: ${first!.name} has seen [${left}], ${other.name} [${right}]`;
    }
    const digests = b.node.shards.digests();
    const shard = a.node.shards.digests().findIndex((digest, i) => digest !== digests[i]);
    if (shard >= 0)
      return `${first!.name} and ${other.name} have seen the same of shard ${shard} and differ`;
  }
  return "no divergence";
}

/**
 * The first shard that is not where it should be: served by the nodes that the ring names, which
 * have seen and hold the same, while the others have given it up.
 */
function misplacedShard(lives: readonly Life[], factor: number): string | undefined {
  const digests = lives.map(({ node }) => node.shards.digests());
  const ring = new Ring(lives.map(({ node }) => node.name));
  for (const shard of lives[0]!.node.shards.shards.keys()) {
    const serving = lives.filter(({ node }) => node.clustering!.placing!.serves(shard));
    const names = serving.map(({ node }) => node.name).join(" ");
    const wanted = ring.holders(shard, factor).sort().join(" ");
    if (names !== wanted) return `shard ${shard} is served by ${names}, not ${wanted}`;
    const keeping = lives.filter(({ node }) => !node.shards.shards[shard]!.context.isEmpty);
    const idle = keeping.find((life) => !serving.includes(life));
    if (idle !== undefined) return `shard ${shard} is kept by ${idle.node.name}, beside ${names}`;
    const seen = new Set(serving.map((life) => contextOf(life, shard)));
    if (seen.size > 1) return `shard ${shard}: ${names} have seen ${[...seen].join(" and ")}`;
    const held = new Set(serving.map((life) => digests[lives.indexOf(life)]![shard]));
    if (held.size > 1) return `${names} have seen the same of shard ${shard} and differ`;
  }
  return undefined;
}

const contextOf = ({ node: { shards, keyspace } }: Life, shard: number): string =>
  [...shards.shards[shard]!.context.entries()]
    .map(([replica, time]) => `${keyspace.replicas.nameOf(replica)}:${time}`)
    .sort()
    .join(" ");

/** After healing and a quiet time. */
export function judgeEnd(simulation: Simulation, log: OperationLog, history: History): void {
  const { members } = simulation;
  const alive = new Set(
    members.flatMap(({ life }) =>
      life === undefined ? [] : [life.node.keyspace.replicas.nameOf(life.node.keyspace.self)],
    ),
  );
  for (const host of members) {
    const life = host.life!;
    judgeNode(simulation, log, host, life, log.keys);
    const { waitingCount, logBytes } = life.node.replicator!.status();
    if (waitingCount > 0) simulation.violate(`${host.name}: ${waitingCount} batches wait for ever`);
    if (logBytes > quietLogBytesMax)
      simulation.violate(`${host.name}: ${logBytes} bytes of batches that everybody has`);
  }
  for (const key of log.keys) {
    const server = members.find(({ life }) => isServed(life!, key)) ?? members[0]!;
    judgeLosses(simulation, log, key, seenBy(server.life!.node, key), alive);
  }
  judgeHistory(simulation, history);
}

/** Only a crash may lose a write: what a living process has made is everywhere. */
function judgeLosses(
  simulation: Simulation,
  log: OperationLog,
  key: string,
  seen: Seen,
  alive: ReadonlySet<string>,
): void {
  for (const { origin } of log.unseen(key, seen)) {
    if (alive.has(origin)) simulation.violate(`${key}: a write of ${origin} has reached nobody`);
    else simulation.sometimes.add("crash_lost_writes");
  }
}

/** Keys whose search exceeds its bound are counted, not believed. */
function judgeHistory(simulation: Simulation, { operations }: History): void {
  const verdict = checkLinearizable(operations, stringModel, { statesMax: searchStatesMax });
  for (const key of verdict.keys)
    if (key.verdict === "invalid") simulation.violate(`not linearizable: ${explainKey(key)}`);
  simulation.undecidedCount = verdict.keys.filter((key) => key.verdict === "unknown").length;
}
