// What commands may ask of the node around them (commands/environment.ts), answered from the node's
// state.

import type { Bytes } from "../base/bytes.js";
import type { Prng } from "../base/prng.js";
import type { Wait } from "../commands/blocking.js";
import type { Call } from "../commands/call.js";
import type { ClusterView } from "../commands/cluster-view.js";
import type { Command } from "../commands/command.js";
import type { DebugSwitches, Environment, HostFacts } from "../commands/environment.js";
import { LatencyMeter } from "../commands/latency-meter.js";
import { LatencyMonitor } from "../commands/latency-monitor.js";
import { announceEvents } from "../commands/notify-channels.js";
import { Channels } from "../commands/pubsub-channels.js";
import { ServerStatistics } from "../commands/server-statistics.js";
import { gate, outcome, type Session } from "../commands/session.js";
import type { Settings } from "../commands/settings.js";
import { SlowLog } from "../commands/slowlog.js";
import { nodeGate } from "./dispatcher.js";
import type { Gate } from "./dispatcher-gates.js";
import type { ClientEffects } from "./effects.js";
import { ModifiedListeners } from "./environment-modified.js";
import type { Node, NodeOptions } from "./node.js";
import type { NodeStorage } from "./node-storage.js";

export class NodeEnvironment implements Environment {
  nowMicros = 0;
  readonly settings: Settings;
  readonly facts: HostFacts;
  readonly statistics = new ServerStatistics();
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  /** Where the dispatcher's measurements go. */
  readonly meter: LatencyMeter;
  readonly channels: Channels;
  /** Those who want to know of changed keys. */
  readonly modified: ModifiedListeners;
  readonly debug: DebugSwitches = {
    activeExpire: true,
    cronPaused: false,
    scriptsMayCallAll: false,
    packedThresholdBytes: 0,
  };
  readonly infoSections = new Map<string, () => string>();
  cluster: ClusterView | undefined;
  /** CONFIG REWRITE, where the host can do it. */
  rewriteConfig?: () => string | undefined;
  logError: string | undefined;
  storage?: NodeStorage;

  #pausedUntilMs = 0;
  #pausedWhat: "write" | "all" = "all";
  /** Sessions whose next command waits for the end of the pause. */
  readonly #postponed = new Set<Session>();
  readonly #node: Node;
  readonly #prng: Prng;
  readonly #effects: ClientEffects;
  readonly #measureMicros: () => number;

  constructor(node: Node, options: NodeOptions, prng: Prng, effects: ClientEffects) {
    this.#node = node;
    this.#prng = prng;
    this.#effects = effects;
    this.#measureMicros = options.measureMicros;
    this.settings = options.settings;
    this.facts = options.facts;
    this.slowLog = new SlowLog(options.settings);
    this.latency = new LatencyMonitor(options.settings);
    this.meter = new LatencyMeter(options.settings, this.slowLog, this.latency);
    this.modified = new ModifiedListeners(node.keyspace);
    this.channels = new Channels((session, bytes) => node.outbox.push(session, bytes));
    options.settings.onChange("notify-keyspace-events", (classes) => {
      announceEvents(node.keyspace, this.channels, classes);
    });
    options.settings.onChange("requirepass", (password) => {
      // Without a password nobody has to give one, whoever connected while there was one.
      if (password !== "") return;
      for (const session of node.sessions.values()) session.gates &= ~gate.unauthenticated;
    });
  }

  random(): number {
    return this.#prng.float();
  }

  randomBits(): number {
    return this.#prng.bits();
  }

  findCommand(name: string): Command | undefined {
    return this.#node.table.get(name);
  }

  allCommands(): readonly Command[] {
    return this.#node.table.all();
  }

  sessions(): Iterable<Session> {
    return this.#node.sessions.values();
  }

  findSession(id: number): Session | undefined {
    return this.#node.sessions.get(id);
  }

  closeSession(session: Session): void {
    session.closeAfterReply = true;
    this.#effects.close(session, true);
    this.#node.closeSession(session);
  }

  releaseSession(session: Session): void {
    this.#node.releaseSession(session);
  }

  park(call: Call, wait: Wait): void {
    this.#node.blocking.park(call, wait);
  }

  unblock(session: Session, how: "timeout" | "error"): boolean {
    return this.#node.blocking.unblock(session, how);
  }

  keepWaiting(call: Call): void {
    call.outcome = outcome.pending;
  }

  answerWaiting(session: Session, reply: Bytes): void {
    if (this.#node.sessions.has(session.id)) this.#node.outbox.answer(session, reply);
  }

  stall(micros: number): void {
    this.#effects.stall(micros);
  }

  // ---- CLIENT PAUSE

  pause(untilMs: number, what: "write" | "all"): void {
    if (untilMs === 0) {
      this.#endPause();
      return;
    }
    const isWider = this.isPaused && this.#pausedWhat === "all";
    this.#pausedWhat = isWider ? "all" : what;
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
    this.#node.dispatcher.nodeGates |= nodeGate.paused;
    // What a paused node removed would be a write; keys past their deadline are hidden all the
    // same.
    this.#node.keyspace.mayExpire = false;
  }

  /** Whether clients are paused, as far as has been noticed. */
  get isPaused(): boolean {
    return (this.#node.dispatcher.nodeGates & nodeGate.paused) !== 0;
  }

  /** When the pause ends, in Unix milliseconds; Infinity when there is none. */
  get pauseEndsMs(): number {
    return this.isPaused ? this.#pausedUntilMs : Number.POSITIVE_INFINITY;
  }

  /** Ends a pause whose time is over. */
  noteTime(nowMs: number): void {
    if (nowMs >= this.pauseEndsMs) this.#endPause();
  }

  #endPause(): void {
    this.#pausedUntilMs = 0;
    this.#node.dispatcher.nodeGates &= ~nodeGate.paused;
    this.#node.keyspace.mayExpire = true;
  }

  /** The dispatcher's gate: keeps writes, or everything, for the end of the pause. */
  readonly pauseGate: Gate = (call, command, session) => {
    // EXEC runs as a whole, and the process's own requests are nobody's client.
    if (!call.mayBlock) return false;
    this.noteTime(call.keyspace.nowMs);
    if (!this.isPaused) return false;
    if (this.#pausedWhat === "write" && !mayWrite(command, session)) return false;
    call.outcome = outcome.postponed;
    this.#postponed.add(session);
    return true;
  };

  /** The pause is over: what was kept runs. Called when no command is running. */
  resumePostponed(): void {
    if (this.isPaused || this.#postponed.size === 0) return;
    for (const session of [...this.#postponed]) {
      // A session before it may have paused the clients again, or closed this one.
      if (this.isPaused) return;
      if (!this.forgetPostponed(session)) continue;
      session.waiting = outcome.done;
      this.#node.clients?.resume(session);
    }
  }

  /** The session is gone or goes on. False when nothing of it was kept. */
  forgetPostponed(session: Session): boolean {
    return this.#postponed.delete(session);
  }

  shutdown(save: boolean): void {
    this.#effects.shutdown(save);
  }

  measureMicros(): number {
    return this.#measureMicros();
  }
}

/**
 * What a pause of writes keeps: writes, what reaches other nodes, and EXEC with any of these
 * queued.
 */
function mayWrite(command: Command, session: Session): boolean {
  if (command.name !== "exec") return command.isWrite || command.flags.includes("may_replicate");
  return session.transaction?.queue.some((queued) => mayWrite(queued.command, session)) === true;
}
