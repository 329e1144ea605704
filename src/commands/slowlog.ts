// The slow log: the commands that took longest to run, newest first, as SLOWLOG shows them. Time
// spent waiting (a blocked client, a slow network) does not count. A command's secret arguments
// never reach it.
//
// Bounds: `slowlog-max-len` entries, each at most 32 arguments of 128 bytes.

import { type Bytes, utf8 } from "../base/bytes.js";
import type { Call } from "./call.js";
import type { Command } from "./command.js";
import type { Settings } from "./settings.js";

const argumentCountMax = 32;
const argumentBytesMax = 128;

export interface SlowLogEntry {
  readonly id: number;
  /** Unix seconds. */
  readonly time: number;
  readonly micros: number;
  readonly args: readonly Bytes[];
  readonly address: string;
  readonly clientName: string;
}

export class SlowLog {
  /** Commands from this many microseconds on are kept; below 0 none. */
  #thresholdMicros = 10_000;
  #countMax = 128;
  #nextId = 0;
  /** Oldest first. */
  #entries: SlowLogEntry[] = [];

  constructor(settings?: Settings) {
    settings?.onChange("slowlog-log-slower-than", (text) => {
      this.#thresholdMicros = Number(text);
    });
    settings?.onChange("slowlog-max-len", (text) => {
      this.#countMax = Number(text);
      this.#trim();
    });
  }

  /**
   * The dispatcher asks this before it measures: below it nothing need be noted. -1 switches the
   * log off.
   */
  get thresholdMicros(): number {
    return this.#thresholdMicros;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** Notes a command that has run, if it was slow. Call it while the arguments are still there. */
  note(call: Call, command: Command, micros: number, nowMs: number): void {
    if (this.#thresholdMicros < 0 || micros < this.#thresholdMicros) return;
    if (command.flags.includes("skip_slowlog")) return;
    this.#entries.push({
      id: this.#nextId++,
      time: Math.floor(nowMs / 1000),
      micros: Math.round(micros),
      args: argumentsOf(call, command),
      address: call.session.address,
      clientName: call.session.name,
    });
    this.#trim();
  }

  #trim(): void {
    if (this.#entries.length > this.#countMax) {
      this.#entries = this.#entries.slice(this.#entries.length - this.#countMax);
    }
  }

  /** At most `count` entries, newest first. */
  newest(count: number): SlowLogEntry[] {
    const from = Math.max(0, this.#entries.length - count);
    return this.#entries.slice(from).reverse();
  }

  reset(): void {
    this.#entries = [];
  }
}

function argumentsOf(call: Call, command: Command): Bytes[] {
  const secrets = command.secrets?.(call) ?? [];
  const count = Math.min(call.argc, argumentCountMax);
  const args: Bytes[] = [];
  for (let index = 0; index < count; index++) {
    if (count < call.argc && index === count - 1) {
      args.push(utf8(`... (${call.argc - count + 1} more arguments)`));
    } else {
      args.push(secrets.includes(index) ? utf8("(redacted)") : shortened(call, index));
    }
  }
  return args;
}

function shortened(call: Call, index: number): Bytes {
  const size = call.size(index);
  if (size <= argumentBytesMax) return call.copy(index);
  const more = utf8(`... (${size - argumentBytesMax} more bytes)`);
  const bytes = new Uint8Array(argumentBytesMax + more.length);
  bytes.set(call.view(index).subarray(0, argumentBytesMax));
  bytes.set(more, argumentBytesMax);
  return bytes;
}
