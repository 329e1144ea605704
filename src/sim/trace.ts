// The trace of a run: one line per event, in fixed columns: virtual time in milliseconds, number of
// the event, node, what happened. No line holds anything that the seed does not decide.

import { createHash } from "node:crypto";

export class Trace {
  readonly #write: (line: string) => void;
  readonly #hash = createHash("sha256");
  count = 0;

  constructor(write: (line: string) => void = () => {}) {
    this.#write = write;
  }

  event(nowUs: number, node: string, text: string): void {
    const ms = (nowUs / 1000).toFixed(3).padStart(11);
    const line = `${ms} ${String(++this.count).padStart(7)} ${node.padEnd(4)} ${text}`;
    this.#hash.update(line);
    this.#write(line);
  }

  /** Of all lines so far. To be called once. */
  digest(): string {
    return this.#hash.digest("hex");
  }
}
