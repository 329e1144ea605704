// The log in an object store: what the store was told to hold comes back from it alone, whatever
// fails, whoever takes over; and how people see it.

import { expect, test } from "vitest";
import { storeFaults } from "../../src/storage/faulty-store.js";
import { type Seen, StreamTrial } from "./stream-trial.js";

const seedCount = 6;

test("store: what it was told to hold comes back from it, over faults, crashes and two writers", () => {
  const seen: Seen = new Set();
  for (let seed = 1; seed <= seedCount; seed++) {
    const trial = StreamTrial.ofSeed(seed);
    try {
      trial.run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
    for (const thing of trial.seen) seen.add(thing);
  }
  const happened = [
    "restored",
    "merged",
    "checkpoint",
    "fenced",
    "removed",
    "restarted",
    "refused",
  ] as const;
  for (const thing of [...happened, ...Object.keys(storeFaults)])
    expect([thing, seen.has(thing as (typeof happened)[number])]).toEqual([thing, true]);
}, 180_000);
