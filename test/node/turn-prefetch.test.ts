// What is hashed ahead for the reads of a turn, and that nothing but the key's own hash is
// believed.

import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { wordsOf } from "../../src/base/words.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { TurnPrefetch } from "../../src/node/turn-prefetch.js";
import { Rig } from "../server-commands/harness.js";

const request = (...args: string[]): string =>
  `*${args.length}\r\n${args.map((text) => `$${text.length}\r\n${text}\r\n`).join("")}`;

function load(...reads: string[]): { turn: TurnPrefetch; bytes: Uint8Array; starts: Int32Array } {
  const bytes = utf8(reads.join(""));
  const starts = new Int32Array(reads.length + 1);
  reads.forEach((read, i) => {
    starts[i + 1] = starts[i]! + read.length;
  });
  const turn = new TurnPrefetch();
  const { keyspace } = new Rig().node;
  turn.load(keyspace, bytes, wordsOf(bytes), starts, reads.length);
  return { turn, bytes, starts };
}

describe("the prefetch of a turn", () => {
  it("knows the hash of the first key of usual commands", () => {
    const keys = ["k", "key:000000012345", "x".repeat(99)];
    const { turn, bytes, starts } = load(
      ...keys.map((key, i) => (i === 1 ? request("SET", key, "v") : request("GET", key))),
    );
    keys.forEach((key, i) => {
      const start = Buffer.from(bytes).indexOf(key, starts[i]!);
      const index = turn.indexOf(bytes, start, key.length);
      expect(index).toBe(i);
      expect(turn.hashAt(index)).toBe(hashBytes(bytes, start, key.length));
    });
  });

  it("says nothing of another key, of other bytes, or when the turn is over", () => {
    const { turn, bytes } = load(request("GET", "one"), request("GET", "two"));
    const start = Buffer.from(bytes).indexOf("one");
    expect(turn.indexOf(bytes, start, 2)).toBe(-1);
    expect(turn.indexOf(bytes.slice(), start, 3)).toBe(-1);
    expect(turn.indexOf(bytes, start, 3)).toBe(0);
    turn.end();
    expect(turn.indexOf(bytes, start, 3)).toBe(-1);
  });

  it("passes over what it does not know", () => {
    const odd = [
      "PING\r\n",
      "*1\r\n$4\r\nPING\r\n",
      request("GET", "x".repeat(100)),
      "*2\r\n$3\r\nGE",
    ];
    const cut = request("GET", "a-key-that-is-cut").slice(0, -8);
    const { turn, bytes } = load(...odd, cut, request("GET", "known"));
    const starts = Array.from(bytes, (_, at) => at).filter((at) =>
      [1, 5, 17, 100].some((length) => turn.indexOf(bytes, at, length) >= 0),
    );
    expect(starts).toEqual([Buffer.from(bytes).indexOf("known")]);
  });

  it("leaves a read alone that is alone", () => {
    const { turn, bytes } = load(request("GET", "one"));
    expect(turn.indexOf(bytes, Buffer.from(bytes).indexOf("one"), 3)).toBe(-1);
  });
});
