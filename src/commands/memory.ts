// MEMORY: what keys and the node take. Sizes of records are exact; what lies behind them in the
// heap is estimated from its elements.

import { roundUnits, unitBytes } from "../keyspace/arena.js";
import * as record from "../keyspace/record.js";
import { StreamStore } from "../keyspace/stream-store.js";
import type { KeyEntry, Slot } from "../lattice/key-entry.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import type { CommandSpec, KeyPositions } from "./command.js";
import { fail } from "./errors.js";
import { findUntouched } from "./lookup.js";
import { memoryFigures } from "./server-memory.js";
import { container } from "./server-spec.js";

/** A slot of the index, at the load that it has on average. */
const indexBytes = 12;
/** An element behind a record: its name's and its cell's objects. */
const elementBytes = 120;
const entryBytes = 200;
const samplesDefault = 5;

/** Bytes that a key takes with its value. `samples` 0 looks at every element. */
function usageOf(call: Call, ref: number, samples: number): number {
  const { arena, externals } = call.keyspace;
  const own = roundUnits(record.unitsOf(arena, ref)) * unitBytes + indexBytes;
  const kind = record.kindOf(arena, ref);
  if (kind === record.objectKind) {
    return own + entryBytes + entryUsage(call.keyspace.entryOf(ref), samples);
  }
  if ((record.flagsOf(arena, ref) & record.externalFlag) === 0) return own;
  return own + externals.get(record.externalPlaceOf(arena, ref)).length;
}

function entryUsage(entry: KeyEntry, samples: number): number {
  let bytes = 0;
  for (const slot of Object.values(slots) as Slot[]) {
    const store = entry.slot(slot);
    if (store === undefined || store.count === 0) continue;
    if (store instanceof StreamStore) {
      bytes += store.memoryBytes;
      continue;
    }
    let seen = 0;
    let sampled = 0;
    for (const [element, cell] of store.entries()) {
      sampled += elementBytes + element.length;
      for (const sibling of cell.siblings) sampled += sibling.value.length;
      if (++seen === samples) break;
    }
    bytes += Math.round((sampled / seen) * store.count);
  }
  return bytes;
}

function usage(call: Call): void {
  let samples = samplesDefault;
  for (let index = 3; index < call.argc; index += 2) {
    if (!call.is(index, "SAMPLES") || index + 1 >= call.argc) {
      fail(call, "syntax");
      return;
    }
    const count = call.int64(index + 1);
    if (count === undefined) {
      fail(call, "notInteger");
      return;
    }
    if (count < 0n) {
      fail(call, "syntax");
      return;
    }
    samples = Number(count);
  }
  const ref = findUntouched(call, 2);
  if (ref === 0) call.reply.nil();
  else call.reply.integer(usageOf(call, ref, samples));
}

function stats(call: Call): void {
  const { environment, keyspace, reply } = call;
  const figures = memoryFigures(keyspace, environment);
  const { used, startup, overhead, dataset, clients, keys, reserved } = figures;
  const peak = Math.max(used, environment.statistics.memoryPeakBytes);
  const resident = environment.facts.residentBytes;
  const rows: [string, number | { readonly double: number }][] = [
    ["peak.allocated", peak],
    ["total.allocated", used],
    ["startup.allocated", startup],
    ["replication.backlog", 0],
    ["clients.slaves", 0],
    ["clients.normal", clients],
    ["cluster.links", 0],
    ["aof.buffer", 0],
    ["lua.caches", 0],
    ["functions.caches", 0],
    ["overhead.total", overhead],
    ["keys.count", keys],
    ["keys.bytes-per-key", keys === 0 ? 0 : Math.floor((used - startup) / keys)],
    ["dataset.bytes", dataset],
    ["dataset.percentage", { double: used === startup ? 0 : (dataset * 100) / (used - startup) }],
    ["peak.percentage", { double: (used * 100) / peak }],
    ["allocator.allocated", used],
    ["allocator.active", reserved],
    ["allocator.resident", resident],
    ["allocator-fragmentation.ratio", { double: reserved / used }],
    ["allocator-fragmentation.bytes", reserved - used],
    ["allocator-rss.ratio", { double: resident / reserved }],
    ["allocator-rss.bytes", resident - reserved],
    ["rss-overhead.ratio", { double: 1 }],
    ["rss-overhead.bytes", 0],
    ["fragmentation", { double: resident / used }],
    ["fragmentation.bytes", resident - used],
  ];
  // One map per database that holds keys stands between the overheads and their sum.
  const databases = keyspace.databases.filter((db) => db.size > 0);
  reply.map(rows.length + databases.length);
  for (const [name, value] of rows) {
    if (name === "overhead.total") for (const db of databases) replyDatabase(call, db);
    reply.bulkText(name);
    if (typeof value === "number") reply.integer(value);
    else reply.double(String(value.double));
  }
}

function replyDatabase({ reply }: Call, db: Call["db"]): void {
  reply.bulkText(`db.${db.index}`);
  reply.map(3);
  reply.bulkText("overhead.hashtable.main");
  reply.integer(db.keys.tableBytes);
  reply.bulkText("overhead.hashtable.expires");
  reply.integer(db.expiringCount * indexBytes);
  reply.bulkText("overhead.hashtable.slot-to-keys");
  reply.integer(0);
}

function doctor(call: Call): void {
  const { used, keys, reserved } = memoryFigures(call.keyspace, call.environment);
  const lines = [`${keys} keys take ${used} bytes.`];
  if (reserved > used * 2) {
    lines.push(
      "More than half of the reserved memory is free: it is used again before more is taken.",
    );
  }
  call.reply.verbatim(`${lines.join("\n")}\n`);
}

const usageKeys: KeyPositions = { first: 2, last: 2, step: 1 };
const group = "server";
const since = "4.0.0";

export const memoryCommands: readonly CommandSpec[] = [
  container({
    name: "memory",
    summary: "A container for memory diagnostics commands",
    since,
    group,
    helpSince: since,
    subcommands: [
      {
        name: "doctor",
        arity: 2,
        flags: [],
        summary: "Outputs memory problems report",
        since,
        group,
        complexity: "O(1)",
        run: doctor,
      },
      {
        name: "malloc-stats",
        arity: 2,
        flags: [],
        summary: "Show allocator internal stats",
        since,
        group,
        complexity: "Depends on how much memory is allocated, could be slow",
        run: ({ keyspace: { arena }, reply }) =>
          reply.verbatim(
            `slabs:${arena.slabCount}\nlive_bytes:${arena.liveBytes}\n` +
              `free_bytes:${arena.freeBytes}\n`,
          ),
      },
      {
        name: "purge",
        arity: 2,
        flags: [],
        summary: "Ask the allocator to release memory",
        since,
        group,
        complexity: "Depends on how much memory is allocated, could be slow",
        // Slabs that are empty have been given back already.
        run: ({ reply }) => reply.ok(),
      },
      {
        name: "stats",
        arity: 2,
        flags: [],
        summary: "Show memory usage details",
        since,
        group,
        complexity: "O(1)",
        run: stats,
      },
      {
        name: "usage",
        arity: -3,
        flags: ["readonly"],
        keys: usageKeys,
        summary: "Estimate the memory usage of a key",
        since,
        group,
        complexity: "O(N) where N is the number of samples.",
        usage: "<key> [SAMPLES <count>]",
        run: usage,
      },
    ],
  }),
];
