// Frames between nodes: what is said in a turn arrives whole and in order, and bytes that nobody
// sent do no harm.

import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { testSeed } from "../../scripts/lib/test-seed.js";
import { ByteWriter, emptyBytes } from "../../src/base/bytes.js";
import { LeasedMemory } from "../../src/base/leased-memory.js";
import { Prng } from "../../src/base/prng.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { Body } from "../../src/consensus/messages.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { Shards } from "../../src/keyspace/shards.js";
import type { PeerMessage } from "../../src/node/messages.js";
import {
  decodeFrame,
  encodeFrame,
  encodeFramePieces,
  encodePeerMessage,
} from "../../src/wire/peer-codec.js";
import { FrameReader, withLength } from "../../src/wire/peer-frames.js";
import { frameBytesHigh, messageBytesMax, PeerOutbox } from "../../src/wire/peer-outbox.js";

const newShards = (self: string): Shards =>
  new Shards(new Keyspace({ replicas: new ReplicaTable(), self, databaseCount: 1 }));

const consensus = (body: Body): PeerMessage => ({
  kind: "consensus",
  message: { epoch: 1, incarnation: 1, votes: true, body },
});
const beat = (wantedMs: number): PeerMessage => consensus({ type: "heartbeat", wantedMs });
/** Any message of about this length. */
const large = (bytes: number): PeerMessage => ({
  kind: "replication",
  message: { sender: 0, body: { type: "state", bytes: new Uint8Array(bytes) } },
});

function outbox(): {
  box: PeerOutbox;
  push: (to: string, message: PeerMessage) => void;
  endTurn: () => void;
  received: Map<string, PeerMessage[][]>;
} {
  const shards = newShards("n1");
  const received = new Map<string, PeerMessage[][]>();
  const deferred: (() => void)[] = [];
  const box = new PeerOutbox(
    (to, frame) => {
      const decoded = decodeFrame(frame, shards);
      if (!decoded.ok) throw new Error(decoded.error);
      received.set(to, [...(received.get(to) ?? []), decoded.value]);
    },
    (callback) => deferred.push(callback),
    encodeFrame,
  );
  return {
    box,
    push: (to, message) => box.push(to, encodePeerMessage(message, shards)),
    endTurn: () => {
      for (const callback of deferred.splice(0)) callback();
    },
    received,
  };
}

test("frames: peers share one only when all of it is meant for both", () => {
  const { push, endTurn, received } = outbox();
  push("n2", beat(1));
  push("n3", beat(2));
  endTurn();
  expect(received.get("n2")).toEqual([[beat(1)]]);
  expect(received.get("n3")).toEqual([[beat(2)]]);
});

test("frames: one per peer and turn, with all that was said, in order", () => {
  const { push, endTurn, received } = outbox();
  for (let i = 0; i < 10; i++) {
    push("n2", beat(i));
    if (i % 2 === 0) push("n3", beat(i));
  }
  expect(received.size).toBe(0);
  endTurn();
  expect(received.get("n2")).toEqual([Array.from({ length: 10 }, (_, i) => beat(i))]);
  expect(received.get("n3")).toEqual([[0, 2, 4, 6, 8].map(beat)]);
  push("n2", beat(99));
  endTurn();
  endTurn();
  expect(received.get("n2")).toHaveLength(2);
});

test("frames: they are bounded; a message that is too long is counted, not sent", () => {
  const { box, push, endTurn, received } = outbox();
  for (let i = 0; i < 5; i++) push("n2", large(frameBytesHigh * 0.6));
  push("n2", large(messageBytesMax + 1));
  push("n2", beat(1));
  endTurn();
  const frames = received.get("n2")!;
  expect(frames.length).toBeGreaterThanOrEqual(4);
  expect(frames.flat()).toHaveLength(6);
  expect(box.oversized).toBe(1);
});

