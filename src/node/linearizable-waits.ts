// Blocking pops on linearizable keys. A register cannot keep a client waiting, so the node asks
// again: at once when its own acceptor sees the register change, else every `pollMs`; a quorum read
// settles it while nothing is there. Each element still goes to exactly one client. Left out: the
// order of those who wait, and CLIENT UNBLOCK.
//
// Bounded by the number of connections: a session waits for one reply.

import { type Bytes, fromUtf8 } from "../base/bytes.js";
import type { Command } from "../commands/command.js";
import type { Session } from "../commands/session.js";
import type { OperationResult } from "../consensus/context.js";
import type { Request } from "./linearizable.js";

const pollMs = 100;

interface Wait {
  readonly request: Request;
  /** Unix milliseconds; Infinity waits for ever. */
  readonly deadlineMs: number;
  dueMs: number;
  isAsking: boolean;
}

type Submit = (request: Request, completion: (result: OperationResult) => void) => boolean;

export class RegisterWaits {
  readonly #submit: Submit;
  readonly #waits = new Map<Session, Wait>();
  readonly #now: () => number;

  constructor(now: () => number, submit: Submit) {
    this.#now = now;
    this.#submit = submit;
  }

  /** False when too many operations are under way. @param timeoutMs 0 waits for ever */
  begin(request: Request, timeoutMs: number): boolean {
    const deadlineMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : this.#now() + timeoutMs;
    const wait: Wait = { request, deadlineMs, dueMs: Number.POSITIVE_INFINITY, isAsking: false };
    if (!this.#ask(wait)) return false;
    this.#waits.set(request.session, wait);
    return true;
  }

  #ask(wait: Wait): boolean {
    wait.dueMs = Number.POSITIVE_INFINITY;
    wait.isAsking = true;
    return this.#submit(wait.request, (result) => {
      wait.isAsking = false;
      if (this.#waits.get(wait.request.session) !== wait) return; // The client has gone.
      this.#onResult(wait, result);
    });
  }

  #onResult(wait: Wait, result: OperationResult): void {
    const { deliver, session } = wait.request;
    const isDefinite = result.kind === "ok" || result.error === "temporarily_unavailable";
    const isNothing = result.kind === "ok" ? isNil(result.outcome) : isDefinite;
    const nowMs = this.#now();
    if (isNothing && nowMs < wait.deadlineMs) {
      wait.dueMs = Math.min(nowMs + pollMs, wait.deadlineMs);
      return;
    }
    this.#waits.delete(session);
    if (result.kind === "ok") deliver(result.outcome);
    else if (isDefinite) deliver(session.resp3 ? nilReply3 : nilReply);
    else deliver(indefiniteReply);
  }

  forget(session: Session): void {
    this.#waits.delete(session);
  }

  /** The node's acceptor has seen a register change. */
  onChanged(register: string): void {
    if (this.#waits.size === 0) return;
    for (const wait of this.#waits.values())
      if (wait.request.register === register && !wait.isAsking) wait.dueMs = this.#now();
  }

  tick(nowMs: number): void {
    for (const wait of [...this.#waits.values()]) {
      if (wait.dueMs > nowMs || wait.isAsking) continue;
      if (!this.#ask(wait)) wait.dueMs = nowMs + pollMs;
    }
  }

  nextDueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#waits.values()) due = Math.min(due, dueMs);
    return due;
  }
}

const nilReply = new TextEncoder().encode("*-1\r\n");
const nilReply3 = new TextEncoder().encode("_\r\n");
const indefiniteReply = new TextEncoder().encode(
  "-INDEFINITE the outcome is not known in time; an element may have been taken\r\n",
);

const isNil = (reply: Bytes): boolean =>
  reply.length <= 5 && ["*-1\r\n", "$-1\r\n", "_\r\n"].includes(fromUtf8(reply));

/** Where a command's timeout stands; the others have it last. */
const timeoutIsFirst = new Set(["blmpop", "bzmpop"]);

/**
 * How long a command may wait, in milliseconds; undefined when it does not wait, or when its
 * timeout is none: then it is answered at once, with the error.
 */
export function blockingMs(command: Command, args: readonly Bytes[]): number | undefined {
  if (!command.flags.includes("blocking")) return undefined;
  const text = timeoutIsFirst.has(command.name) ? args[1] : args.at(-1);
  const seconds = Number(fromUtf8(text ?? new Uint8Array(0)) || "x");
  return seconds >= 0 && Number.isFinite(seconds) ? Math.ceil(seconds * 1000) : undefined;
}
