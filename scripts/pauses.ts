// `npm run pauses`: how long does one command, and one slice of the periodic work, hold everybody
// else up while a table of ten million keys grows, shrinks and is compacted? Prints the longest
// single ones. Runs on the production keyspace in this process; no socket is involved, so what is
// left beside our own work is the collector and the operating system.

import { performance } from "node:perf_hooks";
import { Command } from "commander";
import { count, integer } from "../src/bin/option-values.js";
import { ReplicaTable } from "../src/clock/replica-table.js";
import { Compaction } from "../src/keyspace/compaction.js";
import { expireDue } from "../src/keyspace/expire-cycle.js";
import { hashBytes } from "../src/keyspace/hash.js";
import { Keyspace } from "../src/keyspace/keyspace.js";
import { noDeadline, setText } from "../src/keyspace/text.js";
import {
  compactionBlocksPerSlice,
  drainSlotsPerSlice,
  expiriesPerSlice,
} from "../src/node/node.js";

/** Commands between two slices of the periodic work: what a busy node does in a millisecond. */
const commandsPerSlice = 500;
/** Commands timed together: reading the processor's clock costs as much as several. */
const commandsPerMeasure = 16;

/**
 * The longest of many short pieces of work, and how many passed a limit: by the wall clock, which
 * on a shared machine counts other programs too, and by the processor time of this process.
 */
class Stopwatch {
  readonly #limitMs: number;
  #longestMs = 0;
  #longestCpuMs = 0;
  #count = 0;
  #aboveLimit = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  time(work: () => void): void {
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    work();
    const elapsed = performance.now() - started;
    const used = process.cpuUsage(cpuBefore);
    const cpu = (used.user + used.system) / 1000;
    this.#count++;
    this.#longestMs = Math.max(this.#longestMs, elapsed);
    this.#longestCpuMs = Math.max(this.#longestCpuMs, cpu);
    if (cpu > this.#limitMs) this.#aboveLimit++;
  }

  toString(): string {
    return (
      `longest ${this.#longestCpuMs.toFixed(2)} ms of processor ` +
      `(${this.#longestMs.toFixed(2)} ms by the clock), ` +
      `${this.#aboveLimit} of ${this.#count} above ${this.#limitMs} ms`
    );
  }
}

interface Options {
  readonly keys: number;
  readonly value: number;
  readonly limit: number;
}

class Pauses {
  readonly #options: Options;
  readonly #keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n1/1" });
  readonly #compaction = new Compaction(this.#keyspace);
  readonly #key = new Uint8Array(16);
  readonly #value: Uint8Array;
  #nowMs = 1_800_000_000_000;

  constructor(options: Options) {
    this.#options = options;
    this.#value = new Uint8Array(options.value).fill(120);
  }

  run(): void {
    const { keys } = this.#options;
    const before = process.memoryUsage().rss;
    this.#phase(`SET of ${keys} new keys`, (number) => this.#set(number, noDeadline));
    const perKey = (process.memoryUsage().rss - before) / keys;
    const gib = (this.#keyspace.arena.liveBytes / 2 ** 30).toFixed(2);
    console.log(`  ${perKey.toFixed(0)} resident bytes per key, ${gib} GiB of records`);
    this.#phase("SET with a deadline on every fourth", (number) => {
      if (number % 4 === 0) this.#set(number, this.#nowMs + 60_000);
    });
    this.#nowMs += 120_000;
    this.#cronsUntil("expiry of those", () => this.#keyspace.expiry.nextDeadline > this.#nowMs);
    this.#phase("DEL of seven eighths of the rest", (number) => {
      if (number % 8 !== 1) this.#delete(number);
    });
    this.#cronsUntil("compaction", () => !this.#compaction.isRunning);
    console.log(`  ${this.#compaction.slabsReleased} slabs given back`);
    if (keys <= 1_000_000) this.#keyspace.verifyInvariants();
  }

  #phase(name: string, command: (number: number) => void): void {
    const commands = new Stopwatch(this.#options.limit);
    const crons = new Stopwatch(this.#options.limit);
    for (let number = 0; number < this.#options.keys; number += commandsPerMeasure) {
      commands.time(() => {
        for (let i = 0; i < commandsPerMeasure; i++) command(number + i);
      });
      if (number % commandsPerSlice < commandsPerMeasure) crons.time(() => this.#cron());
    }
    console.log(`${name}: ${commands}`);
    console.log(`  periodic work meanwhile: ${crons}`);
  }

  #cronsUntil(name: string, isDone: () => boolean): void {
    const crons = new Stopwatch(this.#options.limit);
    do crons.time(() => this.#cron());
    while (!isDone());
    console.log(`${name}: ${crons}`);
  }

  #cron(): void {
    this.#nowMs++;
    this.#keyspace.endBatch();
    this.#keyspace.beginTurn(this.#nowMs);
    expireDue(this.#keyspace, expiriesPerSlice);
    for (const db of this.#keyspace.databases) db.keys.drain(drainSlotsPerSlice);
    this.#compaction.step(compactionBlocksPerSlice);
  }

  #hash(number: number): number {
    let rest = number;
    for (let i = 15; i >= 4; i--) {
      this.#key[i] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    return hashBytes(this.#key, 0, 16);
  }

  #set(number: number, deadline: number): void {
    const db = this.#keyspace.databases[0]!;
    const value = this.#value;
    const hash = this.#hash(number);
    setText(this.#keyspace, db, hash, this.#key, 0, 16, value, 0, value.length, deadline);
  }

  #delete(number: number): void {
    const db = this.#keyspace.databases[0]!;
    const hash = this.#hash(number);
    const ref = this.#keyspace.find(db, hash, this.#key, 0, 16);
    if (ref !== 0) this.#keyspace.remove(db, hash, ref);
  }
}

const program = new Command("pauses")
  .description(
    "longest pauses of a keyspace that grows to many keys, expires, shrinks and is compacted",
  )
  .option("--keys <n>", "keys", integer(1), 10_000_000)
  .option("--value <bytes>", "bytes per value", count, 32)
  .option("--limit <ms>", "count what takes longer", count, 5);
program.parse(process.argv);
new Pauses(program.opts<Options>()).run();
