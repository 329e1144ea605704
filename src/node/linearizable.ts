// The gate of the linearizable mode: a command whose keys all lie in one linearizable register is
// not run here, it is submitted to the register and its session waits. Outcomes come back in any
// order and are delivered between commands, never in the middle of one.

import type { Bytes } from "../base/bytes.js";
import type { Call } from "../commands/call.js";
import { type Command, keyPositions } from "../commands/command.js";
import { outcome, type Session } from "../commands/session.js";
import type { OperationKind, OperationResult } from "../consensus/context.js";
import type { Registers } from "../consensus/registers.js";
import { type Consistency, registerOf } from "./consistency.js";
import { encodeOperation } from "./register-machine.js";

/** How an operation ends for whoever asked. */
export type Completion = (result: OperationResult) => void;

const mode = "linearizable";

/** Operations under way at once on this node; above it a command is refused, definitely. */
export const operationsCountMax = 65_536;

const texts = {
  temporarily_unavailable:
    "TRYAGAIN no majority of the replicas can be reached; the command was not applied",
  timeout: "INDEFINITE the outcome is not known in time; the command may have been applied",
} as const;

export class LinearizableGate {
  readonly #consistency: Consistency;
  readonly #registers: () => Registers;
  readonly #now: () => number;
  readonly #waiting = new Map<number, Completion>();
  #completed: { completion: Completion; result: OperationResult }[] = [];
  #ticket = 0;

  constructor(consistency: Consistency, registers: () => Registers, now: () => number) {
    this.#consistency = consistency;
    this.#registers = registers;
    this.#now = now;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Whether any key of the command is linearizable. */
  concerns(call: Call, command: Command): boolean {
    return (keyPositions(command, call) ?? []).some((index) => {
      if (index >= call.argc) return false;
      return this.#consistency.modeOf(call.bytes, call.start(index), call.size(index)) === mode;
    });
  }

  /** The dispatcher's gate. */
  ask(call: Call, command: Command, session: Session, deliver: (reply: Bytes) => void): boolean {
    const positions = keyPositions(command, call);
    if (positions === undefined || positions.length === 0) return false;
    let register: string | undefined;
    let linearizable = 0;
    for (const index of positions) {
      if (index >= call.argc) continue;
      const start = call.start(index);
      const size = call.size(index);
      if (this.#consistency.modeOf(call.bytes, start, size) !== mode) continue;
      linearizable++;
      const own = registerOf(session.database, call.bytes, start, size);
      if (register !== undefined && own !== register) {
        call.reply.error("CROSSSLOT Keys in request don't lie in one linearizable register");
        return true;
      }
      register = own;
    }
    if (register === undefined) return false;
    if (linearizable < positions.length) {
      call.reply.error("CROSSSLOT Keys in request have different consistency modes");
      return true;
    }
    const args: Bytes[] = [];
    for (let index = 0; index < call.argc; index++) args.push(call.copy(index));
    const operation = encodeOperation({ resp3: session.resp3, database: session.database, args });
    const kind = operationKind(command);
    const accepted = this.submit(register, operation, kind, (result) => {
      deliver(result.kind === "ok" ? result.outcome : errorReply(result.error));
    });
    if (accepted) {
      call.outcome = outcome.pending;
      command.calls++;
    } else {
      call.reply.error("TRYAGAIN too many operations are waiting on this node; not applied");
    }
    return true;
  }

  /** False when too many operations are under way: certainly not applied. */
  submit(register: string, operation: Bytes, kind: OperationKind, completion: Completion): boolean {
    if (this.#waiting.size >= operationsCountMax) return false;
    const ticket = ++this.#ticket;
    this.#waiting.set(ticket, completion);
    this.#registers().submit(this.#now(), ticket, register, operation, kind);
    return true;
  }

  /** `ConsensusPort.complete`: kept until `deliver`, because a command may be running. */
  complete(ticket: number, result: OperationResult): void {
    const completion = this.#waiting.get(ticket);
    if (completion === undefined) return;
    this.#waiting.delete(ticket);
    this.#completed.push({ completion, result });
  }

  /** Hands out what has completed; called when no command is running. */
  deliver(): void {
    while (this.#completed.length > 0) {
      const batch = this.#completed;
      this.#completed = [];
      for (const { completion, result } of batch) completion(result);
    }
  }
}

/**
 * Writes that are often refused and then change nothing: a quorum read settles the refusal
 * (consensus-rules 7).
 */
const conditionalCommands = new Set(["skerry.cas", "setnx", "msetnx", "renamenx", "hsetnx"]);

/** How the registers should go about a command. */
export function operationKind(command: Command): OperationKind {
  if (!command.isWrite) return "read";
  return conditionalCommands.has(command.name) ? "conditional" : "write";
}

export const errorReply = (error: "temporarily_unavailable" | "timeout"): Bytes =>
  new TextEncoder().encode(`-${texts[error]}\r\n`);
