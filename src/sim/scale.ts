// How replication grows with the number of nodes: what a write costs in messages and bytes, how
// long it takes until all have it, what a key costs in memory. The production nodes on a quiet
// network; nothing fails, so that the figures are those of the protocol.
//
// Left out: partial replication, which has no placement yet; every node holds every key.

import { utf8 } from "../base/bytes.js";
import { drawProfile, type FaultProfile, faultKinds } from "./fault-profile.js";
import { isConverged } from "./judges.js";
import { Simulation } from "./simulation.js";

export interface ScaleRow {
  readonly nodeCount: number;
  /** As the node says of itself: direct pushes or hubs. */
  readonly mode: string;
  readonly messagesPerWrite: number;
  readonly bytesPerWrite: number;
  /** Messages per node and second while nobody writes. */
  readonly idleMessages: number;
  /** From the last write until every node has every write. */
  readonly convergedMs: number;
  /** Live bytes of the arena per key, on one node, with keys and values of a few bytes. */
  readonly bytesPerKey: number;
}

/** Writes of the whole cluster, one every few milliseconds. */
const writeCount = 200;
const writeGapUs = 5_000;
const idleUs = 10_000_000;
const stepUs = 10_000;
const convergedUsMax = 60_000_000;

/** @param delayMs one way, of every message. */
export function measureScale(nodeCount: number, delayMs: number): ScaleRow {
  const simulation = new Simulation(profileOf(nodeCount, delayMs));
  const { hosts, network, queue } = simulation;
  simulation.runFor(idleUs / 10);
  const idleStart = network.sentCount;
  simulation.runFor(idleUs);
  const idleCount = network.sentCount - idleStart;
  const [sentCount, sentBytes] = [network.sentCount, network.sentBytes];
  const startUs = queue.nowUs;
  for (let write = 0; write < writeCount; write++) {
    const host = hosts[write % nodeCount]!;
    queue.at(startUs + write * writeGapUs, () =>
      host.perform(({ node }) =>
        node.request(["SET", `key:${write}`, `value:${write}`].map(utf8), () => {}),
      ),
    );
  }
  simulation.runUntil(startUs + writeCount * writeGapUs);
  const lastUs = queue.nowUs;
  while (!isConverged(simulation) && queue.nowUs < lastUs + convergedUsMax)
    simulation.runFor(stepUs);
  const convergedMs = (queue.nowUs - lastUs) / 1000;
  const idleShare = (idleCount / idleUs) * (queue.nowUs - startUs);
  const { node } = hosts[0]!.life!;
  const row = {
    nodeCount,
    mode: node.replicator!.mode,
    messagesPerWrite: Math.max(0, network.sentCount - sentCount - idleShare) / writeCount,
    bytesPerWrite: (network.sentBytes - sentBytes) / writeCount,
    idleMessages: idleCount / (idleUs / 1e6) / nodeCount,
    convergedMs,
    bytesPerKey: node.keyspace.arena.liveBytes / writeCount,
  };
  simulation.end();
  return row;
}

function profileOf(nodeCount: number, delayMs: number): FaultProfile {
  const drawn = drawProfile(1, { nodeCount, suppressed: faultKinds, isClustered: false });
  return { ...drawn, delayMs: [delayMs, delayMs], turnUs: 200 };
}

/** The rows as lines with a head. */
export function describeScale(rows: readonly ScaleRow[]): string[] {
  const head = [
    ...["nodes", "mode", "messages/write", "bytes/write", "idle messages/node/s"],
    ...["converged ms", "bytes/key"],
  ];
  const cells = rows.map((row) => [
    ...[String(row.nodeCount), row.mode, row.messagesPerWrite.toFixed(1)],
    ...[row.bytesPerWrite.toFixed(0), row.idleMessages.toFixed(2)],
    ...[row.convergedMs.toFixed(0), row.bytesPerKey.toFixed(0)],
  ]);
  const widths = head.map((title, i) =>
    Math.max(title.length, ...cells.map((row) => row[i]!.length)),
  );
  return [head, ...cells].map((row) => row.map((cell, i) => cell.padStart(widths[i]!)).join("  "));
}
