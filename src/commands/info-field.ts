// One field of INFO: its name, where its value comes from, and whether that value is real here or
// stands for something this node does not have and shows as Redis shows its absence.

import type { Call } from "./call.js";

export interface InfoField {
  readonly name: string;
  /** `real`, or `fixed`: the feature is absent and the value says so. */
  readonly support: "real" | "fixed";
  readonly read: (call: Call) => string | number;
}

export const real = (name: string, read: InfoField["read"]): InfoField => ({
  name,
  support: "real",
  read,
});

export const fixed = (name: string, value: string | number): InfoField => ({
  name,
  support: "fixed",
  read: () => value,
});
