// How replication's messages leave a node whose log must speak first.

import { expect, test } from "vitest";
import { LeasedMemory } from "../../src/base/leased-memory.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { newBatch } from "../../src/keyspace/batch.js";
import type { NodeEffects } from "../../src/node/effects.js";
import type { Journal } from "../../src/node/journal.js";
import type { PeerMessage } from "../../src/node/messages.js";
import { replicationPort } from "../../src/node/replication-port.js";

test("replication port: a message that waits for the disk keeps its batches' bytes", () => {
  // While it waits, others may bring the batch to everybody; its memory is then the next batch's.
  const memory = new LeasedMemory(1);
  const room = memory.take(4)!;
  room.set([1, 2, 3, 4]);
  const lease = memory.lease(room, 1);
  const place = { shard: 0, origin: 0, previous: 0, time: 1 };
  const body = room.subarray(0, 4);
  const batch = newBatch(place, new VersionVector(), [0], [0], body, lease);
  const held: (() => void)[] = [];
  const journal = { isHoldingMessages: true, tellPeer: (run: () => void) => held.push(run) };
  const sent: PeerMessage[] = [];
  const effects = { send: (_to: string, message: PeerMessage) => sent.push(message) };
  const port = replicationPort(
    () => journal as unknown as Journal,
    effects as unknown as NodeEffects,
  );
  const delta = { type: "delta" as const, batches: [batch], contexts: [], isAnswer: false };
  port.send("n2", { sender: 0, body: delta });
  expect(sent).toEqual([]);
  lease.release();
  room.fill(9);
  for (const run of held) run();
  expect(sent).toMatchObject([
    { message: { body: { batches: [{ body: Uint8Array.of(1, 2, 3, 4), lease: undefined }] } } },
  ]);
});
