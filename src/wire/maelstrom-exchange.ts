// One request of a Maelstrom client and its one answer, and how a request asks the node: in
// commands of the table. Shared by the rows of every workload.

import type { ErrorName } from "../base/errors.js";
import type { RequestDone } from "../node/inner-request.js";
import type { Node } from "../node/node.js";
import type { Json } from "./maelstrom-json.js";
import { decodeReply, type ReplyValue } from "./reply-decoder.js";

export type Fields = { readonly [name: string]: Json };

/** What a node collects; each has a key of its own. */
export type Collection = "broadcast" | "set" | "counter";

/** What one node remembers besides its replica. */
export interface WorkloadState {
  /** What clients of this node collected last. */
  collection: Collection | undefined;
  /** Which segment of a log was last known to have room, by key. */
  readonly segments: Map<string, number>;
  /** A name that no other process has ever given or will give. */
  nextId(): string;
  /**
   * Keeps a read whose meaning is not known yet; see `readCollection` in maelstrom-workloads.ts.
   */
  hold(exchange: Exchange): void;
}

/** One request and its one answer. */
export interface Exchange {
  readonly body: Fields;
  readonly node: Node;
  readonly state: WorkloadState;
  /** Answers `<type>_ok` with these fields. */
  ok(fields?: Fields): void;
  fail(error: ErrorName, text: string): void;
}

/** Keys that no request may name: what the workloads keep for themselves. */
export const reservedPrefixes = ["maelstrom:", "{maelstrom-txn}", "maelstrom-log:"] as const;

/** Runs a command; `onReply` gets what is not an error. */
export function ask(
  exchange: Exchange,
  args: readonly Uint8Array[],
  onReply: (reply: ReplyValue) => void,
): void {
  exchange.node.request(args, answered(exchange, onReply));
}

/** Runs commands together: all their effects are there, or none. They lie in one register. */
export function askTogether(
  exchange: Exchange,
  commands: readonly (readonly Uint8Array[])[],
  onReplies: (replies: readonly ReplyValue[]) => void,
): void {
  const done = answered(exchange, (reply) => {
    onReplies(reply.kind === "array" ? reply.items : []);
  });
  exchange.node.transact(commands, done);
}

const answered =
  (exchange: Exchange, onReply: (reply: ReplyValue) => void): RequestDone =>
  (bytes) => {
    if (bytes === "temporarily_unavailable") {
      exchange.fail(bytes, "no majority of the nodes can be reached; nothing was done");
    } else if (bytes === "timeout") {
      exchange.fail(bytes, "the outcome is not known in time");
    } else {
      const reply = decodeReply(bytes);
      if (reply.kind === "error") failWith(exchange, reply.text);
      else onReply(reply);
    }
  };

/** Which error of the table an error reply is; all of them are definite. */
const errorsByPrefix: Readonly<Record<string, ErrorName>> = {
  NOTFOUND: "key_does_not_exist",
  MISMATCH: "precondition_failed",
  OOM: "temporarily_unavailable",
  BUSY: "temporarily_unavailable",
};

function failWith(exchange: Exchange, text: string): void {
  const prefix = text.slice(0, text.indexOf(" "));
  exchange.fail(errorsByPrefix[prefix] ?? "abort", text);
}
