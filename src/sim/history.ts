// The history of the linearizable keys, as clients saw it, in the form that the judges of src/check
// read. Operations on other keys are only counted.

import { fromUtf8 } from "../base/bytes.js";
import { errors } from "../base/errors.js";
import type { Json } from "../check/canonical.js";
import type { Operation, Outcome } from "../check/history.js";
import type { ReplyValue } from "../wire/reply-decoder.js";
import type { Simulation } from "./simulation.js";
import type { Request } from "./workload.js";

/** Error replies by their first word; any other one on a linearizable key is a defect. */
const codes: Readonly<Record<string, number>> = {
  LOADING: errors.temporarily_unavailable.code,
  EXECABORT: errors.temporarily_unavailable.code,
  MISCONF: errors.temporarily_unavailable.code,
  OOM: errors.temporarily_unavailable.code,
  TRYAGAIN: errors.temporarily_unavailable.code,
  // From a node that has left.
  MOVED: errors.temporarily_unavailable.code,
  INDEFINITE: errors.timeout.code,
  NOTFOUND: errors.key_does_not_exist.code,
  MISMATCH: errors.precondition_failed.code,
};

export class History {
  /** Requests of all families. */
  requestCount = 0;
  /** Requests that got a reply, an error included. */
  repliedCount = 0;
  readonly #simulation: Simulation;
  readonly #operations: Operation[] = [];
  readonly #cutAtStart: boolean[] = [];
  #processCount = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** Operations on linearizable keys, in the order in which they were invoked. */
  get operations(): readonly Operation[] {
    return this.#operations;
  }

  newProcess(): number {
    return ++this.#processCount;
  }

  /** Answers the operation's number; negative when it is not kept. */
  invoke(thread: number, request: Request, node: string): number {
    this.requestCount++;
    if (request.family !== "linearizable") return -1;
    const { f, key, input } = request;
    const invokedAt = this.#simulation.queue.nowUs;
    this.#operations.push({
      process: thread,
      f,
      key,
      input,
      invokedAt,
      outcome: "indefinite",
      node,
    });
    this.#cutAtStart.push(this.#simulation.network.isCut);
    return this.#operations.length - 1;
  }

  /** @param replies of all that was asked in one; the last one tells what became of it. */
  complete(record: number, request: Request, replies: readonly ReplyValue[]): Outcome {
    const reply = replies.at(-1)!;
    this.repliedCount++;
    if (record < 0 || request.family !== "linearizable") return "ok";
    const operation = this.#operations[record]!;
    const completedAt = this.#simulation.queue.nowUs;
    if (reply.kind === "error") return this.#fail(record, operation, reply.text);
    // What was watched has changed: nothing has happened.
    if (request.f === "transaction" && reply.kind !== "array") {
      this.#simulation.sometimes.add("watch_refused");
      const error = { code: errors.precondition_failed.code };
      this.#operations[record] = { ...operation, outcome: "fail", completedAt, error };
      return "fail";
    }
    const output =
      request.f === "transaction" ? transactionOutput(replies) : outputOf(request.f, reply);
    this.#operations[record] = {
      ...operation,
      outcome: "ok",
      completedAt,
      ...(output !== undefined && { output }),
    };
    const wasCut = this.#cutAtStart[record]! || this.#simulation.network.isCut;
    if (request.f === "read" && wasCut) this.#simulation.sometimes.add("read_overlapped_partition");
    return "ok";
  }

  #fail(record: number, operation: Operation, text: string): Outcome {
    const { sometimes } = this.#simulation;
    const code = codes[text.slice(0, text.indexOf(" "))];
    if (code === undefined) this.#simulation.violate(`unexpected error: ${text}`);
    if (code === errors.temporarily_unavailable.code) sometimes.add("operation_unavailable");
    const isOpen = code === errors.timeout.code;
    if (isOpen && operation.f === "cas") sometimes.add("cas_interrupted");
    const outcome = isOpen ? "indefinite" : "fail";
    const completedAt = this.#simulation.queue.nowUs;
    const error = { code: code ?? errors.abort.code };
    this.#operations[record] = { ...operation, outcome, error, completedAt };
    return outcome;
  }

  /** No reply came. */
  abandon(record: number, request: Request, code: number): void {
    if (record < 0) return;
    const completedAt = this.#simulation.queue.nowUs;
    this.#operations[record] = { ...this.#operations[record]!, error: { code }, completedAt };
    if (request.family === "linearizable" && request.f === "cas")
      this.#simulation.sometimes.add("cas_interrupted");
  }
}

function outputOf(f: string, reply: ReplyValue): Json | undefined {
  switch (f) {
    case "read":
      return reply.kind === "bulk" ? fromUtf8(reply.bytes) : null;
    case "incr":
      return reply.kind === "integer" ? reply.text : "?";
    case "append":
      return reply.kind === "integer" ? Number(reply.text) : "?";
    default:
      return undefined;
  }
}

/** The replies of EXEC, and what was read of the watched key, if it could be watched. */
function transactionOutput(replies: readonly ReplyValue[]): Json {
  const exec = replies.at(-1)!;
  const done = exec.kind === "array" ? exec.items.map(textOf) : [];
  const [watch, read] = replies;
  const isWatched = watch?.kind === "simple" && (read?.kind === "bulk" || read?.kind === "nil");
  return { done, seen: isWatched ? [textOf(read)] : [] };
}

const textOf = (reply: ReplyValue): Json =>
  reply.kind === "bulk"
    ? fromUtf8(reply.bytes)
    : reply.kind === "nil"
      ? null
      : reply.kind === "array"
        ? reply.items.map(textOf)
        : reply.text;
