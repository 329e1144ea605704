// Asks a store at the start whether it honours the conditions of puts. Some that speak Amazon's
// protocol accept the headers and overwrite all the same; a manifest in such a store would be lost
// to the first second writer, without an error anywhere.
//
// The probe is a double put: what must succeed is tried as well as what must be refused, because a
// store that refuses everything is of no use either. Left out: whether two conditional puts at the
// same moment exclude each other; no probe can show that.

import { utf8 } from "../base/bytes.js";
import {
  type EntityTag,
  ifAbsent,
  ifMatch,
  type ObjectStore,
  type PutCondition,
  type StoreDone,
  storeFailure,
} from "./object-store.js";

interface Step {
  readonly condition: (firstTag: EntityTag) => PutCondition;
  /** Whether the store has to do it, or to answer `precondition_failed`. */
  readonly isHonoured: boolean;
  readonly what: string;
}

const steps: readonly Step[] = [
  { condition: () => ifAbsent, isHonoured: true, what: "if-absent on an absent object" },
  { condition: () => ifAbsent, isHonoured: false, what: "if-absent on a present object" },
  { condition: (first) => ifMatch(first), isHonoured: true, what: "if-match on the tag at hand" },
  { condition: (first) => ifMatch(first), isHonoured: false, what: "if-match on an old tag" },
];

export interface ProbeOptions {
  /** A name that nobody else uses, now or later: it is written and removed. */
  readonly name: string;
  /** The operator's word that this node is the only writer: nothing is asked of the store then. */
  readonly isSingleWriter: boolean;
}

/**
 * Success means that the store may hold a manifest. `not_supported`: it ignores conditions, the
 * message says which and what to do. Any other error: the store could not be asked.
 */
export function probeConditions(
  store: ObjectStore,
  { name, isSingleWriter }: ProbeOptions,
  done: StoreDone<undefined>,
) {
  if (isSingleWriter) return done({ ok: true, value: undefined });
  const end: StoreDone<undefined> = (result) => store.delete(name, () => done(result));
  let firstTag: EntityTag = "";
  const ask = (index: number): void => {
    const step = steps[index];
    if (step === undefined) {
      end({ ok: true, value: undefined });
      return;
    }
    // Each content is another: stores derive the tag from it.
    store.put(name, utf8(`probe ${index}`), step.condition(firstTag), (result) => {
      const isRefused = !result.ok && result.error.name === "precondition_failed";
      if (!result.ok && !isRefused) return end(result);
      if (result.ok !== step.isHonoured) return end(refused(step));
      if (result.ok && index === 0) firstTag = result.value;
      ask(index + 1);
    });
  };
  // What a probe that was cut short has left would look like a refusal.
  store.delete(name, (result) => (result.ok ? ask(0) : done(result)));
}

const refused = ({ what }: Step) =>
  storeFailure(
    "not_supported",
    `the object store does not honour conditional puts (${what}): two writers would destroy each ` +
      "other's manifest. Use a store that does, or assert that there is a single writer.",
  );
