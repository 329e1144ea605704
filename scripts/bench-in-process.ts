// `npm run bench -- --in-process [--suite all] [--only NAME]... [--pipeline P]... [--size N]...
// [--slices N]`: // the way of a request from the bytes of a read to the bytes of its reply,
// without a socket. What runs is the production decoder, dispatcher and keyspace; each read is
// copied into one buffer, as the system does it, and replies go nowhere. Figures are processor
// time, so that another program on the machine costs them its part of the caches only.

import { performance } from "node:perf_hooks";
import type { Session } from "../src/commands/session.js";
import { SettingsStore } from "../src/commands/settings-store.js";
import { processFacts } from "../src/host/process-facts.js";
import { SystemClock } from "../src/host/system-clock.js";
import { seedHash } from "../src/keyspace/hash.js";
import { allTables } from "../src/node/commands.js";
import type { NodeEffects } from "../src/node/effects.js";
import { Node } from "../src/node/node.js";
import { ClientInput } from "../src/wire/client-input.js";
import { encodeCommand } from "../test/differential/resp-client.js";
import { argvOf, type Cell, cellsOf, keyCount, pipelines, suites } from "./bench-cells.js";
import { median } from "./bench-measure.js";
import type { BenchOptions } from "./bench-options.js";

const readBytesMax = 64 * 1024;
const sizes = [3, 64];
const commandsPerSlice = 200_000;
/** A fresh cell runs as many commands as there are keys, so that SPOP finds a member each time. */
const commandsPerFreshSlice = keyCount;
const readsKept = 4096;
const slicesDefault = 9;

/** A node with one client whose replies go nowhere. */
class Bench {
  readonly #clock = new SystemClock();
  readonly #node: Node;
  readonly #input: ClientInput;
  readonly #session: Session;
  readonly #buffer = new Uint8Array(readBytesMax);
  replyBytes = 0;
  #errors = 0;

  constructor() {
    seedHash(1, 2);
    const effects: NodeEffects = {
      write: (_session, bytes, length) => {
        this.replyBytes += length;
        if (bytes[0] === 45) this.#errors++;
        return false;
      },
      close: () => {},
      pause: () => {},
      resume: () => {},
      stall: () => {},
      shutdown: () => {},
      send: () => {},
      persist: (lsn) => this.#node.persisted(lsn),
    };
    this.#node = new Node(
      {
        ...{ name: "n1", members: ["n1"], incarnation: 1, seed: 1, commands: allTables },
        consistency: { default: "eventual", prefixes: {} },
        settings: new SettingsStore({}),
        facts: processFacts({ version: "0", port: 0, configFile: "" }),
        measureMicros: () => performance.now() * 1000,
      },
      effects,
    );
    this.#input = new ClientInput(this.#node, effects);
    this.#session = this.#node.openSession("bench", "bench");
  }

  /** One read of a client, copied into the buffer of all reads. */
  read(bytes: Uint8Array): void {
    this.#buffer.set(bytes);
    this.#node.beginTurn(this.#clock.exact());
    this.#input.receive(this.#session, this.#buffer, 0, bytes.length);
  }

  /** What the cell starts from. */
  prepare(cell: Cell): void {
    this.read(encodeCommand(["FLUSHALL"]));
    for (const command of cell.test.fill?.(cell.size) ?? []) {
      const bytes = encodeCommand([...command]);
      for (let at = 0; at < bytes.length; at += readBytesMax)
        this.read(bytes.subarray(at, at + readBytesMax));
    }
    while (this.#node.keyspace.databases[0]!.keys.isResizing) this.#node.cron();
  }

  /** @throws if a command was refused: its figure would mean nothing. */
  verify(): void {
    this.#node.verifyInvariants();
    if (this.#errors > 0) throw new Error(`${this.#errors} reads were answered with an error`);
  }
}

/** Reads of `pipeline` commands each, with keys drawn by a fixed generator. */
function readsOf(cell: Cell, commands: number): Uint8Array[] {
  const argv = argvOf(cell);
  let state = 12_345;
  const draw = (): string => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return String(Math.floor((state / 2 ** 32) * keyCount)).padStart(12, "0");
  };
  const count = Math.min(readsKept, Math.ceil(commands / cell.pipeline));
  return Array.from({ length: count }, () =>
    Buffer.concat(
      Array.from({ length: cell.pipeline }, () =>
        encodeCommand(argv.map((argument) => argument.replaceAll("__rand_int__", draw))),
      ),
    ),
  );
}

/** Nanoseconds of processor per command. */
function slice(bench: Bench, reads: readonly Uint8Array[], cell: Cell, commands: number): number {
  if (cell.test.fresh === true) bench.prepare(cell);
  const turns = Math.floor(commands / cell.pipeline);
  const before = process.cpuUsage();
  for (let turn = 0; turn < turns; turn++) bench.read(reads[turn % reads.length]!);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / (turns * cell.pipeline);
}

export function benchInProcess(options: BenchOptions): void {
  const only = options.only.map((name) => name.toUpperCase());
  const depths = options.pipeline.length === 0 ? pipelines : options.pipeline;
  const wanted = options.size.length === 0 ? sizes : options.size;
  const cells = cellsOf(suites[options.suite], wanted).filter(
    ({ test, pipeline }) =>
      (only.length === 0 ? !test.name.endsWith("_1M") : only.includes(test.name)) &&
      depths.includes(pipeline),
  );
  const bench = new Bench();
  console.log("command       bytes   P   median ns   least ns");
  for (const cell of cells) {
    const commands = cell.test.fresh === true ? commandsPerFreshSlice : commandsPerSlice;
    const reads = readsOf(cell, commands);
    bench.prepare(cell);
    slice(bench, reads, cell, commands);
    const figures = Array.from({ length: options.slices ?? slicesDefault }, () =>
      slice(bench, reads, cell, commands),
    );
    bench.verify();
    const size = cell.test.sized ? String(cell.size) : "";
    console.log(
      `${cell.test.name.padEnd(12)} ${size.padStart(6)} ${String(cell.pipeline).padStart(3)} ` +
        `${median(figures).toFixed(0).padStart(11)} ${Math.min(...figures)
          .toFixed(0)
          .padStart(10)}`,
    );
  }
}
