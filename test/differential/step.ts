// The vocabulary of the differential test: what a generated step is, and what a family of commands
// contributes. Arguments are latin1 text, one character per byte, so that every byte string can be
// written, shrunk and printed.

import type fc from "fast-check";
import type { Reply } from "./resp-client.js";

export interface Step {
  readonly argv: readonly string[];
  /** Which of the connections of a run sends it; 0 when absent. */
  readonly connection?: number;
  /**
   * Wait after the reply, so that a deadline of a millisecond has certainly passed on both servers.
   */
  readonly pauseMs?: number;
  /** A SCAN-like command followed until its cursor is 0; the union of its elements is compared. */
  readonly drain?: boolean;
}

/** Steps that belong together: shrinking removes all of them or none. */
export type StepGroup = readonly Step[];

/** True when two replies, neither of them an error, mean the same. */
export type Comparer = (ours: Reply, theirs: Reply, step: Step) => boolean;

export interface Family {
  readonly name: string;
  /**
   * Commands the family cannot do without or wants to use; what a server lacks is left out and
   * named.
   */
  readonly commands: readonly string[];
  /** Databases the family writes to, starting at 0. */
  readonly databaseCount: number;
  /** Only what need not be equal byte for byte: keyed by "COMMAND" or "COMMAND SUBCOMMAND". */
  readonly comparers: Readonly<Record<string, Comparer>>;
  groups(supports: (command: string) => boolean): fc.Arbitrary<StepGroup>;
}

const isPrintable = (code: number): boolean => code > 0x20 && code < 0x7f && code !== 0x22;

/** A step as one line for redis-cli. */
export function showStep(step: Step): string {
  const words = step.argv.map((argument) => {
    const isPlain = argument !== "" && [...argument].every((c) => isPrintable(c.charCodeAt(0)));
    if (isPlain && !argument.includes("\\") && !argument.includes("'")) return argument;
    const inside = [...argument].map((c) => {
      if (c === '"' || c === "\\") return `\\${c}`;
      const code = c.charCodeAt(0);
      return isPrintable(code) || c === " " ? c : `\\x${code.toString(16).padStart(2, "0")}`;
    });
    const shown =
      inside.length > 200 ? [...inside.slice(0, 200), `...(${argument.length})`] : inside;
    return `"${shown.join("")}"`;
  });
  const notes = [
    step.connection !== undefined && step.connection > 0 ? `connection ${step.connection}` : "",
    step.pauseMs !== undefined ? `then ${step.pauseMs} ms` : "",
    step.drain === true ? "to the end" : "",
  ].filter((note) => note !== "");
  return words.join(" ") + (notes.length > 0 ? `   # ${notes.join(", ")}` : "");
}
