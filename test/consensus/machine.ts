// The state machine that the consensus tests run on a register, and the same machine as a model for
// the judge. The state carries the ids of all operations that changed it, in order: that log is
// what the monitor compares. Operations, outcomes and states are JSON in bytes, since consensus
// must not look into them.

import { type Bytes, emptyBytes, equalBytes, fromUtf8, utf8 } from "../../src/base/bytes.js";
import type { Json } from "../../src/check/canonical.js";
import type { Operation } from "../../src/check/history.js";
import { constraintOfOutcome, impossible, type Model } from "../../src/check/model.js";
import type { ChangedState } from "../../src/consensus/register-value.js";

export type OperationName = "read" | "write" | "cas" | "incr" | "append" | "delete";

export interface TestOperation {
  readonly id: number;
  readonly f: OperationName;
  readonly input: Json;
}

export interface TestState {
  readonly value: string | null;
  /** Ids of the operations that changed the register, in order. */
  readonly log: readonly number[];
}

export type TestOutcome = { readonly ok: Json } | { readonly refused: 20 | 22 };

export const encode = (item: TestOperation | TestState | TestOutcome): Bytes =>
  utf8(JSON.stringify(item));

export const decodeOutcome = (bytes: Bytes): TestOutcome =>
  JSON.parse(fromUtf8(bytes)) as TestOutcome;

export const decodeOperation = (bytes: Bytes): TestOperation =>
  JSON.parse(fromUtf8(bytes)) as TestOperation;

export const decodeState = (bytes: Bytes): TestState =>
  bytes.length === 0 ? { value: null, log: [] } : (JSON.parse(fromUtf8(bytes)) as TestState);

/** One step: the outcome, and the new value unless it stays as it is. */
function stepOf(
  value: string | null,
  f: OperationName,
  input: Json,
): { outcome: TestOutcome; value: string | null } {
  switch (f) {
    case "read":
      return { outcome: { ok: value }, value };
    case "write":
      return { outcome: { ok: null }, value: String(input) };
    case "cas": {
      const [from, to] = input as [string, string];
      if (value === null) return { outcome: { refused: 20 }, value };
      if (value !== from) return { outcome: { refused: 22 }, value };
      return { outcome: { ok: null }, value: to };
    }
    case "incr": {
      const next = String(Number.parseInt(value ?? "0", 10) + 1);
      return { outcome: { ok: next }, value: next };
    }
    case "append": {
      const next = (value ?? "") + String(input);
      return { outcome: { ok: next.length }, value: next };
    }
    case "delete":
      return { outcome: { ok: value }, value: null };
  }
}

export function change(
  _register: string,
  state: Bytes,
  operations: readonly Bytes[],
): ChangedState {
  let { value, log } = decodeState(state);
  const outcomes = operations.map((bytes) => {
    const operation = decodeOperation(bytes);
    const result = stepOf(value, operation.f, operation.input);
    if (operation.f !== "read" && "ok" in result.outcome) log = [...log, operation.id];
    value = result.value;
    return encode(result.outcome);
  });
  // A deleted register is blank, its log included: only then may it be collected.
  const after = value === null ? emptyBytes : encode({ value, log });
  return { state: after, outcomes, changed: !equalBytes(after, state) };
}

export function query(_register: string, state: Bytes, bytes: Bytes): Bytes {
  const operation = decodeOperation(bytes);
  return encode(stepOf(decodeState(state).value, operation.f, operation.input).outcome);
}

/**
 * The judge's copy of the machine; refusals are observations, definite unavailability says nothing.
 */
export const machineModel: Model<string | null> = {
  name: "machine",
  initial: null,
  key: (state) => String(state),
  isPure: ({ f, outcome }) => f === "read" || outcome === "fail",
  constraint(operation) {
    if (operation.f === "read" && operation.outcome !== "ok") return "nothing";
    if (operation.error?.code === 20 || operation.error?.code === 22) return "must";
    return constraintOfOutcome(operation);
  },
  step(state, operation: Operation) {
    const result = stepOf(state, operation.f as OperationName, operation.input);
    if (operation.outcome === "indefinite") {
      return "refused" in result.outcome ? impossible : result.value;
    }
    const told = JSON.stringify(operation.output);
    return JSON.stringify(result.outcome) === told ? result.value : impossible;
  },
};