test("frames: both protocols travel side by side, with the names of replicas", () => {
  const from = newShards("n1/1");
  const to = newShards("n2/1");
  const state: PeerMessage = {
    kind: "replication",
    message: { sender: from.keyspace.self, body: { type: "state", bytes: Uint8Array.of(1, 2) } },
  };
  const frame = encodeFrame([state, beat(5)].map((message) => encodePeerMessage(message, from)));
  const decoded = decodeFrame(frame, to);
  if (!decoded.ok) throw new Error(decoded.error);
  expect(decoded.value[1]).toEqual(beat(5));
  const { message } = decoded.value[0] as Extract<PeerMessage, { kind: "replication" }>;
  expect(to.keyspace.replicas.nameOf(message.sender)).toBe("n1/1");
});

test("frames: bytes that nobody sent are refused, whole", () => {
  const shards = newShards("n1");
  const right = encodeFrame(
    [beat(1), beat(2)].map((message) => encodePeerMessage(message, shards)),
  );
  expect(decodeFrame(right, shards).ok).toBe(true);
  expect(decodeFrame(emptyBytes, shards).ok).toBe(false);
  for (let length = 0; length < right.length; length++)
    expect(decodeFrame(right.slice(0, length), shards).ok).toBe(false);
  expect(decodeFrame(Uint8Array.of(...right, 0), shards).ok).toBe(false);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const whole = new ByteWriter().raw(bytes).u32(crc32(bytes)).finish();
      decodeFrame(whole, shards); // Whatever it answers, it does not throw.
      expect(decodeFrame(bytes, shards).ok).toBe(false);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.nat(right.length - 1), fc.nat(255), (at, byte) => {
      const bent = Uint8Array.from(right);
      bent[at] = byte;
      expect(decodeFrame(bent, shards).ok).toBe(bent[at] === right[at]);
    }),
    { numRuns: 500 },
  );
});

test("frames: bytes behind the last message are refused, though their checksum is right", () => {
  // A sender of another format would be right about its own checksum; only the count tells.
  const shards = newShards("n1/1");
  const frame = encodeFrame([encodePeerMessage(beat(5), shards)]);
  const longer = new ByteWriter().raw(frame.subarray(0, -4)).u8(7);
  const sealed = longer.u32(crc32(longer.view())).finish();
  expect(decodeFrame(sealed, shards)).toMatchObject({ ok: false });
  expect(decodeFrame(frame, shards)).toMatchObject({ ok: true });
});

test("frames: one in pieces is the one in one piece", () => {
  const shards = newShards("n1");
  const cases: [readonly PeerMessage[], number][] = [
    [[large(10)], 1],
    [[large(100_000)], 3],
    [[beat(1), large(100_000), beat(2), large(100_000)], 5],
  ];
  for (const [each, count] of cases) {
    const messages = each.map((message) => encodePeerMessage(message, shards));
    const pieces = encodeFramePieces(messages);
    expect(pieces.length).toBe(count);
    expect(Buffer.concat(pieces).equals(encodeFrame(messages))).toBe(true);
  }
});

test("frames: cut anywhere on their way, they arrive as they were, one after the other", () => {
  // Long ones are gathered in memory that is used again: the next must not disturb one in hand.
  const prng = new Prng(testSeed("SKERRY_SEED"));
  const memory = new LeasedMemory();
  for (let round = 0; round < 20; round++) {
    const lengths = [0, 10, 65_535, 65_536, 70_000, 200_000, 200_000, 5];
    const frames = prng
      .shuffle(lengths)
      .map((length, i) => new Uint8Array(length).fill(i + 1, 0, length));
    const stream = Buffer.concat(frames.map((frame) => withLength(frame)));
    const reader = new FrameReader(1_000_000, round % 4 === 0 ? undefined : memory);
    const seen: Uint8Array[] = [];
    for (let at = 0; at < stream.length; ) {
      const count = prng.pick([1, 3, 1_000, 65_536, 300_000]);
      reader.push(stream.subarray(at, at + count), (frame) => seen.push(frame.slice()) > 0);
      at += count;
    }
    expect(reader.heldBytes).toBe(0);
    expect(seen.length).toBe(frames.length);
    frames.forEach((frame, i) => {
      expect(Buffer.compare(frame, seen[i]!)).toBe(0);
    });
  }
});
