// When the loop rests for more reads, with a clock and a sleep of the test's own.

import { describe, expect, it } from "vitest";
import { type Reader, ReadModeration } from "../../src/host/read-moderation.js";

const windowReads = 256;
const short = 40;

interface World {
  readonly moderation: ReadModeration;
  /** How long each sleep takes. */
  tookMs: number;
  steadyMs: number;
  sleeps: number;
}

function world(): World {
  const made: World = {
    moderation: new ReadModeration({
      steady: () => made.steadyMs,
      sleep: () => {
        made.sleeps++;
        made.steadyMs += made.tookMs;
      },
    }),
    tookMs: 0.055,
    steadyMs: 5,
    sleeps: 0,
  };
  return made;
}

/** So many reads by so many clients in turn, within `overMs`; answers when they were over. */
function read(
  { moderation }: World,
  fromMs: number,
  { clients = 50, overMs = 2, bytes = short, count = windowReads } = {},
): number {
  const readers: Reader[] = Array.from({ length: clients }, () => ({ readWindow: 0 }));
  for (let i = 1; i <= count; i++)
    moderation.note(readers[i % clients]!, bytes, Math.floor(fromMs + (overMs * i) / count));
  return fromMs + overMs;
}

/** Two windows: the first one begins before anything was read. */
function readTwice(made: World, options: Parameters<typeof read>[2] = {}): number {
  return read(made, read(made, 1000, options), options);
}

describe("resting for more reads", () => {
  it("rests after a sparse turn while many clients keep the loop busy", () => {
    const made = world();
    const nowMs = readTwice(made);
    made.moderation.rest(2, nowMs);
    expect(made.sleeps).toBe(1);
    made.moderation.rest(16, nowMs);
    expect(made.sleeps, "a full turn").toBe(1);
  });

  it("never rests for few clients, however fast", () => {
    const made = world();
    const nowMs = readTwice(made, { clients: 31 });
    made.moderation.rest(1, nowMs);
    expect(made.sleeps).toBe(0);
    readTwice(made, { clients: 32 });
    made.moderation.rest(1, nowMs);
    expect(made.sleeps).toBe(1);
  });

  it("never rests for many slow clients", () => {
    const made = world();
    made.moderation.rest(1, readTwice(made, { overMs: 9 }));
    expect(made.sleeps).toBe(0);
  });

  it("never rests for those who send several requests at once", () => {
    const made = world();
    made.moderation.rest(1, readTwice(made, { bytes: 600 }));
    expect(made.sleeps).toBe(0);
  });

  it("counts clients anew in each window", () => {
    const made = world();
    const nowMs = read(made, readTwice(made), { clients: 3 });
    made.moderation.rest(1, nowMs);
    expect(made.sleeps).toBe(0);
  });

  it("does not let a late client wait for those who have gone", () => {
    const made = world();
    const nowMs = readTwice(made) + 7;
    made.moderation.rest(1, nowMs);
    expect(made.sleeps).toBe(0);
    expect(made.moderation.isBusy).toBe(false);
  });

  it("gives up for a second where sleeps are long, but not for one that was", () => {
    const made = world();
    const nowMs = readTwice(made);
    made.tookMs = 4;
    made.moderation.rest(1, nowMs);
    made.tookMs = 0.055;
    made.moderation.rest(1, nowMs);
    expect(made.sleeps, "one was long").toBe(2);
    made.tookMs = 4;
    for (let i = 0; i < 100; i++) made.moderation.rest(1, nowMs);
    const whenPaused = made.sleeps;
    expect(whenPaused).toBeLessThan(10);
    made.steadyMs += 1000;
    made.moderation.rest(1, nowMs);
    expect(made.sleeps).toBe(whenPaused + 1);
  });
});
