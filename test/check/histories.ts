// Histories for the judges' tests: a register simulated with known points of effect (valid by
// construction), one spoiled by a changed result, and small ones with arbitrary results.

import { Prng } from "../../src/base/prng.js";
import type { Json } from "../../src/check/canonical.js";
import type { Operation } from "../../src/check/history.js";

export interface RegisterHistoryShape {
  readonly seed: number;
  readonly operationCount: number;
  readonly concurrency: number;
  readonly valueCount?: number;
  readonly keyCount?: number;
  /** Chance that an operation is never answered. */
  readonly indefinite?: number;
}

interface Planned {
  readonly process: number;
  readonly f: "read" | "write" | "cas";
  readonly key: number;
  readonly input: Json;
  readonly invokedAt: number;
  readonly effectAt: number;
  readonly completedAt: number;
  readonly isAnswered: boolean;
}

/**
 * Every operation takes effect at a random point between its two times; an unanswered one perhaps
 * never.
 */
export function validRegisterHistory(shape: RegisterHistoryShape): Operation[] {
  const random = new Prng(shape.seed);
  const planned = planRegisterOperations(random, shape);
  const registers = new Map<number, Json>();
  const history: Operation[] = [];
  for (const plan of planned.sort((a, b) => a.effectAt - b.effectAt)) {
    history.push(takeEffect(plan, registers));
  }
  return history.sort((a, b) => a.invokedAt - b.invokedAt);
}

function planRegisterOperations(random: Prng, shape: RegisterHistoryShape): Planned[] {
  const { operationCount, concurrency, valueCount = 5, keyCount = 1, indefinite = 0 } = shape;
  const freeAt = Array.from({ length: concurrency }, () => random.below(100));
  const processes = Array.from({ length: concurrency }, (_, thread) => thread);
  const planned: Planned[] = [];
  while (planned.length < operationCount) {
    const thread = freeAt.indexOf(Math.min(...freeAt));
    const invokedAt = freeAt[thread]! + 1 + random.below(20);
    const completedAt = invokedAt + 1 + random.below(100);
    const f = random.pick(["read", "read", "write", "cas"] as const);
    const value = (): number => random.below(valueCount);
    const isAnswered = !random.chance(indefinite);
    // An unanswered operation may take effect long afterwards.
    const effectAt = invokedAt + random.float() * (isAnswered ? completedAt - invokedAt : 1000);
    planned.push({
      process: processes[thread]!,
      f,
      key: random.below(keyCount),
      input: f === "read" ? null : f === "write" ? value() : [value(), value()],
      invokedAt,
      effectAt,
      completedAt,
      isAnswered,
    });
    freeAt[thread] = completedAt;
    if (!isAnswered) processes[thread] = processes[thread]! + concurrency;
  }
  return planned;
}

function takeEffect(plan: Planned, registers: Map<number, Json>): Operation {
  const { process, f, key, input, invokedAt, completedAt, isAnswered } = plan;
  const asked = { process, f, key, input, invokedAt };
  const before = registers.get(key);
  const [from, to] = f === "cas" ? (input as readonly [Json, Json]) : [null, null];
  const isRefused =
    f === "write" ? false : before === undefined || (f === "cas" && before !== from);
  if (f === "write") registers.set(key, input);
  if (f === "cas" && !isRefused) registers.set(key, to);
  if (!isAnswered) return { ...asked, outcome: "indefinite" };
  if (isRefused) {
    const code = before === undefined ? 20 : 22;
    return { ...asked, outcome: "fail", completedAt, error: { code } };
  }
  if (f === "read") return { ...asked, outcome: "ok", completedAt, output: before! };
  return { ...asked, outcome: "ok", completedAt };
}

/** Changes one thing a client was told: a value read, or a refusal that becomes a success. */
export function spoil(history: readonly Operation[], random: Prng): Operation[] {
  const at = random.below(history.length);
  return history.map((operation, index) => {
    if (index !== at) return operation;
    if (operation.f === "read" && operation.outcome === "ok") {
      return { ...operation, output: random.below(5) };
    }
    if (operation.outcome === "fail" && operation.f === "cas") {
      const { error: _, ...rest } = operation;
      return { ...rest, outcome: "ok" };
    }
    return {
      ...operation,
      invokedAt: operation.invokedAt + 1,
      input: spoiledInput(operation, random),
    };
  });
}

function spoiledInput({ f, input }: Operation, random: Prng): Json {
  if (f === "write") return random.below(5);
  return f === "cas" ? [random.below(5), random.below(5)] : input;
}

/**
 * Few operations on a narrow time line, with results drawn blindly: about half can be linearized.
 */
export function smallRandomHistory(random: Prng): Operation[] {
  const count = random.between(2, 7);
  const values = random.between(2, 3);
  return Array.from({ length: count }, (_, process): Operation => {
    const f = random.pick(["read", "read", "write", "cas"] as const);
    const value = (): number => random.below(values);
    const input = f === "read" ? null : f === "write" ? value() : [value(), value()];
    const invokedAt = random.below(12);
    const asked = { process, f, key: 0, input, invokedAt };
    const completedAt = invokedAt + random.below(8);
    const draw = random.below(10);
    if (draw < 3) return { ...asked, outcome: "indefinite", completedAt };
    if (draw === 3) return { ...asked, outcome: "fail", completedAt, error: { code: 22 } };
    const output = f === "read" ? { output: random.chance(0.1) ? null : value() } : {};
    return { ...asked, outcome: "ok", completedAt, ...output };
  });
}
