// The benchmark's result for people: one table of cells, one of memory, and under them what the
// figures were measured on, since absolute numbers mean nothing away from their machine.

import { verdictOf } from "./bench-goals.js";
import type { CellResult } from "./bench-measure.js";
import type { MemoryResult } from "./bench-memory.js";
import type { FsyncPolicy } from "./bench-persistence.js";

export interface Report {
  readonly machine: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly cells: readonly CellResult[];
  readonly memory: readonly MemoryResult[];
}

const thousands = (value: number | undefined | null): string => {
  if (value === undefined || value === null) return "-";
  return value < 1e6 ? (value / 1e3).toFixed(1) : (value / 1e3).toFixed(0);
};
const nanoseconds = (value: number | undefined | null): string =>
  value === undefined || value === null ? "-" : value.toFixed(0);
const ratio = (value: number | null): string => (value === null ? "-" : value.toFixed(2));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!),
      )
      .join("  ");
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join(
    "\n",
  );
}

const cellHead = [
  ...["command", "bytes", "P", "skerry k/s", "redis k/s", "ratio", "spread"],
  ...["skerry ns", "redis ns", "cpu ratio", "floor k/s", "client k/s", "goal"],
];

/** Largest deviation of a slice from the median of its server, either server, in per cent. */
function spread(cell: CellResult): string {
  const deviations = [cell.skerry, cell.redis].flatMap((figures) =>
    figures === null
      ? []
      : figures.slices.map((slice) =>
          Math.abs(slice.requestsPerSecond / figures.requestsPerSecond - 1),
        ),
  );
  return `${(100 * Math.max(...deviations)).toFixed(0)} %`;
}

export const cellTable = (cells: readonly CellResult[], policy?: FsyncPolicy): string =>
  table(
    cellHead,
    cells.map((cell) => [
      ...[cell.command, cell.size === null ? "" : String(cell.size), String(cell.pipeline)],
      ...[thousands(cell.skerry?.requestsPerSecond), thousands(cell.redis.requestsPerSecond)],
      ...[ratio(cell.ratio), spread(cell)],
      ...[nanoseconds(cell.skerry?.serverNs), nanoseconds(cell.redis.serverNs)],
      ...[ratio(cell.cpuRatio), thousands(cell.floor?.requestsPerSecond)],
      ...[thousands(cell.clientCeiling), verdictOf(cell, policy)],
    ]),
  );

const memoryHead = [
  "million keys",
  "skerry B/key",
  "redis B/key",
  "ratio",
  "skerry base MB",
].concat("redis base MB");

export const memoryTable = (memory: readonly MemoryResult[]): string =>
  table(
    memoryHead,
    memory.map((row) => [
      row.label,
      row.skerryBytesPerKey?.toFixed(1) ?? "-",
      row.redisBytesPerKey.toFixed(1),
      ratio(row.ratio),
      row.skerryBaseBytes === null ? "-" : (row.skerryBaseBytes / 1e6).toFixed(0),
      (row.redisBaseBytes / 1e6).toFixed(0),
    ]),
  );

export function reportText(report: Report): string {
  const parts: string[] = [];
  if (report.cells.length > 0) parts.push(cellTable(report.cells));
  for (const cell of report.cells)
    if (cell.note !== undefined)
      parts.push(`${cell.command} at ${cell.pipeline}: not measured on skerry: ${cell.note}`);
  if (report.memory.length > 0) parts.push(memoryTable(report.memory));
  parts.push(
    [
      "P is the pipeline depth; k/s are thousands of requests per second, medians of the slices;",
      "ns is server CPU per operation; spread is the farthest slice from its median. floor is a",
      "Node process that gives replies of the true length without parsing or storing; client is",
      "the rate at which the core of redis-benchmark itself is full: a server near that figure was",
      "not the limit. goal names the measure by which a row reaches its goal (bench-goals.ts).",
    ].join("\n"),
  );
  const facts = { ...report.machine, ...report.settings };
  parts.push(
    Object.entries(facts)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  );
  return parts.join("\n\n");
}
