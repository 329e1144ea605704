// The gate of the linearizable mode: a command whose keys all lie in one linearizable register is
// not run here, it is submitted to the register and its session waits. Outcomes come back in any
// order and are delivered between commands, never in the middle of one.

import { type Bytes, utf8 } from "../base/bytes.js";
import type { Call } from "../commands/call.js";
import { type Command, keyPositions } from "../commands/command.js";
import { outcome, type QueuedCommand, type Session } from "../commands/session.js";
import type { OperationKind, OperationResult } from "../consensus/context.js";
import type { Registers } from "../consensus/registers.js";
import { type Consistency, registerOf } from "./consistency.js";
import { blockingMs, RegisterWaits } from "./linearizable-waits.js";
import { encodeOperation, encodeTransaction, encodeVersions } from "./register-machine.js";

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

/** What a session asks of a register. */
export interface Request {
  readonly register: string;
  readonly operation: Bytes;
  readonly kind: OperationKind;
  readonly session: Session;
  readonly deliver: (reply: Bytes) => void;
}

interface RegisterWatch {
  readonly register: string;
  readonly parts: { readonly keys: readonly Bytes[]; readonly version: Bytes }[];
}

/** Linearizable keys that sessions watch. */
const watches = new WeakMap<Session, RegisterWatch>();

const okReply = utf8("+OK\r\n");

/** What reaches beyond one register although its keys do not say so, and why. */
const unsupported = new Map([
  ["move", "the key would lie in a register of the other database"],
  ["migrate", "the key would leave the cluster"],
]);

/** Why a command with keys does not work on linearizable keys; undefined when it does. */
export const registerObjection = (command: Command): string | undefined =>
  unsupported.get(command.name);

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

  /** Blocking pops that found nothing and look again. */
  readonly waits: RegisterWaits = new RegisterWaits(
    () => this.#now(),
    ({ register, operation }, completion) =>
      this.submit(register, operation, "conditional", completion),
  );

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /**
   * The register that the keys of a command lie in; undefined when none is linearizable, an error
   * when they lie in no one register.
   */
  claim(call: Call, command: Command): string | { readonly error: string } | undefined {
    if (command.flags.includes("pubsub")) return undefined; // Channels have slots and are no keys.
    const positions = keyPositions(command, call);
    if (positions === undefined || positions.length === 0) return undefined;
    const { database } = call.session;
    let register: string | undefined;
    let linearizable = 0;
    let count = 0;
    for (const index of positions) {
      if (index >= call.argc) continue;
      count++;
      const start = call.start(index);
      const size = call.size(index);
      if (this.#consistency.modeOf(call.bytes, start, size) !== mode) continue;
      linearizable++;
      const own = registerOf(database, call.bytes, start, size);
      if (register !== undefined && own !== register)
        return { error: "CROSSSLOT Keys in request don't lie in one linearizable register" };
      register = own;
    }
    if (register === undefined) return undefined;
    if (linearizable < count)
      return { error: "CROSSSLOT Keys in request have different consistency modes" };
    if (unsupported.has(command.name) || reachesOtherDatabase(command, call))
      return { error: `ERR '${command.name}' does not work on linearizable keys` };
    return register;
  }

  /** The dispatcher's gate. */
  ask(call: Call, command: Command, session: Session, deliver: (reply: Bytes) => void): boolean {
    if (command.name === "watch") return false; // Inside MULTI, where it is an error.
    const register = this.claim(call, command);
    if (register === undefined) return false;
    if (typeof register !== "string") {
      call.reply.error(register.error);
      return true;
    }
    const args: Bytes[] = [];
    for (let index = 0; index < call.argc; index++) args.push(call.copy(index));
    const operation = encodeOperation({ resp3: session.resp3, database: session.database, args });
    const request: Request = {
      register,
      operation,
      kind: operationKind(command),
      session,
      deliver,
    };
    const timeoutMs = call.mayBlock ? blockingMs(command, args) : undefined;
    const accepted =
      timeoutMs === undefined ? this.#submit(request) : this.waits.begin(request, timeoutMs);
    if (accepted) {
      call.outcome = outcome.pending;
      command.calls++;
    } else this.#refuse(call);
    return true;
  }

  #refuse(call: Call): void {
    call.reply.error("TRYAGAIN too many operations are waiting on this node; not applied");
  }

  #submit({ register, operation, kind, deliver }: Request): boolean {
    return this.submit(register, operation, kind, (result) => {
      deliver(result.kind === "ok" ? result.outcome : errorReply(result.error));
    });
  }

  // ---- transactions

  /** WATCH: remembers what the keys are now. Answers whether the command has been dealt with. */
  watch(call: Call, register: string, deliver: (reply: Bytes) => void): void {
    const { session } = call;
    const keys: Bytes[] = [];
    for (let index = 1; index < call.argc; index++) keys.push(call.copy(index));
    const before = watches.get(session);
    if (before !== undefined && before.register !== register) {
      call.reply.error("CROSSSLOT Keys watched don't lie in one linearizable register");
      return;
    }
    const operation = encodeVersions(session.database, keys);
    const accepted = this.submit(register, operation, "read", (result) => {
      if (result.kind !== "ok") {
        deliver(errorReply(result.error));
        return;
      }
      const known = watches.get(session) ?? { register, parts: [] };
      known.parts.push({ keys, version: result.outcome });
      watches.set(session, known);
      deliver(okReply);
    });
    if (accepted) call.outcome = outcome.pending;
    else this.#refuse(call);
  }

  /** EXEC, DISCARD, UNWATCH, RESET or the end of the session. */
  forget(session: Session): void {
    watches.delete(session);
  }

  /** The register that a session watches keys of. */
  watchedBy(session: Session): string | undefined {
    return watches.get(session)?.register;
  }

  /** EXEC of commands that all lie in one register: they run together on it, or not at all. */
  execute(
    call: Call,
    register: string,
    queue: readonly QueuedCommand[],
    deliver: (reply: Bytes) => void,
  ): void {
    const { session } = call;
    const { resp3, database } = session;
    const parts = watches.get(session)?.parts ?? [];
    watches.delete(session);
    const operation = encodeTransaction({
      resp3,
      database,
      watched: parts.map(({ keys, version }) => ({ keys, version })),
      commands: queue.map(argumentsOf),
    });
    const isRead = queue.every(({ command }) => !command.isWrite);
    const kind: OperationKind = isRead ? "read" : parts.length > 0 ? "conditional" : "write";
    const accepted = this.#submit({ register, operation, kind, session, deliver });
    if (accepted) call.outcome = outcome.pending;
    else this.#refuse(call);
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

/** COPY ... DB n: the copy would lie in a register of that database. */
const reachesOtherDatabase = (command: Command, call: Call): boolean =>
  command.name === "copy" && call.argc > 4 && (call.is(3, "DB") || call.is(4, "DB"));

const argumentsOf = ({ bytes, ranges, argc }: QueuedCommand): Bytes[] =>
  Array.from({ length: argc }, (_, index) => {
    const start = ranges[index * 2]!;
    return bytes.slice(start, start + ranges[index * 2 + 1]!);
  });

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
