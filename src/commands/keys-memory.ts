// MEMORY: what a key costs, and what the node uses. The figures are this node's own: bytes of records, of the index and of
// values outside the arena are exact, those of collections an estimate. Replies and errors: Redis 7.0, object.c.

import type { Ref } from "../keyspace/arena.js";
import * as record from "../keyspace/record.js";
import type { Cell } from "../lattice/cell.js";
import { int64Argument } from "./arguments.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { findUntouched } from "./lookup.js";
import { memoryFigures } from "./server-memory.js";
import { container, replyOk } from "./server-spec.js";

/** Elements of a collection that MEMORY USAGE looks at unless told otherwise. */
const samplesUsual = 5;

/** What an entry object and one element of it cost in the heap, measured on Node 20 with small elements. */
const entryBytes = 600;
const elementBytes = 240;

function usage(call: Call): void {
  let samples = samplesUsual;
  for (let index = 3; index < call.argc; index += 2) {
    if (!call.is(index, "SAMPLES") || index + 1 >= call.argc) {
      fail(call, "syntax");
      return;
    }
    const wanted = int64Argument(call, index + 1);
    if (wanted === undefined) return;
    if (wanted < 0n) {
      fail(call, "syntax");
      return;
    }
    samples = wanted === 0n ? Number.POSITIVE_INFINITY : Number(wanted);
  }
  const ref = findUntouched(call, 2);
  if (ref === 0) call.reply.nil();
  else call.reply.integer(keyBytes(call, ref, samples));
}

function keyBytes(call: Call, ref: Ref, samples: number): number {
  const { keyspace, db } = call;
  const { arena } = keyspace;
  const slotBytes = Math.ceil(db.keys.tableBytes / Math.max(1, db.keys.count));
  let bytes = record.unitsOf(arena, ref) * 8 + Math.min(slotBytes, 64);
  if (record.deadlineOf(arena, ref) > 0) bytes += 12; // Its place in the expiry heap.
  if (record.kindOf(arena, ref) >= record.objectKind)
    return bytes + objectBytes(call, ref, samples);
  if ((record.flagsOf(arena, ref) & record.externalFlag) !== 0) {
    bytes += keyspace.externals.get(record.externalPlaceOf(arena, ref)).length;
  }
  return bytes;
}

function objectBytes(call: Call, ref: Ref, samples: number): number {
  let count = 0;
  let sampled = 0;
  let bytes = 0;
  call.keyspace.entryOf(ref).forEachCell((_slot, element, cell) => {
    count++;
    if (sampled >= samples) return;
    sampled++;
    bytes += elementBytes + element.length + cellBytes(cell);
  });
  return entryBytes + Math.round((bytes / Math.max(1, sampled)) * count);
}

const cellBytes = (cell: Readonly<Cell>): number =>
  cell.siblings.reduce((sum, sibling) => sum + sibling.value.length, 0) + cell.rows.length * 120;

function stats(call: Call): void {
  const { keyspace, environment, reply } = call;
  const figures = memoryFigures(keyspace, environment);
  const perKey = figures.keys === 0 ? 0 : Math.floor(figures.dataset / figures.keys);
  const rows: readonly (readonly [string, number])[] = [
    ["peak.allocated", Math.max(figures.used, environment.facts.peakResidentBytes)],
    ["total.allocated", figures.used],
    ["startup.allocated", figures.startup],
    ["clients.normal", figures.clients],
    ["overhead.total", figures.overhead],
    ["keys.count", figures.keys],
    ["keys.bytes-per-key", perKey],
    ["dataset.bytes", figures.dataset],
    ["allocator.allocated", figures.used],
    ["allocator.active", figures.reserved],
    ["allocator.resident", environment.facts.residentBytes],
  ];
  reply.map(rows.length);
  for (const [name, value] of rows) {
    reply.bulkText(name);
    reply.integer(Math.floor(value));
  }
}

/** Told as one reads a gauge: which share of the arena waits to be used again, and whether that matters. */
function doctor(call: Call): void {
  const { arena } = call.keyspace;
  const share = arena.freeBytes / Math.max(1, arena.freeBytes + arena.liveBytes);
  const percent = Math.round(share * 100);
  call.reply.verbatim(
    share > 0.25 && arena.freeBytes > 16 * 1024 * 1024
      ? `${percent} % of the record memory is free blocks. Compaction wins it back while the node is idle.\n`
      : `No memory problem found. ${percent} % of the record memory is free blocks.\n`,
  );
}

function mallocStats(call: Call): void {
  const { arena, externalBytes } = call.keyspace;
  const lines = [
    `slabs ${arena.slabCount}`,
    `live bytes ${arena.liveBytes}`,
    `free bytes ${arena.freeBytes}`,
    `bytes outside the arena ${externalBytes}`,
  ];
  call.reply.verbatim(`${lines.join("\n")}\n`);
}

const sub = { arity: 2, flags: [], since: "4.0.0", group: "server", complexity: "O(1)" } as const;

const memoryCommand = container({
  name: "memory",
  summary: "A container for memory diagnostics commands",
  since: "4.0.0",
  group: "server",
  helpSince: "4.0.0",
  subcommands: [
    { ...sub, name: "doctor", summary: "Outputs memory problems report", run: doctor },
    {
      ...sub,
      name: "malloc-stats",
      summary: "Show allocator internal stats",
      run: mallocStats,
    },
    {
      ...sub,
      name: "purge",
      summary: "Ask the allocator to release memory",
      run: replyOk,
    },
    { ...sub, name: "stats", summary: "Show memory usage details", run: stats },
    {
      ...sub,
      name: "usage",
      arity: -3,
      flags: ["readonly"],
      keys: { first: 2, last: 2, step: 1 },
      summary: "Estimate the memory usage of a key",
      complexity: "O(N) where N is the number of samples.",
      usage: "<key> [SAMPLES <count>]",
      run: usage,
    },
  ],
});

export const memoryCommands: readonly CommandSpec[] = [memoryCommand];
