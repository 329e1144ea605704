// `npm run kills`: a real node with a log is killed under load, again and again, started on the
// same folder, and asked for everything. With `always` no acknowledged write may be missing; with
// `everysec` none that was acknowledged more than a second before; and what is there is always some
// first part of what each client sent, in its order.
//
// A kill leaves the system's memory alone, so this does not show that the disk was told to write:
// test/process/fsync.test.ts reads the system calls for that, and the simulator's disk forgets.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Command, Option } from "commander";
import { Prng } from "../src/base/prng.js";
import { count, integer } from "../src/bin/option-values.js";
import { encodeCommand, parseReply, RespConnection } from "../test/differential/resp-client.js";
import { folderBytes } from "./lib/folder-bytes.js";
import { describeReplies, LoadModel } from "./lib/kill-load.js";
import { freePort, skerryEntry, sleep } from "./lib/server-process.js";
import { isMain } from "./project.js";

export interface KillOptions {
  readonly times: number;
  readonly fsync: "always" | "everysec" | "no";
  readonly seed: number;
  /** SIGTERM ends the node in order: then nothing acknowledged may be missing under any policy. */
  readonly signal?: "SIGKILL" | "SIGTERM";
  readonly port?: number;
  readonly onRound?: (line: string) => void;
}

export interface KillTotals {
  rounds: number;
  acknowledged: number;
  /** Acknowledged and missing, where the policy admits it. */
  lost: number;
  readonly violations: string[];
}

const clientCount = 4;
/** Commands of a client that may be under way. */
const windowCommands = 32;
const lifeMs = [60, 500] as const;
/** What may be missing under `everysec` was acknowledged at most so long before the kill. */
const everySecondMs = 1000;
const startTimeoutMs = 30_000;
/** How long an end in order may take. */
const orderlyMsMax = 10_000;
/** A small segment, so that files change often. */
const segmentBytes = 256 * 1024;

interface Client {
  readonly number: number;
  /** What is known to be there; behind it, what this life has sent. */
  model: LoadModel;
  sent: number;
  acknowledged: number;
  /** When each of this life's acknowledgements came. */
  readonly times: number[];
}

