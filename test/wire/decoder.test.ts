// Requests: how the bytes of a client are cut into reads changes nothing, and what is no request is
// told in Redis's words.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { PartialRequest } from "../../src/commands/session.js";
import { RequestDecoder, splitInline } from "../../src/wire/request-decoder.js";
import { type Client, Rig } from "../server-commands/harness.js";
import { conversation, cutAt, cuts, eachByte, encodeRequest } from "./requests.js";

const text = (bytes: string): Uint8Array => Uint8Array.from(Buffer.from(bytes, "latin1"));

/** What a client reads, and whether it is still connected. */
interface Outcome {
  readonly replies: string;
  readonly isClosed: boolean;
}

/**
 * Delivers pieces as reads of one buffer that every later read overwrites, as the host's is: a
 * value that still pointed into it would change.
 */
function deliver(rig: Rig, client: Client, pieces: readonly Uint8Array[]): Outcome {
  client.output = "";
  const shared = new Uint8Array(Math.max(1, ...pieces.map((piece) => piece.length)) + 32);
  for (const piece of pieces) {
    // Leftovers of the last read stand behind what has arrived; nobody may look at them.
    shared.fill(0x2a);
    shared.set(piece);
    rig.receivePart(client, shared, piece.length);
  }
  return { replies: client.output, isClosed: client.isClosed };
}

const rig = new Rig();

/** The same conversation with an empty node. */
function converse(pieces: readonly Uint8Array[]): Outcome {
  rig.connect().send("FLUSHALL");
  return deliver(rig, rig.connect(), pieces);
}

test("requests: whole, byte by byte or cut anywhere, a conversation gets the same replies", () => {
  let cutCount = 0;
  fc.assert(
    fc.property(conversation, cuts, (bytes, fractions) => {
      const whole = converse([bytes]);
      expect(converse(eachByte(bytes))).toEqual(whole);
      const pieces = cutAt(bytes, fractions);
      if (pieces.length > 2) cutCount++;
      expect(converse(pieces)).toEqual(whole);
    }),
    { numRuns: 150 },
  );
  // Sometimes there is something to cut, most times even.
  expect(cutCount).toBeGreaterThan(75);
});

test("requests: a pipeline longer than a batch comes back in order, wherever it is cut", () => {
  const count = 100;
  const bytes = Uint8Array.from(
    Buffer.concat(Array.from({ length: count }, (_, n) => encodeRequest(["ECHO", `n${n}`]))),
  );
  const replies = Array.from({ length: count }, (_, n) => {
    const word = `n${n}`;
    return `$${word.length}\r\n${word}\r\n`;
  }).join("");
  expect(converse([bytes])).toEqual({ replies, isClosed: false });
  for (let at = 1; at < bytes.length; at += 7) {
    expect(converse([bytes.slice(0, at), bytes.slice(at)]).replies).toBe(replies);
  }
});

test("requests: long ones between short ones, wherever they are cut", () => {
  const many = (n: number): Uint8Array =>
    encodeRequest([
      "MSET",
      ...Array.from({ length: 200 }, (_, i) => `${i % 2 === 0 ? "k" : n}${i}`),
    ]);
  const parts = [encodeRequest(["PING"]), many(1), encodeRequest(["GET", "k10"]), many(2)];
  const bytes = Uint8Array.from(Buffer.concat([...parts, ...parts, encodeRequest(["GET", "k10"])]));
  const whole = converse([bytes]);
  expect(whole.replies.endsWith("+OK\r\n$3\r\n211\r\n")).toBe(true);
  fc.assert(
    fc.property(cuts, (fractions) => {
      expect(converse(cutAt(bytes, fractions))).toEqual(whole);
    }),
    { numRuns: 60 },
  );
  expect(converse(eachByte(bytes))).toEqual(whole);
});

test("requests: values and queued commands do not point into the read buffer", () => {
  const client = rig.connect();
  const value = "v".repeat(100);
  const queue = [encodeRequest(["MULTI"]), encodeRequest(["SET", "shared", value])];
  deliver(rig, client, [...queue, encodeRequest(["WATCH"]), encodeRequest(["DISCARD"])]);
  deliver(rig, client, [...queue, encodeRequest(["GET", "shared"]), encodeRequest(["EXEC"])]);
  const { replies } = deliver(rig, client, [encodeRequest(["GET", "shared"])]);
  expect(replies).toBe(`$100\r\n${value}\r\n`);
});

const refused: readonly (readonly [bytes: string, error: string, what?: string])[] = [
  [`*1\r\n\0${"\r\n".repeat(32_768)}`, "too big bulk count string", "a NUL in a long length"],
  [`*1\0${"\r\n".repeat(32_768)}`, "too big mbulk count string", "a NUL in a long count"],
  ["*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"],
  ["*1\r\n\r\n\r\n", "expected '$', got ' '"],
  ["*x\r\n", "invalid multibulk length"],
  ["*-0\r\n", "invalid multibulk length"],
  ["*+1\r\n", "invalid multibulk length"],
  ["*\r\n", "invalid multibulk length"],
  ["*2147483648\r\n", "invalid multibulk length"],
  ["*9223372036854775808\r\n", "invalid multibulk length"],
  ["*-9223372036854775809\r\n", "invalid multibulk length"],
  ["*1\r\n$-1\r\n", "invalid bulk length"],
  ["*1\r\n$536870913\r\n", "invalid bulk length"],
  ["*1\r\n$1a\r\n", "invalid bulk length"],
  ["*1\r\n$04\r\nPING\r\n", "invalid bulk length"],
  ["*1\r\n$\r\n", "invalid bulk length"],
  [`*${"1".repeat(65_536)}`, "too big mbulk count string", "a count without end"],
  [`*1\r\n$${"1".repeat(65_536)}`, "too big bulk count string", "a length without end"],
  ["x".repeat(65_536), "too big inline request", "a line without end"],
  [`\0${"\n".repeat(65_536)}`, "too big inline request", "a NUL in a line"],
  ['set k "unbalanced\r\n', "unbalanced quotes in request"],
  ["set k 'a'b\r\n", "unbalanced quotes in request"],
];

