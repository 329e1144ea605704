// Max register: the highest number anybody has written. A version vector is a map of these, a
// HyperLogLog an array of them. Numbers are float64 without NaN; both zeros are one, else equal
// states would differ in bytes.

import { assert } from "../base/assert.js";
import { MalformedBytes } from "../base/bytes.js";
import { contextFree } from "./lattice.js";

export const maxRegister = contextFree<number, { readonly raiseTo: number }, number>({
  name: "max_register",
  tag: 3,
  bottom: () => Number.NEGATIVE_INFINITY,
  news(_state, { raiseTo }) {
    assert(
      !Number.isNaN(raiseTo),
      "a max register orders numbers, and NaN has no place among them",
    );
    return raiseTo === 0 ? 0 : raiseTo;
  },
  // Spec: Lattice.DrawMax.
  joinValues: (a, b) => Math.max(a, b),
  query: (state) => state,
  equals: (a, b) => a === b,
  encode: (writer, state) => void writer.f64(state),
  decode(reader) {
    const value = reader.f64();
    if (Number.isNaN(value) || Object.is(value, -0)) throw new MalformedBytes("not a maximum");
    return value;
  },
});