export async function runKills(options: KillOptions): Promise<KillTotals> {
  const folder = mkdtempSync(join(tmpdir(), "skerry-kills-"));
  const prng = new Prng(options.seed);
  const totals: KillTotals = { rounds: 0, acknowledged: 0, lost: 0, violations: [] };
  const clients = Array.from({ length: clientCount }, (_, number) => newClient(number));
  try {
    for (let round = 0; round <= options.times && totals.violations.length === 0; round++) {
      const node = await startNode(folder, options);
      try {
        if (round > 0) await judge(node.port, clients, options, totals);
        if (round === options.times || totals.violations.length > 0) break;
        await load(node, clients, prng);
        totals.rounds++;
        options.onRound?.(describeRound(totals, folder));
      } finally {
        await node.kill();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return totals;
}

const newClient = (number: number): Client => ({
  number,
  model: new LoadModel(number),
  ...{ sent: 0, acknowledged: 0, times: [] },
});

function describeRound({ rounds, acknowledged, lost }: KillTotals, folder: string): string {
  const size = (folderBytes(folder) / 1024 / 1024).toFixed(1);
  return `killed ${rounds} times: ${acknowledged} acknowledged, ${lost} lost, ${size} MiB on disk`;
}

interface KilledNode {
  readonly port: number;
  kill(): Promise<void>;
}

async function startNode(folder: string, options: KillOptions): Promise<KilledNode> {
  const { fsync, port, signal = "SIGKILL" } = options;
  const own = port ?? (await freePort());
  const flags = ["--port", String(own), "--data-dir", folder, "--fsync", fsync];
  flags.push("--wal-segment-bytes", String(segmentBytes), "--prefix", "lin:=linearizable");
  const child = spawn(process.execPath, [skerryEntry, "serve", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = new Promise<boolean>((resolve) => {
    const onData = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes("Ready to accept")) resolve(true);
    };
    child.stdout.on("data", onData);
    child.stderr.on("data", onData);
    child.once("close", () => resolve(false));
    setTimeout(() => resolve(false), startTimeoutMs).unref();
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const begunMs = performance.now();
    child.kill(signal);
    await ended;
    const isOrderly = child.exitCode === 0 && performance.now() - begunMs < orderlyMsMax;
    if (signal === "SIGTERM" && !isOrderly)
      throw new Error(`the node did not end in order (exit ${child.exitCode}):\n${output}`);
  };
  if (await ready) return { port: own, kill };
  await kill();
  throw new Error(`the node did not start:\n${output}`);
}

/** Everybody sends until the node is killed in the middle of it. */
async function load(node: KilledNode, clients: readonly Client[], prng: Prng): Promise<void> {
  const running = clients.map(async (client) => {
    const connection = await RespConnection.connect(node.port);
    client.sent = client.model.count;
    client.acknowledged = client.model.count;
    client.times.length = 0;
    await sendUntilKilled(client, connection);
    connection.close();
  });
  await sleep(prng.between(...lifeMs));
  await node.kill();
  await Promise.all(running);
}

async function sendUntilKilled(client: Client, connection: RespConnection): Promise<void> {
  const sendSome = (): void => {
    const commands: Buffer[] = [];
    while (client.sent - client.acknowledged < windowCommands)
      commands.push(encodeCommand(client.model.command(client.sent++)));
    connection.send(Buffer.concat(commands));
  };
  try {
    for (;;) {
      sendSome();
      const [reply] = await connection.receive(1);
      if (reply![0] === 0x2d) throw new Error(`refused: ${reply!.toString()}`);
      client.acknowledged++;
      client.times.push(performance.now());
    }
  } catch (error) {
    if (String(error).includes("refused")) throw error;
  }
}

async function judge(
  port: number,
  clients: readonly Client[],
  { fsync, signal }: KillOptions,
  totals: KillTotals,
): Promise<void> {
  const connection = await RespConnection.connect(port);
  for (const client of clients) {
    const { model, sent, acknowledged } = client;
    const replies = await connection.exchange(model.readCommands());
    const found = describeReplies(replies.map(parseReply)).join("\n");
    const isStrict = fsync === "always" || signal === "SIGTERM";
    const needed = isStrict ? acknowledged : neededOf(client);
    let isFound = model.count >= needed && model.describe().join("\n") === found;
    const from = model.count;
    while (!isFound && model.count < sent) {
      model.step();
      if (model.count >= needed) isFound = model.describe().join("\n") === found;
    }
    totals.acknowledged += acknowledged - from;
    totals.lost += Math.max(0, acknowledged - model.count);
    if (isFound) continue;
    const range = `${needed} to ${sent} of client ${client.number}`;
    totals.violations.push(`no first part of commands ${range} gives:\n${found}`);
  }
  connection.close();
}

/** The number of commands that were acknowledged long enough before the kill. */
function neededOf({ times, acknowledged }: Client): number {
  const lastMs = times.at(-1) ?? 0;
  const recent = times.filter((time) => time > lastMs - everySecondMs).length;
  return acknowledged - recent;
}

async function main(): Promise<void> {
  const options = new Command("kills")
    .description("Kills a node under load, again and again, and looks for what it had promised.")
    .option("--times <count>", "kills", integer(1), 200)
    .addOption(
      new Option("--fsync <policy>").choices(["always", "everysec", "no"]).default("always"),
    )
    .option("--seed <seed>", "of the load and the moments (default: drawn)", count)
    .option("--port <port>", "the node's port", integer(1, 65_535))
    .parse()
    .opts<{ times: number; fsync: KillOptions["fsync"]; seed?: number; port?: number }>();
  const seed = options.seed ?? Date.now() % 2 ** 31;
  const { fsync, times, port } = options;
  console.log(`seed ${seed}, fsync ${fsync}`);
  const totals = await runKills({
    ...{ times, fsync, seed },
    ...(port === undefined ? {} : { port }),
    onRound: (line) => process.stdout.write(`${line}\n`),
  });
  for (const violation of totals.violations) console.error(violation.slice(0, 2000));
  const verdict = totals.violations.length === 0 ? "nothing that was promised is missing" : "LOST";
  console.log(`${totals.rounds} kills, ${totals.acknowledged} acknowledged: ${verdict}`);
  if (totals.violations.length > 0) process.exitCode = 1;
}

if (isMain(import.meta.url)) await main();