test.each(refused.map(([bytes, error, what]) => [what ?? JSON.stringify(bytes), bytes, error]))(
  "requests: %s is answered by a protocol error, and the connection ends",
  (_what, bytes, error) => {
    for (const pieces of [[text(bytes)], cutAt(text(bytes), [0.3, 0.9])]) {
      const client = rig.connect();
      const outcome = deliver(rig, client, [...pieces, text("PING\r\n")]);
      expect(outcome).toEqual({ replies: `-ERR Protocol error: ${error}\r\n`, isClosed: true });
    }
  },
);

test("requests: empty ones are passed over", () => {
  const bytes = "\r\n\n*0\r\n*-1\r\n*-9223372036854775808\r\n   \r\nPING\r\n";
  expect(converse([text(bytes)])).toEqual({ replies: "+PONG\r\n", isClosed: false });
});

test("requests: an unfinished one gets no answer yet, whatever it begins with", () => {
  for (const bytes of ["*1\r\nX", "*1\r\n$x\r", "*x\r", "*1\r\n\0\r\n", "*1\0\r\n", "'", "\0\n"]) {
    expect(converse([text(bytes)])).toEqual({ replies: "", isClosed: false });
  }
});

test.each([
  ['set key "a b"', ["set", "key", "a b"]],
  ["  set\tkey  'it\\'s' ", ["set", "key", "it's"]],
  ['"\\x41\\x7a\\n\\r\\t\\b\\a\\q\\"\\\\"', ['Az\n\r\t\b\x07q"\\']],
  ["'\\x41\\n'", ["\\x41\\n"]],
  ['foo"bar"', ["foobar"]],
  ['""', [""]],
  ["''", [""]],
  ["a\vb\fc", ["a\vb\fc"]],
  ["\v\fa", ["a"]],
  ['"a"\v"b"', ["a", "b"]],
  ['"\\x4"', ["x4"]],
  ['"a"b', undefined],
  ["'a'b", undefined],
  ['"a', undefined],
  ["'a\\'", undefined],
  ['"a\\', undefined],
])("requests: inline %j splits as in Redis", (line, expected) => {
  const bytes = text(line);
  const args = splitInline(bytes, 0, bytes.length);
  expect(args?.map((arg) => Buffer.from(arg).toString("latin1"))).toEqual(expected);
});

test("requests: an incomplete one says how much it lacks, and never more than it does", () => {
  const limits = { bulkBytesMax: 1 << 20, authenticated: true };
  const decoder = new RequestDecoder();
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 12 }),
      (args) => {
        const bytes = encodeRequest(args);
        for (let end = 1; end < bytes.length; end++) {
          decoder.decode(bytes, 0, end, limits);
          expect(decoder.count).toBe(0);
          expect(decoder.wanted).toBeGreaterThan(end);
          // Had it asked for more, the last bytes would arrive and nobody would look.
          expect(decoder.wanted).toBeLessThanOrEqual(bytes.length);
        }
        decoder.decode(bytes, 0, bytes.length, limits);
        expect(decoder.count).toBe(1);
      },
    ),
    { numRuns: 60 },
  );
});

test("requests: many arguments in many reads cost no more than their bytes", () => {
  const limits = { bulkBytesMax: 1 << 20, authenticated: true };
  const args = Array.from({ length: 20_000 }, (_, n) => `argument-${n}`);
  const bytes = encodeRequest(args);
  const decoder = new RequestDecoder();
  let partial: PartialRequest | undefined;
  let again = 0;
  for (let end = 0; end < bytes.length; end += 100) {
    const before = partial?.index ?? 0;
    decoder.decode(bytes, 0, end, limits, partial);
    partial = decoder.partial;
    if (before > 0 && (partial?.index ?? 0) < before) again++;
  }
  decoder.decode(bytes, 0, bytes.length, limits, partial);
  expect(decoder.count).toBe(1);
  expect(again).toBe(0);
  expect(partial?.index).toBeGreaterThan(19_000);
  const decoded = args.map((_, n) => {
    const start = decoder.ranges[n * 2]!;
    return Buffer.from(bytes.subarray(start, start + decoder.ranges[n * 2 + 1]!)).toString();
  });
  expect(decoded).toEqual(args);
});

test("requests: a large value that trickles in is not decoded anew at each read", () => {
  const limits = { bulkBytesMax: 1 << 24, authenticated: true };
  const decoder = new RequestDecoder();
  const bytes = encodeRequest(["SET", "k", new Uint8Array(1 << 20)]);
  decoder.decode(bytes, 0, 64, limits);
  expect(decoder.wanted).toBe(bytes.length);
});

test("requests: who has not authenticated may send ten arguments and no more", () => {
  const decoder = new RequestDecoder();
  const decode = (count: number, authenticated: boolean): string | undefined => {
    const bytes = encodeRequest(Array.from({ length: count }, () => "word"));
    decoder.decode(bytes, 0, bytes.length, { bulkBytesMax: 100, authenticated });
    return decoder.error;
  };
  expect(decode(10, false)).toBeUndefined();
  expect(decode(11, true)).toBeUndefined();
  for (const count of [11, 99, 100, 1000])
    expect(decode(count, false)).toBe("Protocol error: unauthenticated multibulk length");
});
