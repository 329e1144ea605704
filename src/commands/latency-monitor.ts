// The latency monitor: spikes per kind of event, as LATENCY shows them. Off while
// `latency-monitor-threshold` is 0. Bounds: 160 samples per event, one per second (the worst), and
// as many events as the node has names for.

import type { Settings } from "./settings.js";

const sampleCountMax = 160;

export interface LatencySample {
  /** Unix seconds. */
  readonly time: number;
  ms: number;
}

export interface LatencySeries {
  readonly event: string;
  /** Oldest first. */
  readonly samples: LatencySample[];
  /** The worst ever, also after its sample has gone. */
  worstMs: number;
}

export class LatencyMonitor {
  #thresholdMs = 0;
  readonly #series = new Map<string, LatencySeries>();

  constructor(settings?: Settings) {
    settings?.onChange("latency-monitor-threshold", (text) => {
      this.#thresholdMs = Number(text);
    });
  }

  /** The dispatcher asks this before it measures; 0 switches the monitor off. */
  get thresholdMs(): number {
    return this.#thresholdMs;
  }

  /** Notes an event that took `ms`, if that is a spike. */
  note(event: string, ms: number, nowMs: number): void {
    if (this.#thresholdMs === 0 || ms < this.#thresholdMs) return;
    const rounded = Math.floor(ms);
    const time = Math.floor(nowMs / 1000);
    let series = this.#series.get(event);
    if (series === undefined) {
      series = { event, samples: [], worstMs: 0 };
      this.#series.set(event, series);
    }
    series.worstMs = Math.max(series.worstMs, rounded);
    const last = series.samples.at(-1);
    if (last?.time === time) {
      last.ms = Math.max(last.ms, rounded);
      return;
    }
    series.samples.push({ time, ms: rounded });
    if (series.samples.length > sampleCountMax) series.samples.shift();
  }

  /** What the dispatcher calls for each command that it measured. */
  noteCommand(isFast: boolean, micros: number, nowMs: number): void {
    this.note(isFast ? "fast-command" : "command", micros / 1000, nowMs);
  }

  all(): LatencySeries[] {
    return [...this.#series.values()];
  }

  find(event: string): LatencySeries | undefined {
    return this.#series.get(event);
  }

  /** Forgets one event, or all. Returns how many there were. */
  reset(event?: string): number {
    if (event !== undefined) return this.#series.delete(event) ? 1 : 0;
    const count = this.#series.size;
    this.#series.clear();
    return count;
  }
}
