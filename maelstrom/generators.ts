// What clients ask in each workload, drawn from the seed. As in Jepsen a thread is a client that
// asks one thing at a time; after an indefinite answer the thread goes on as a new process.

import type { Prng } from "../src/base/prng.js";
import type { Json } from "../src/check/canonical.js";
import type { Operation } from "../src/check/history.js";
import { logs } from "./generator-logs.js";
import type { Request } from "./workloads.js";

export interface GeneratorContext {
  readonly nodeCount: number;
  readonly threadCount: number;
}

/** The next request of a thread that is free; `process` is the name it has in the history. */
export interface OperationGenerator {
  next(thread: number, process: number): Request;
  /** What came of a request, for generators whose next one depends on it. */
  observe?(thread: number, operation: Operation): void;
  /** After healing, until it answers undefined; instead of the workload's one final request. */
  nextFinal?(thread: number): Request | undefined;
}

export type NewGenerator = (context: GeneratorContext, random: Prng) => OperationGenerator;

const readRequest: Request = { f: "read", input: null };

const echo: NewGenerator = (_, random) => ({
  next: () => ({ f: "echo", input: `Please echo ${random.below(128)}` }),
});

const uniqueIds: NewGenerator = () => ({ next: () => ({ f: "generate", input: null }) });

/** Adds 0, 1, 2, ... and reads, half and half. */
const elements =
  (addName: string): NewGenerator =>
  (_, random) => {
    let element = 0;
    return {
      next: () => (random.chance(0.5) ? { f: addName, input: element++ } : readRequest),
    };
  };

/**
 * Adds of -5 to 4 and reads, half and half. A g-counter leaves out what it may not ask and draws
 * again, so that it reads twice for each add.
 */
const deltas =
  (low: number, high: number): NewGenerator =>
  (_, random) => ({
    next() {
      for (;;) {
        if (random.chance(0.5)) return readRequest;
        const delta = random.between(-5, 4);
        if (delta >= low && delta <= high) return { f: "add", input: delta };
      }
    },
  });

/**
 * Processes that may touch one key. Each indefinite operation makes a new one, and judging is
 * exponential in those.
 */
const PROCESSES_PER_KEY_MAX = 20;
const VALUE_COUNT = 5;

/**
 * Every 2n threads share a key: n of them read; n write (one of three) and compare-and-set (two of
 * three). A group goes on to a fresh key once its key has seen too many processes.
 */
const registers: NewGenerator = ({ nodeCount, threadCount }, random) => {
  const groupSize = 2 * nodeCount;
  let nextKey = 0;
  const newKey = () => ({ key: nextKey++, processes: new Set<number>() });
  const groups = Array.from({ length: Math.ceil(threadCount / groupSize) }, newKey);
  const keyFor = (groupIndex: number, process: number): number => {
    let group = groups[groupIndex]!;
    if (!group.processes.has(process) && group.processes.size === PROCESSES_PER_KEY_MAX) {
      group = newKey();
      groups[groupIndex] = group;
    }
    group.processes.add(process);
    return group.key;
  };
  return {
    next(thread, process) {
      const key = keyFor(Math.floor(thread / groupSize), process);
      if (thread % groupSize < nodeCount) return { ...readRequest, key };
      const value = (): number => random.below(VALUE_COUNT);
      if (random.below(3) === 0) return { f: "write", key, input: value() };
      return { f: "cas", key, input: [value(), value()] };
    },
  };
};

const TXN_KEY_COUNT = 10;
const TXN_STEPS_MAX = 4;
const WRITES_PER_KEY_MAX = 16;

/**
 * Transactions of 1 to 4 steps, reads and writes half and half. Ten keys are in use at a time, each
 * next one twice as often as the one before; a key that was written 16 times gives way to a new
 * one. Values of a key are unique.
 */
const transactions =
  (write: "w" | "append"): NewGenerator =>
  (_, random) => {
    let nextKey = TXN_KEY_COUNT;
    const keys = Array.from({ length: TXN_KEY_COUNT }, (_key, key) => ({ key, writes: 0 }));
    const drawKey = () => {
      const at = Math.floor(Math.log2(1 + random.float() * (2 ** TXN_KEY_COUNT - 1)));
      return Math.min(at, TXN_KEY_COUNT - 1);
    };
    const step = (): Json => {
      const at = drawKey();
      const used = keys[at]!;
      if (random.chance(0.5)) return ["r", used.key, null];
      const value = ++used.writes;
      if (value === WRITES_PER_KEY_MAX) keys[at] = { key: nextKey++, writes: 0 };
      return [write, used.key, value];
    };
    return {
      next: () => ({
        f: "txn",
        input: Array.from({ length: random.between(1, TXN_STEPS_MAX) }, step),
      }),
    };
  };

export const generators = {
  echo,
  uniqueIds,
  elements,
  deltas,
  registers,
  transactions,
  logs,
} as const;
