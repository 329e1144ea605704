// A history: what clients asked, when, and what they were told. One record per operation, in the
// order of invocation; one JSON line per record in a file. It is the interface between whatever ran
// the workload (the bench, the simulator, a file from elsewhere) and the judges of this folder.
//
// Vocabulary as in Jepsen: `ok` certainly happened between its two times; `fail` certainly did not
// happen; `indefinite` may have happened at any time after its invocation, or never.

import { failure, type Result, success } from "../base/result.js";
import type { Json } from "./canonical.js";

export type Outcome = "ok" | "fail" | "indefinite";

/**
 * Why an operation is not `ok`. Codes are those of src/base/errors.ts; 0 also stands for our own
 * time-out.
 */
export interface OperationError {
  readonly code: number;
  readonly text?: string;
}

export interface Operation {
  /**
   * A logical thread of the workload: it has at most one operation open, and none after an
   * indefinite one.
   */
  readonly process: number;
  /** What was asked: "read", "write", "cas", "add", "broadcast", "generate", "echo", ... */
  readonly f: string;
  /** The register, where a workload has several; judges may split the history by it. */
  readonly key?: Json;
  /** The argument: the value written, the element added, `[from, to]` of a cas; null for a read. */
  readonly input: Json;
  /** Microseconds since the start of the run. Judges of order alone accept any unit. */
  readonly invokedAt: number;
  readonly outcome: Outcome;
  /** What an `ok` operation returned. Absent for operations that return nothing. */
  readonly output?: Json;
  /** When the reply (or the time-out) arrived. Absent if the run ended first. */
  readonly completedAt?: number;
  readonly error?: OperationError;
  /** The node that was asked. */
  readonly node?: string;
  /**
   * True for the reads of the final phase, after every fault was healed and time was given to
   * converge.
   */
  readonly final?: boolean;
}

export type History = readonly Operation[];

const outcomes: readonly string[] = ["ok", "fail", "indefinite"] satisfies readonly Outcome[];

/** One JSON line per operation, each ended by a newline. */
export function encodeHistory(history: History): string {
  return history.map((operation) => `${JSON.stringify(operation)}\n`).join("");
}

/**
 * Parses what `encodeHistory` wrote (blank lines are skipped). The error names the line and what is
 * wrong.
 */
export function parseHistory(text: string): Result<Operation[]> {
  const history: Operation[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      return failure(`line ${index + 1}: not JSON`);
    }
    const operation = parseOperation(record);
    if (!operation.ok) return failure(`line ${index + 1}: ${operation.error}`);
    history.push(operation.value);
  }
  history.sort((a, b) => a.invokedAt - b.invokedAt);
  const overlap = findOverlap(history);
  return overlap === undefined ? success(history) : failure(overlap);
}

function parseOperation(record: unknown): Result<Operation> {
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    return failure("an operation is an object");
  }
  const fields = record as Record<string, unknown>;
  const { process, f, input, invokedAt, outcome, completedAt, error, node, final } = fields;
  if (!Number.isSafeInteger(process)) return failure("`process` must be an integer");
  if (typeof f !== "string" || f === "") return failure("`f` must be a non-empty string");
  if (input === undefined) return failure("`input` is missing (null stands for no argument)");
  if (typeof invokedAt !== "number") return failure("`invokedAt` must be a number");
  if (typeof outcome !== "string" || !outcomes.includes(outcome)) {
    return failure("`outcome` must be ok, fail or indefinite");
  }
  if (completedAt !== undefined) {
    if (typeof completedAt !== "number") return failure("`completedAt` must be a number");
    if (completedAt < invokedAt) return failure("`completedAt` lies before `invokedAt`");
  }
  if (outcome === "ok" && completedAt === undefined) {
    return failure("an ok operation needs `completedAt`");
  }
  if (error !== undefined && !isOperationError(error)) {
    return failure("`error` must be { code: integer, text?: string }");
  }
  if (node !== undefined && typeof node !== "string") return failure("`node` must be a string");
  if (final !== undefined && typeof final !== "boolean")
    return failure("`final` must be a boolean");
  return success(fields as unknown as Operation);
}

function isOperationError(error: unknown): error is OperationError {
  if (typeof error !== "object" || error === null) return false;
  const { code, text } = error as Record<string, unknown>;
  return Number.isSafeInteger(code) && (text === undefined || typeof text === "string");
}

/**
 * A process is a thread of control: two open operations of one process mean the recorder is broken.
 */
function findOverlap(history: History): string | undefined {
  const openUntil = new Map<number, number>();
  for (const { process, invokedAt, completedAt, outcome } of history) {
    if ((openUntil.get(process) ?? Number.NEGATIVE_INFINITY) > invokedAt) {
      return `process ${process} invokes at ${invokedAt} while its last operation is still open`;
    }
    openUntil.set(
      process,
      outcome === "indefinite" ? Number.POSITIVE_INFINITY : (completedAt ?? invokedAt),
    );
  }
  return undefined;
}

/**
 * When a reply bounds the operation: indefinite operations and unanswered ones stay open for ever.
 */
export function closedAt(operation: Operation): number {
  if (operation.outcome === "indefinite") return Number.POSITIVE_INFINITY;
  return operation.completedAt ?? Number.POSITIVE_INFINITY;
}

/**
 * What every judge answers: `unknown` when the history cannot decide, or deciding it was given up.
 */
export type Verdict = "valid" | "invalid" | "unknown";

/** The worst of several verdicts: invalid over unknown over valid. */
export function worstVerdict(verdicts: Iterable<Verdict>): Verdict {
  let worst: Verdict = "valid";
  for (const verdict of verdicts) {
    if (verdict === "invalid") return "invalid";
    if (verdict === "unknown") worst = "unknown";
  }
  return worst;
}
