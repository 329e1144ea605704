// The skip file of the Tcl suite: one line per test, `class <TAB> unit <TAB> exact name <TAB>
// reason`. Classes: `outside` cannot be judged this way at all, `later` needs a command that does
// not exist yet (both are taken out of the denominators); `failing` is skipped because it would
// poison or hang the rest, and still counts as missing. Patterns are refused: what is excused is
// excused by its whole name.

import { readFileSync } from "node:fs";

export interface Skip {
  readonly unit: string;
  readonly name: string;
  readonly reason: string;
  readonly isExcused: boolean;
  covers(unit: string): boolean;
}

const classes = ["outside", "later", "failing"];

export function parseSkips(text: string): Skip[] {
  const skips: Skip[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [kind, unit, name, reason] = line.split("\t");
    const isWhole = name !== undefined && name !== "" && !name.startsWith("/");
    if (!classes.includes(kind!) || !isWhole || reason === undefined || reason.length < 10)
      throw new Error(`skip.txt line ${index + 1}: want class, unit, exact name, reason (tabs)`);
    const covers = (other: string): boolean => other === unit;
    skips.push({ unit: unit!, name, reason, isExcused: kind !== "failing", covers });
  }
  return skips;
}

export const readSkips = (file: string): Skip[] => parseSkips(readFileSync(file, "utf8"));
