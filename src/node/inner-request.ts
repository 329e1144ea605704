// Requests from inside the process: a face that is no client, such as Maelstrom's, runs commands of
// the table without a connection. They go through the dispatcher and the gate of the linearizable
// mode like a client's.

import { assert } from "../base/assert.js";
import { type Bytes, utf8 } from "../base/bytes.js";
import type { Call } from "../commands/call.js";
import type { Session } from "../commands/session.js";
import { registerOf } from "./consistency.js";
import { type LinearizableGate, operationKind } from "./linearizable.js";
import type { Node } from "./node.js";
import { encodeOperation, encodeTransaction } from "./register-machine.js";

/** What a request from inside the process ends with. */
export type RequestDone = (reply: Bytes | "temporarily_unavailable" | "timeout") => void;

/** What of the node such a request uses that is nobody else's. */
export interface InnerParts {
  readonly call: Call;
  readonly gate: LinearizableGate;
  readonly session: Session;
}

/** Answers whether the request is over; else `done` is called when the registers have decided. */
export function runInner(
  node: Node,
  parts: InnerParts,
  args: readonly Bytes[],
  done: RequestDone,
): boolean {
  const key = args[1];
  const command = node.table.find(args[0]!, 0, args[0]!.length);
  assert(command !== undefined, "the process asked itself for an unknown command");
  if (key === undefined || node.consistency.modeOf(key, 0, key.length) !== "linearizable") {
    done(runNow(node, parts, args));
    return true;
  }
  const accepted = parts.gate.submit(
    registerOf(0, key, 0, key.length),
    encodeOperation({ resp3: false, database: 0, args }),
    operationKind(command),
    (result) => done(result.kind === "ok" ? result.outcome : result.error),
  );
  if (!accepted) done("temporarily_unavailable");
  return false;
}

/**
 * Commands that run together or not at all, all on keys of one mode, and of one register where that
 * is linearizable. `done` gets an array of their replies.
 */
export function runInnerTransaction(
  node: Node,
  parts: InnerParts,
  commands: readonly (readonly Bytes[])[],
  done: RequestDone,
): boolean {
  const key = commands[0]![1]!;
  if (node.consistency.modeOf(key, 0, key.length) !== "linearizable") {
    const replies = commands.map((args) => runNow(node, parts, args));
    done(Buffer.concat([utf8(`*${replies.length}\r\n`), ...replies]));
    return true;
  }
  const isRead = commands.every((args) => {
    return node.table.find(args[0]!, 0, args[0]!.length)?.isWrite === false;
  });
  const accepted = parts.gate.submit(
    registerOf(0, key, 0, key.length),
    encodeTransaction({ resp3: false, database: 0, watched: [], commands }),
    isRead ? "read" : "write",
    (result) => done(result.kind === "ok" ? result.outcome : result.error),
  );
  if (!accepted) done("temporarily_unavailable");
  return false;
}

function runNow(node: Node, { call, session }: InnerParts, args: readonly Bytes[]): Bytes {
  const { reply, table, dispatcher } = node;
  call.fill(args, session);
  const before = reply.length;
  reply.resp3 = false;
  dispatcher.run(table.find(call.bytes, 0, args[0]!.length)!, session);
  const bytes = reply.bytes.slice(before, reply.length);
  reply.length = before;
  return bytes;
}
