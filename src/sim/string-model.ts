// What a linearizable string key may answer, for the judge of histories: read, write, cas, incr and
// append on one value. A refusal (20, 22) is an observation and must be explained like a read. A
// register of several keys has the texts of all of them as its value, and transactions.

import { errors } from "../base/errors.js";
import { canonical, type Json } from "../check/canonical.js";
import type { Operation } from "../check/history.js";
import { constraintOfOutcome, impossible, type Model } from "../check/model.js";

type State = string | undefined;

const isRefusal = ({ f, error }: Operation): boolean =>
  f === "cas" &&
  (error?.code === errors.key_does_not_exist.code ||
    error?.code === errors.precondition_failed.code);

export const stringModel: Model<State> = {
  name: "string",
  initial: undefined,
  key: (state) => canonical(state),
  isPure: ({ f, outcome }) => f === "read" || outcome === "fail",
  constraint(operation) {
    if (operation.f === "read" && operation.outcome === "indefinite") return "nothing";
    if (operation.outcome === "fail") return isRefusal(operation) ? "must" : "nothing";
    return constraintOfOutcome(operation);
  },
  step(state, operation) {
    const { f, input, output, outcome, error } = operation;
    if (outcome === "fail") {
      const wasAbsent = error?.code === errors.key_does_not_exist.code;
      const [from] = input as [string, string];
      return wasAbsent === (state === undefined) && state !== from ? state : impossible;
    }
    switch (f) {
      case "read":
        return (state ?? null) === output ? state : impossible;
      case "write":
        return input as string;
      case "cas": {
        const [from, to] = input as [string, string];
        return state === from ? to : impossible;
      }
      case "incr":
        return reported(String(Number(state ?? 0) + Number(input)), output);
      case "append": {
        const after = (state ?? "") + String(input);
        return output === undefined || output === after.length ? after : impossible;
      }
      case "transaction":
        return transacted(state, input as unknown as TransactionInput, output);
      default:
        throw new Error(`the string model does not know ${f}`);
    }
  },
};

/** The new value, if it is the one that was reported, or none was. */
const reported = (after: string, output: Json | undefined): State | typeof impossible =>
  output === undefined || output === after ? after : impossible;

interface TransactionInput {
  readonly steps: readonly (readonly [f: string, index: number, value: string])[];
  readonly watched: readonly string[];
}

interface TransactionOutput {
  readonly done: readonly Json[];
  /** What was read of the watched key, which must still be so; empty: it was not watched. */
  readonly seen: readonly Json[];
}

/** All steps at once, on the keys of a register. */
function transacted(
  state: State,
  { steps, watched }: TransactionInput,
  output: Json | undefined,
): State | typeof impossible {
  const values = (state === undefined ? [] : JSON.parse(state)) as Json[];
  const told = output as unknown as TransactionOutput | undefined;
  const watchedIndex = Number(watched[0]);
  if (told !== undefined && told.seen.length > 0)
    if ((values[watchedIndex] ?? null) !== told.seen[0]) return impossible;
  const done = steps.map(([f, index, value]): Json => {
    if (f === "get") return values[index] ?? null;
    values[index] = f === "set" ? value : String(Number(values[index] ?? 0) + 1);
    return f === "set" ? "OK" : values[index]!;
  });
  if (told !== undefined && canonical(done) !== canonical(told.done as Json)) return impossible;
  // Unset places are null in the text, as `values[index] ?? null` reads them.
  return values.length === 0 ? undefined : JSON.stringify(Array.from(values, (v) => v ?? null));
}
