// LATENCY DOCTOR: what the samples say, and what to try. The advice is about this node, so the
// wording is ours.

import type { Environment } from "./environment.js";
import type { LatencySeries } from "./latency-monitor.js";

/** What to try, by event. */
const advice: Readonly<Record<string, readonly string[]>> = {
  command: [
    "Look at SLOWLOG GET: it names the commands that took longest.",
    "KEYS, long ranges and commands over large collections hold up everybody: ask for less.",
  ],
  "fast-command": [
    "Even commands that do little were slow: the machine gives this process too little CPU, or " +
      "the garbage collector had much to do. Check the load, and the heap in INFO memory.",
  ],
  "expire-cycle": ["Many keys expire at the same moment: spread their deadlines."],
};

export function latencyReport({ latency, settings }: Environment): string {
  const all = latency.all();
  if (all.length === 0 && latency.thresholdMs === 0) {
    return (
      "Latency monitoring is off. Switch it on with " +
      '"CONFIG SET latency-monitor-threshold <milliseconds>".\n'
    );
  }
  if (all.length === 0) return "No latency spike was observed so far.\n";
  const lines = all.map((series, index) => `${index + 1}. ${describe(series)}\n`);
  const hints = all.flatMap(({ event }) => advice[event] ?? []);
  if (settings.number("slowlog-log-slower-than") < 0) {
    hints.push("The slow log is off: set slowlog-log-slower-than to find slow commands.");
  }
  const tail =
    hints.length === 0 ? "" : `\nWhat to try:\n\n${hints.map((hint) => `- ${hint}\n`).join("")}`;
  return `Latency spikes were observed:\n\n${lines.join("")}${tail}`;
}

function describe({ event, samples, worstMs }: LatencySeries): string {
  const count = samples.length;
  const mean = samples.reduce((sum, { ms }) => sum + ms, 0) / count;
  const deviation = samples.reduce((sum, { ms }) => sum + Math.abs(ms - mean), 0) / count;
  const period = (samples.at(-1)!.time - samples[0]!.time) / count;
  return (
    `${event}: ${count} latency spikes (average ${Math.round(mean)}ms, mean deviation ` +
    `${Math.round(deviation)}ms, period ${period.toFixed(2)} sec). ` +
    `Worst all time event ${worstMs}ms.`
  );
}
