// Messages and records survive the trip through bytes, and no bytes do harm.

import fc from "fast-check";
import { expect, test } from "vitest";
import { MalformedBytes, utf8 } from "../../src/base/bytes.js";
import { zeroBallot } from "../../src/consensus/ballot.js";
import { decodeMessage, encodeMessage } from "../../src/consensus/codec.js";
import { growths, memberCountMax, newConfiguration } from "../../src/consensus/configuration.js";
import type { Body, ConsensusMessage } from "../../src/consensus/messages.js";
import { type DurableRecord, decodeRecord, encodeRecord } from "../../src/consensus/records.js";

const natural = fc.oneof(fc.nat(300), fc.maxSafeNat());
const node = fc.constantFrom("n1", "n2", "a-rather-long-name", "é");
const register = fc
  .uint8Array({ maxLength: 12 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));
const bytes = fc.uint8Array({ maxLength: 20 });
const list = fc.array(bytes, { maxLength: 4 });
const ballot = fc.record({ epoch: natural, round: natural, node, incarnation: natural });
const maybeBallot = fc.option(ballot, { nil: undefined });
const applied = fc.record({ origin: node, incarnation: natural, seq: natural, outcomes: list });
const value = fc.record({
  state: bytes,
  applied: fc.array(applied, { maxLength: 3 }),
  floor: ballot,
});
const report = fc.oneof(
  fc.constant({ accepted: undefined, value: undefined }),
  fc.record({ accepted: ballot, value: fc.option(value, { nil: undefined }) }),
);
const configuration = fc
  .record({
    epoch: fc.nat(1000).map((epoch) => epoch + 1),
    growth: fc.constantFrom(...growths),
    members: fc.uniqueArray(fc.record({ node, incarnation: natural }), {
      minLength: 1,
      selector: (member) => member.node,
    }),
  })
  .map(({ epoch, members, growth }) => newConfiguration(epoch, members, growth));

/** One generator per type of message: a new type does not compile until it has one. */
const bodies: { [T in Body["type"]]: fc.Arbitrary<Omit<Extract<Body, { type: T }>, "type">> } = {
  heartbeat: fc.record({ wantedMs: natural }),
  prepare: fc.record({ register, ballot, known: maybeBallot }),
  promise: fc
    .tuple(fc.record({ register, ballot, floor: ballot }), report)
    .map(([a, b]) => ({ ...a, ...b })),
  accept: fc.record({ register, ballot, value, next: ballot, collects: fc.boolean() }),
  accepted: fc.record({ register, ballot, isIdle: fc.boolean() }),
  erase: fc.record({ register, ballot }),
  rejected: fc.record({
    register,
    ballot,
    phase: fc.constantFrom("prepare" as const, "accept" as const),
    promised: ballot,
  }),
  read: fc.record({ register, id: natural, known: maybeBallot }),
  read_ok: fc
    .tuple(fc.record({ register, id: natural, reader: natural }), report)
    .map(([a, b]) => ({ ...a, ...b })),
  forward: fc.record({
    register,
    home: natural,
    ttlMs: natural,
    seq: natural,
    born: ballot,
    operations: list,
  }),
  forward_ok: fc.record({ register, origin: natural, seq: natural, outcomes: list }),
  forward_refused: fc.record({ register, origin: natural, seq: natural, floor: maybeBallot }),
  cancel: fc.record({ register, home: natural, seq: natural }),
  configuration: fc.record({ configuration }),
  configuration_query: fc.constant({}),
  copy: fc.record({ id: natural, page: natural }),
  copy_ok: fc.record({ id: natural, page: natural, next: natural, records: bytes }),
};

const body: fc.Arbitrary<Body> = fc.oneof(
  ...Object.entries(bodies).map(([type, fields]) =>
    (fields as fc.Arbitrary<object>).map((some) => ({ type, ...some }) as Body),
  ),
);

const message: fc.Arbitrary<ConsensusMessage> = fc.record({
  epoch: natural,
  incarnation: natural,
  votes: fc.boolean(),
  body,
});

const record: fc.Arbitrary<DurableRecord> = fc.oneof(
  fc.record({ kind: fc.constant("erased" as const), register, floor: ballot }),
  fc.record({ kind: fc.constant("promised" as const), register, ballot }),
  fc.record({ kind: fc.constant("accepted" as const), register, ballot, value, next: ballot }),
);

test("codec: every message comes back as it was", () => {
  fc.assert(
    fc.property(message, (original) => {
      expect(decodeMessage(encodeMessage(original))).toEqual(original);
    }),
    { numRuns: 1000 },
  );
});

test("codec: every record comes back as it was", () => {
  fc.assert(
    fc.property(record, (original) => {
      expect(decodeRecord(encodeRecord(original))).toEqual(original);
    }),
    { numRuns: 300 },
  );
});

test("codec: what is decoded does not share the read buffer", () => {
  const original: ConsensusMessage = {
    epoch: 1,
    incarnation: 1,
    votes: true,
    body: {
      type: "forward",
      register: "r",
      home: 1,
      ttlMs: 5,
      seq: 9,
      born: zeroBallot,
      operations: [utf8("set")],
    },
  };
  const buffer = encodeMessage(original);
  const decoded = decodeMessage(buffer);
  buffer.fill(0xff);
  expect(decoded).toEqual(original);
});

/** Decoding either succeeds or says that the bytes are malformed; anything else is our bug. */
function expectHarmless(input: Uint8Array, decode: (bytes: Uint8Array) => unknown): boolean {
  try {
    decode(input);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedBytes);
    return false;
  }
}

test("codec: a shortened, lengthened or damaged message never does worse than to be refused", () => {
  let refusedCount = 0;
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(255), (original, at, byte) => {
      const good = encodeMessage(original);
      const cut = good.subarray(0, at % good.length);
      expect(expectHarmless(cut, decodeMessage)).toBe(false);
      expect(expectHarmless(Buffer.concat([good, Buffer.from([byte])]), decodeMessage)).toBe(false);
      const damaged = good.slice();
      damaged[at % good.length] = byte;
      if (!expectHarmless(damaged, decodeMessage)) refusedCount++;
    }),
    { numRuns: 1000 },
  );
  expect(refusedCount).toBeGreaterThan(0);
});

test("codec: random bytes are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
      expectHarmless(input, decodeMessage);
      expectHarmless(input, decodeRecord);
    }),
    { numRuns: 2000 },
  );
});

test("codec: a count that promises more than there is allocates nothing", () => {
  // A forward of 2^50 operations in twenty bytes.
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03];
  const input = Uint8Array.from([1, 1, 1, 8, 1, 0x72, 1, 1, 1, ...[0, 0, 0, 0], ...huge]);
  expect(expectHarmless(input, decodeMessage)).toBe(false);
});

test("codec: a configuration without members, with too many or with one twice is malformed", () => {
  const head = [1, 1, 1, 12, 5, 0];
  const member = [2, 0x6e, 0x31, 1];
  const decodes = (...tail: readonly number[]): boolean =>
    expectHarmless(Uint8Array.from([...head, ...tail]), decodeMessage);
  expect(decodes(1, ...member)).toBe(true);
  expect(decodes(0)).toBe(false);
  const grownHow = [...head.slice(0, -1), growths.length, 1, ...member];
  expect(expectHarmless(Uint8Array.from(grownHow), decodeMessage)).toBe(false);
  expect(decodes(2, ...member, ...member)).toBe(false);
  const many = Array.from({ length: memberCountMax + 1 }, (_, i) => [2, 0x6e, 0x21 + i, 1]);
  expect(decodes(many.length, ...many.flat())).toBe(false);
});
