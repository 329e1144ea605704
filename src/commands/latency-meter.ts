// What is done with the time that a command took: its counters, its histogram, the slow log, the
// latency monitor. The dispatcher measures and calls this; it has no clock of its own.
//
// Fast commands of a batch are measured together and get equal shares, so that the common path
// reads the clock twice per batch. Only while somebody asks for every command (a slow log below a
// millisecond, a latency monitor) is each measured by itself.

import type { Call } from "./call.js";
import type { Command } from "./command.js";
import { LatencyHistogram } from "./latency-histogram.js";
import type { LatencyMonitor } from "./latency-monitor.js";
import type { Settings } from "./settings.js";
import type { SlowLog } from "./slowlog.js";

/** A fast command that takes longer than this by itself has been stalled, whatever it did. */
const eachBelowMicros = 1000;

export class LatencyMeter {
  readonly #slowLog: SlowLog;
  readonly #monitor: LatencyMonitor;
  #keepsHistograms = true;

  constructor(settings: Settings, slowLog: SlowLog, monitor: LatencyMonitor) {
    this.#slowLog = slowLog;
    this.#monitor = monitor;
    settings.onChange("latency-tracking", (text) => {
      this.#keepsHistograms = text === "yes";
    });
  }

  /** Whether fast commands too must be measured one by one. */
  get measuresEach(): boolean {
    const threshold = this.#slowLog.thresholdMicros;
    return (threshold >= 0 && threshold < eachBelowMicros) || this.#monitor.thresholdMs > 0;
  }

  /** One command that was measured by itself; its request is still in `call`. */
  note(call: Call, command: Command, micros: number, nowMs: number): void {
    this.share(command, micros);
    this.#slowLog.note(call, command, micros, nowMs);
    this.#monitor.noteCommand(command.isFast, micros, nowMs);
  }

  /** What each of `count` runs of a fast command had of the time that its batch took. */
  share(command: Command, micros: number, count = 1): void {
    command.microseconds += micros * count;
    if (!this.#keepsHistograms) return;
    command.latency ??= new LatencyHistogram();
    command.latency.record(micros * 1000, count);
  }
}
