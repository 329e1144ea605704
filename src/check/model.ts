// What a linearizability judge needs to know about a data type: its initial state and one step.
// The register (read, write, cas) of Maelstrom's lin-kv comes first; another type is another
// `Model`.

import { errors } from "../base/errors.js";
import { canonical, type Json } from "./canonical.js";
import type { Operation } from "./history.js";

/**
 * What an operation asks of a linearization: it `must` have one place, it `may` have one (or none),
 * or it says `nothing` and is left out.
 */
export type Constraint = "must" | "may" | "nothing";

/** What `step` answers when the operation cannot take effect in that state with that result. */
export const impossible: unique symbol = Symbol("impossible");

export interface Model<State> {
  readonly name: string;
  readonly initial: State;
  constraint(operation: Operation): Constraint;
  /**
   * The state after `operation` takes effect in `state`, or `impossible` if it cannot with the
   * result it reported. Deterministic; must not change `state`. An operation that `may` have
   * happened reports no result: then only its precondition counts.
   */
  step(state: State, operation: Operation): State | typeof impossible;
  /**
   * True if it leaves every state as it is, wherever it is possible (a read; a refusal). A write of
   * the value already there is not such an operation: elsewhere it changes the state.
   */
  isPure(operation: Operation): boolean;
  /** Equal exactly for equal states; also what an explanation shows. */
  key(state: State): string;
}

/** By outcome alone: right for every operation that changes something. */
export function constraintOfOutcome(operation: Operation): Constraint {
  switch (operation.outcome) {
    case "ok":
      return "must";
    case "indefinite":
      return "may";
    case "fail":
      return "nothing";
  }
}

/** `undefined` is the register that was never written: it equals no JSON value, null included. */
export type RegisterState = Json | undefined;

export interface RegisterOptions {
  /**
   * True: a definite "no such key" (20) or "not the expected value" (22) is an observation and must
   * be explained like a read. Jepsen ignores refusals, so this is off unless asked for.
   */
  readonly observeRefusals?: boolean;
}

/**
 * read -> value; write(value); cas([from, to]). One register: the judge splits a history by key.
 */
export function registerModel(options: RegisterOptions = {}): Model<RegisterState> {
  return {
    name: "register",
    initial: undefined,
    key: canonical,
    isPure: ({ f, outcome }) => f === "read" || outcome === "fail",
    constraint(operation) {
      // A read without an answer constrains nothing, and its having happened changes nothing.
      if (operation.f === "read" && operation.outcome === "indefinite") return "nothing";
      if (options.observeRefusals === true && isRefusal(operation)) return "must";
      return constraintOfOutcome(operation);
    },
    step(state, operation) {
      if (operation.outcome === "fail") return isRefusedIn(state, operation) ? state : impossible;
      switch (operation.f) {
        case "read":
          // A node may answer null for a register it never saw; that is what a blank register
          // holds.
          return equal(state ?? null, operation.output ?? null) ? state : impossible;
        case "write":
          return operation.input;
        case "cas": {
          const [from, to] = casArguments(operation);
          return state !== undefined && equal(state, from) ? to : impossible;
        }
        default:
          throw new Error(`the register model knows read, write and cas, not ${operation.f}`);
      }
    },
  };
}

const equal = (a: Json, b: Json): boolean => a === b || canonical(a) === canonical(b);

function casArguments({ input }: Operation): readonly [Json, Json] {
  if (!Array.isArray(input) || input.length !== 2) {
    throw new Error("the input of a cas is [from, to]");
  }
  return [input[0] as Json, input[1] as Json];
}

const isRefusal = ({ outcome, error, f }: Operation): boolean =>
  outcome === "fail" &&
  ((error?.code === errors.key_does_not_exist.code && (f === "read" || f === "cas")) ||
    (error?.code === errors.precondition_failed.code && f === "cas"));

function isRefusedIn(state: RegisterState, operation: Operation): boolean {
  if (operation.error?.code === errors.key_does_not_exist.code) return state === undefined;
  return state !== undefined && !equal(state, casArguments(operation)[0]);
}
