// Commands that wait for a key: BLPOP and friends, and those of sorted sets. A command that finds
// nothing parks its session with a `Wait`; the node serves it when one of its keys has changed,
// after the command or transaction that changed it, first come first served (Redis 7.0, blocked.c).
// Serving runs on the same arguments as the command, so a family writes it once.
//
// Inside EXEC, a script or a register nothing waits: the command answers as if its time were up.

import type { Call } from "./call.js";
import { parseExtended } from "./long-double.js";
import { outcome } from "./session.js";

export interface Wait {
  /** Positions of the arguments that are keys waited for. */
  readonly keys: readonly number[];
  /** Unix milliseconds; 0 is for ever. */
  readonly deadlineMs: number;
  /**
   * Tries to serve the session from the key at argument `index`, which has changed: writes the
   * reply and answers true, or answers false when there is nothing of the wanted type.
   */
  serve(call: Call, index: number): boolean;
  /** `serve` is also asked when the key is gone. */
  readonly wantsMissing?: boolean;
  /** Writes the reply of a wait that was in vain. */
  giveUp(call: Call): void;
}

/** Parks the session, or gives up at once where nothing may wait. */
export function waitForKeys(call: Call, wait: Wait): void {
  const { environment } = call;
  if (!call.mayBlock || environment.park === undefined) {
    wait.giveUp(call);
    return;
  }
  environment.park(call, wait);
  call.outcome = outcome.blocked;
}

/** The largest signed 64-bit integer, which C's cast gives for nothing below it. */
const millisecondsMax = 2 ** 63;

/**
 * The deadline that a timeout in seconds sets, in Unix milliseconds; 0 waits for ever; NaN after
 * the error was replied.
 */
export function deadlineArgument(call: Call, index: number): number {
  const seconds = readSeconds(call.text(index));
  if (seconds === undefined) {
    call.reply.error("ERR timeout is not a float or out of range");
    return Number.NaN;
  }
  const milliseconds = Math.ceil(seconds * 1000);
  // Beyond 64 bits C's cast has no defined value; on x86 it is the lowest number.
  if (milliseconds < 0 || milliseconds >= millisecondsMax) {
    call.reply.error("ERR timeout is negative");
    return Number.NaN;
  }
  return milliseconds === 0 ? 0 : call.keyspace.nowMs + milliseconds;
}

/** A timeout needs no more than a double's precision. */
function readSeconds(text: string): number | undefined {
  const exact = parseExtended(text);
  if (exact === undefined) return undefined;
  if (exact.infinite) return exact.negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const shift = exact.exponent;
  const magnitude = Number(exact.significand) * 2 ** shift;
  return exact.negative ? -magnitude : magnitude;
}
