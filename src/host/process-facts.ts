// Facts about this process, sampled for INFO, and what the system lets it have.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, release, totalmem, type } from "node:os";
import type { HostFacts } from "../commands/environment.js";

export interface FactsOptions {
  readonly version: string;
  readonly port: number;
  readonly configFile: string;
}

export function processFacts(options: FactsOptions): HostFacts {
  const facts: HostFacts = {
    processId: process.pid,
    nodeVersion: process.version,
    operatingSystem: `${type()} ${release()} ${arch()}`,
    architecture: arch(),
    executable: process.execPath,
    configFile: options.configFile,
    version: options.version,
    startedMs: Date.now(),
    port: options.port,
    runId: randomBytes(20).toString("hex"),
    residentBytes: 0,
    peakResidentBytes: 0,
    heapBytes: 0,
    startMemoryBytes: 0,
    totalMemoryBytes: totalmem(),
    cpuUserSeconds: 0,
    cpuSystemSeconds: 0,
  };
  sampleFacts(facts);
  return { ...facts, startMemoryBytes: facts.heapBytes };
}

/**
 * What was in use on the heap at the last samples. The least of them is taken for what is in use:
 * the others have garbage in them that nobody has swept yet, and keys would be evicted for it.
 */
const heapSamples = new Array<number>(8).fill(Number.POSITIVE_INFINITY);
let heapSample = 0;
/** What the heap of a small node breathes by itself: less is not told. */
const heapStepBytes = 8 * 1024 * 1024;

function settledHeap(told: number, bytes: number): number {
  heapSamples[heapSample++ % heapSamples.length] = bytes;
  const least = Math.min(...heapSamples);
  return told > 0 && Math.abs(least - told) < heapStepBytes ? told : least;
}

/** Brings the figures that move up to date; costs some tens of microseconds. */
export function sampleFacts(facts: HostFacts): void {
  const memory = process.memoryUsage();
  facts.residentBytes = memory.rss;
  facts.peakResidentBytes = Math.max(facts.peakResidentBytes, memory.rss);
  facts.heapBytes = settledHeap(facts.heapBytes, memory.heapUsed);
  const cpu = process.cpuUsage();
  facts.cpuUserSeconds = cpu.user / 1e6;
  facts.cpuSystemSeconds = cpu.system / 1e6;
}

/** Files, sockets included, that this process may have open; Infinity where that is not known. */
export function openFilesMax(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
