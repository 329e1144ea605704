// The answers of CLUSTER where there is a cluster, in the forms of Redis 7.0.15 (cluster.c), which
// cluster-aware clients parse.

import { slotCount, slotOfKey } from "../keyspace/slot.js";
import type { Call } from "./call.js";
import type { ClusterNode, ClusterView, SlotRange } from "./cluster-view.js";

export type ClusterRun = (call: Call, cluster: ClusterView) => void;

const self = (cluster: ClusterView): ClusterNode => cluster.nodes().find((node) => node.isSelf)!;

function slotArgument(call: Call, index: number): number | undefined {
  const text = call.text(index);
  const slot = Number(text);
  if (/^\d+$/.test(text) && slot < slotCount) return slot;
  call.reply.error("ERR Invalid slot");
  return undefined;
}

function* keysInSlot(call: Call, slot: number): Generator<Uint8Array> {
  const { keyspace } = call;
  const keys: Uint8Array[] = [];
  keyspace.databases[0]!.keys.forEach((ref) => {
    const key = keyspace.keyOf(ref);
    if (slotOfKey(key) === slot) keys.push(key);
  });
  yield* keys;
}

function writeNode({ reply }: Call, { host, port, id }: ClusterNode): void {
  reply.array(4);
  reply.bulkText(host);
  reply.integer(port);
  reply.bulkText(id);
  reply.array(0);
}

function writeSlots(call: Call, cluster: ClusterView): void {
  const ranges = cluster.slots();
  call.reply.array(ranges.length);
  for (const { start, end, owner, others } of ranges) {
    call.reply.array(3 + others.length);
    call.reply.integer(start);
    call.reply.integer(end);
    for (const node of [owner, ...others]) writeNode(call, node);
  }
}

function writeShards(call: Call, cluster: ClusterView): void {
  const { reply } = call;
  const ranges = cluster.slots();
  reply.array(ranges.length);
  for (const { start, end, owner, others } of ranges) {
    reply.map(2);
    reply.bulkText("slots");
    reply.array(2);
    reply.integer(start);
    reply.integer(end);
    reply.bulkText("nodes");
    reply.array(1 + others.length);
    for (const node of [owner, ...others]) {
      reply.map(6);
      const rows = { id: node.id, port: node.port, ip: node.host, endpoint: node.host };
      for (const [name, value] of Object.entries(rows)) {
        reply.bulkText(name);
        if (typeof value === "number") reply.integer(value);
        else reply.bulkText(value);
      }
      reply.bulkText("role");
      reply.bulkText(node === owner ? "master" : "replica");
      reply.bulkText("health");
      reply.bulkText("online");
    }
  }
}

function nodeLine(node: ClusterNode, ranges: readonly SlotRange[], epoch: number): string {
  const own = ranges.filter(({ owner }) => owner.name === node.name);
  const role = node.isSelf ? "myself,master" : "master";
  const flags = node.state === "alive" ? role : `${role},fail?`;
  const slots = own.map(({ start, end }) => ` ${start}-${end}`).join("");
  const link = node.state === "alive" ? "connected" : "disconnected";
  const place = `${node.host}:${node.port}@${node.peerPort},${node.name}`;
  return `${node.id} ${place} ${flags} - 0 ${node.silentMs} ${epoch} ${link}${slots}\n`;
}

function nodesText(cluster: ClusterView): string {
  const nodes = cluster.nodes().filter(({ state }) => state === "alive" || state === "suspected");
  const ranges = cluster.slots();
  return nodes.map((node) => nodeLine(node, ranges, cluster.epoch)).join("");
}

function infoText(cluster: ClusterView): string {
  const nodes = cluster.nodes();
  const served = cluster.slots().reduce((sum, { start, end }) => sum + end + 1 - start, 0);
  const live = nodes.filter(({ state }) => state === "alive").length;
  const known = nodes.filter(({ state }) => state === "alive" || state === "suspected").length;
  const rows = {
    cluster_state: served === slotCount ? "ok" : "fail",
    cluster_slots_assigned: slotCount,
    cluster_slots_ok: served,
    cluster_slots_pfail: 0,
    cluster_slots_fail: slotCount - served,
    cluster_known_nodes: known,
    cluster_size: live,
    cluster_current_epoch: cluster.epoch,
    cluster_my_epoch: cluster.epoch,
  };
  return Object.entries(rows)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join("");
}

function meet(call: Call, cluster: ClusterView): void {
  const port = Number(call.text(3));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    call.reply.error(`ERR Invalid base port specified: ${call.text(3)}`);
    return;
  }
  cluster.meet(`${call.text(2)}:${port}`);
  call.reply.ok();
}

/** By subcommand. What is not here is decided by the nodes themselves. */
export const clusterRuns: Readonly<Record<string, ClusterRun>> = {
  myid: ({ reply }, cluster) => reply.bulkText(self(cluster).id),
  keyslot: (call) => {
    const { bytes } = call;
    call.reply.integer(slotOfKey(bytes, call.start(2), call.start(2) + call.size(2)));
  },
  slots: writeSlots,
  shards: writeShards,
  nodes: ({ reply }, cluster) => reply.verbatim(nodesText(cluster)),
  info: ({ reply }, cluster) => reply.verbatim(infoText(cluster)),
  replicas: ({ reply }) => reply.array(0),
  slaves: ({ reply }) => reply.array(0),
  countkeysinslot: (call) => {
    const slot = slotArgument(call, 2);
    if (slot !== undefined) call.reply.integer([...keysInSlot(call, slot)].length);
  },
  getkeysinslot: (call) => {
    const slot = slotArgument(call, 2);
    if (slot === undefined) return;
    const count = Number(call.text(3));
    if (!Number.isInteger(count) || count < 0) {
      call.reply.error("ERR Invalid number of keys");
      return;
    }
    const keys = [...keysInSlot(call, slot)].slice(0, count);
    call.reply.array(keys.length);
    for (const key of keys) call.reply.bulk(key);
  },
  forget: (call, cluster) => {
    const objection = cluster.forget(call.text(2));
    if (objection === undefined) call.reply.ok();
    else call.reply.error(`ERR ${objection}`);
  },
  meet,
};
