// LATENCY GRAPH: the samples of one event as columns of characters, each with its age written
// downwards below.

import type { LatencySeries } from "./latency-monitor.js";

const rowCount = 4;
const columnCountMax = 80;
/** From the lowest third of a row to the highest. */
const levels = ["_", "o", "#"];

export function drawGraph({ event, samples, worstMs }: LatencySeries, nowSeconds: number): string {
  const values = samples.map(({ ms }) => ms);
  const high = Math.max(...values);
  const low = Math.min(...values);
  const head = `${event} - high ${high} ms, low ${low} ms (all time high ${worstMs} ms)\n`;
  const parts: string[] = [];
  for (let from = 0; from < samples.length; from += columnCountMax) {
    const shown = samples.slice(from, from + columnCountMax);
    const steps = shown.map(({ ms }) => stepOf(ms, low, high));
    const labels = shown.map(({ time }) => ageOf(nowSeconds - time));
    parts.push([...rowsOf(steps), "", ...labelRows(labels)].map((row) => `${row}\n`).join(""));
  }
  return `${head}${"-".repeat(columnCountMax)}\n${parts.join("\n")}`;
}

/** Height of a column, in thirds of a row. */
function stepOf(value: number, low: number, high: number): number {
  const steps = rowCount * levels.length;
  const range = high === low ? 1 : high - low;
  return Math.min(steps - 1, Math.trunc(((value - low) * steps) / range));
}

function rowsOf(steps: readonly number[]): string[] {
  const rows: string[] = [];
  for (let row = rowCount - 1; row >= 0; row--) {
    const from = row * levels.length;
    rows.push(steps.map((step) => (step < from ? " " : (levels[step - from] ?? "|"))).join(""));
  }
  return rows;
}

function labelRows(labels: readonly string[]): string[] {
  const height = Math.max(...labels.map((label) => label.length));
  return Array.from({ length: height }, (_, row) =>
    labels.map((label) => label[row] ?? " ").join(""),
  );
}

function ageOf(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
