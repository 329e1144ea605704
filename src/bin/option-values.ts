// Readers of option values for every command line here: a wrong value ends the program with the
// option's name and a sentence.

import { InvalidArgumentError } from "commander";

/** @returns a reader of whole numbers in the bounds, both included. */
export const integer =
  (from: number, to: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    const bounds = to === Number.MAX_SAFE_INTEGER ? `not below ${from}` : `from ${from} to ${to}`;
    throw new InvalidArgumentError(`It must be an integer ${bounds}.`);
  };

/** Reads a count, a seed or a length: a whole number that is not negative. */
export const count = integer(0);

/** Reads a number that is not negative. */
export function atLeastZero(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number of at least 0.");
}

/** Reads a number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a positive number.");
}
