// What a run of Redis's Tcl suite said, as data. A unit is judged on the multiset of the names of
// its passed tests: the exit code is 1 on any failure and names repeat (loops over encodings), so
// neither a code nor a set would do. Names are committed only as short hashes, enough to notice a
// loss and to name it again from the log of any run that saw it.

import { createHash } from "node:crypto";

export interface UnitLog {
  readonly unit: string;
  readonly ok: readonly string[];
  readonly err: readonly string[];
  /** Per failed name, why: the first line of the complaint. */
  readonly why: Readonly<Record<string, string>>;
  readonly exception: readonly string[];
  /** One `ignore` can stand for a whole block, so its count is no count of tests. */
  readonly ignored: number;
  readonly skipped: number;
  /** Ended from outside because nothing moved any more. */
  readonly hung: boolean;
}

/**
 * The suite cuts ten characters off an error it did not expect, and repeats it whole on the next
 * line.
 */
function reasonOf(lines: readonly string[], at: number): string {
  const [first = "", second = ""] = lines.slice(at + 1, at + 3);
  return (second.endsWith(first) ? second : first).trim().slice(0, 200);
}

/**
 * The command whose absence made a test fail, in upper case; undefined when it failed for another
 * reason.
 */
export const absentCommand = (why: string | undefined): string | undefined =>
  /unknown command '([^']*)'/.exec(why ?? "")?.[1]?.toUpperCase();

/** Parses the output of `test_helper.tcl`; colours are off because the runner sets TERM=dumb. */
export function parseSuiteLog(unit: string, text: string, hung: boolean): UnitLog {
  const ok: string[] = [];
  const err: string[] = [];
  const exception: string[] = [];
  let ignored = 0;
  let skipped = 0;
  let timedOut = hung;
  const why: Record<string, string> = {};
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    const match = /^\[(ok|err|exception|ignore|skip|TIMEOUT)\]: ?(.*)$/.exec(line);
    if (match === null) continue;
    const rest = match[2]!;
    // The final summary repeats every failure behind "*** ", which the pattern above does not
    // match.
    if (match[1] === "ok") ok.push(rest.replace(/ \(\d+ ms\)$/, ""));
    else if (match[1] === "err") {
      const name = rest.replace(/ in tests\/\S+\.tcl$/, "");
      err.push(name);
      why[name] = reasonOf(lines, at);
    } else if (match[1] === "exception") exception.push(rest);
    else if (match[1] === "ignore") ignored++;
    else if (match[1] === "skip") skipped++;
    else timedOut = true;
  }
  return { unit, ok, err, why, exception, ignored, skipped, hung: timedOut };
}

/** Ten hexadecimal digits: about 2000 names share 2^40 values. */
export const nameHash = (name: string): string =>
  createHash("sha256").update(name).digest("hex").slice(0, 10);

/** Sorted hashes with repetition, the committed form of a list of names. */
export const hashesOf = (names: readonly string[]): string[] => names.map(nameHash).sort();

/** One digest over all names of a unit. */
export const digestOf = (hashes: readonly string[]): string =>
  createHash("sha256").update(hashes.join(" ")).digest("hex").slice(0, 16);

/**
 * What `wanted` holds more often than `present`: a difference of multisets, in the order of
 * `wanted`.
 */
export function missingFrom(wanted: readonly string[], present: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const each of present) left.set(each, (left.get(each) ?? 0) + 1);
  return wanted.filter((each) => {
    const count = left.get(each) ?? 0;
    if (count > 0) left.set(each, count - 1);
    return count === 0;
  });
}
