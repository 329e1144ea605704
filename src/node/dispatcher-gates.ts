// The dispatcher's gates: what may keep a known command with the right number of arguments from
// running. They stand in one order, Redis's (server.c, processCommand), and a gate is found by its
// name, so that a family that brings one (ACL, memory) cannot put it in the wrong place.
//
// Here are the gates that keep nothing: authentication, memory, subscriptions. Transactions, the
// pause and the consistency modes keep state and bring their own.

import type { Call } from "../commands/call.js";
import type { Command } from "../commands/command.js";
import { gate, type QueuedCommand, type Session } from "../commands/session.js";
import { makeRoom } from "./make-room.js";

/**
 * Returns true when the command must not run now: the gate has refused it through `refuse`,
 * answered it itself (QUEUED), or set `call.outcome` because it waits.
 */
export type Gate = (call: Call, command: Command, session: Session, refuse: Refuse) => boolean;

/** Answers an error in the command's place, counts it, and spoils the open transaction. */
export type Refuse = (error: string) => void;

/** The order in which gates are asked. */
export const gateNames = [
  "authentication",
  "notInTransaction",
  "acl",
  "memory",
  "durability",
  "subscription",
  "loading",
  "pause",
  "placement",
  "queue",
  "consistency",
] as const;

export type GateName = (typeof gateNames)[number];

/** Gates in the order of `gateNames`, whatever the order in which they were added. */
export class GateList {
  readonly #gates = new Map<GateName, Gate>();
  #inOrder: readonly Gate[] = [];

  /** @param ask undefined takes the gate away */
  set(name: GateName, ask: Gate | undefined): void {
    if (ask === undefined) this.#gates.delete(name);
    else this.#gates.set(name, ask);
    this.#inOrder = gateNames.flatMap((each) => this.#gates.get(each) ?? []);
  }

  /** Whether any of them holds the command. */
  hold(call: Call, command: Command, session: Session, refuse: Refuse): boolean {
    for (const ask of this.#inOrder) if (ask(call, command, session, refuse)) return true;
    return false;
  }
}

/** Before AUTH only the commands that lead to it are run. */
export const authenticationGate: Gate = (_call, command, session, refuse) => {
  if ((session.gates & gate.unauthenticated) === 0 || command.flags.includes("no_auth")) {
    return false;
  }
  refuse("NOAUTH Authentication required.");
  return true;
};

/** What a full node lets through while a transaction is open; everything else would be kept. */
const memorylessCommands = new Set(["exec", "discard", "multi", "watch", "reset"]);

/**
 * Before any command keys are given up while more than `maxmemory` is in use; where there are none
 * to give, commands that may take memory are refused.
 */
export const memoryGate: Gate = (call, command, session, refuse) => {
  // What EXEC runs was let in when it was queued, and EXEC itself was asked about.
  if (call.isInsideExec) return false;
  if (makeRoom(call) || !mayTakeMemory(command, session)) return false;
  refuse("OOM command not allowed when used memory > 'maxmemory'.");
  return true;
};

function mayTakeMemory(command: Command, session: Session): boolean {
  if (command.flags.includes("denyoom")) return true;
  const { transaction } = session;
  if (transaction === undefined) return false;
  if (!memorylessCommands.has(command.name)) return true;
  const isDenied = (queued: QueuedCommand): boolean => queued.command.flags.includes("denyoom");
  return command.name === "exec" && transaction.queue.some(isDenied);
}

/**
 * A node that has just come to a cluster holds less than its peers: it would answer that keys are
 * not there. Only what Redis answers while it loads is answered before it has caught up.
 */
export const loadingGate: Gate = (_call, command, _session, refuse) => {
  if (command.flags.includes("loading")) return false;
  refuse("LOADING Skerry is catching up with its peers");
  return true;
};

/** While nothing can be kept, nothing is written: reads are served, and what ends a transaction. */
export const durabilityGate: Gate = (call, command, session, refuse) => {
  const { logError } = call.environment;
  if (call.isInsideExec || logError === undefined) return false;
  const isQueued = (queued: QueuedCommand): boolean => queued.command.isWrite;
  const isWrite =
    command.isWrite || (command.name === "exec" && session.transaction?.queue.some(isQueued));
  if (!isWrite) return false;
  refuse(`MISCONF Errors writing to the log: ${logError}`);
  return true;
};

const subscriberCommands = new Set([
  ...["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"],
  ...["ping", "quit", "reset"],
]);

/** A RESP2 connection that has subscribed carries messages; a reply could not be told from one. */
export const subscriptionGate: Gate = (_call, command, session, refuse) => {
  if ((session.gates & gate.subscribed) === 0 || session.resp3) return false;
  if (subscriberCommands.has(command.name)) return false;
  refuse(
    `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / ` +
      "RESET are allowed in this context",
  );
  return true;
};
