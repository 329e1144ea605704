// What commands may ask of the node around them (commands/environment.ts), answered from the node's state.

import type { Prng } from "../base/prng.js";
import type { Command } from "../commands/command.js";
import type { DebugSwitches, Environment, HostFacts } from "../commands/environment.js";
import { LatencyMonitor } from "../commands/latency-monitor.js";
import { ServerStatistics } from "../commands/server-statistics.js";
import type { Session } from "../commands/session.js";
import type { Settings } from "../commands/settings.js";
import { SlowLog } from "../commands/slowlog.js";
import type { ClientEffects } from "./effects.js";
import type { Node, NodeOptions } from "./node.js";

export class NodeEnvironment implements Environment {
  nowMicros = 0;
  readonly settings: Settings;
  readonly facts: HostFacts;
  readonly statistics = new ServerStatistics();
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  readonly debug: DebugSwitches = {
    activeExpire: true,
    cronPaused: false,
    scriptsMayCallAll: false,
    packedThresholdBytes: 0,
  };
  readonly infoSections = new Map<string, () => string>();
  pausedUntilMs = 0;
  pausedWhat: "write" | "all" = "all";

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
  }

  random(): number {
    return this.#prng.float();
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
    this.#effects.close(session);
  }

  releaseSession(session: Session): void {
    this.#node.releaseSession(session);
  }

  unblock(_session: Session, _how: "timeout" | "error"): boolean {
    return false; // No command blocks yet.
  }

  stall(micros: number): void {
    this.#effects.stall(micros);
  }

  pause(untilMs: number, what: "write" | "all"): void {
    this.pausedUntilMs = untilMs;
    this.pausedWhat = what;
  }

  shutdown(save: boolean): void {
    this.#effects.shutdown(save);
  }

  measureMicros(): number {
    return this.#measureMicros();
  }
}
