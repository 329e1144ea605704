// `npm run recovery`: how long does a node take to read its log again, and its checkpoint, and how
// much memory does it need meanwhile? A real node is filled, killed, and started on the same
// folder.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Command } from "commander";
import { integer } from "../src/bin/option-values.js";
import { parseReply, RespConnection } from "../test/differential/resp-client.js";
import { folderBytes } from "./lib/folder-bytes.js";
import { ServerProcess } from "./lib/server-process.js";
import { isMain } from "./project.js";

/** What the second goal of durability allows: seconds, and memory as a multiple of the data's. */
const secondsMax = 40;
const memoryRatioMax = 2;
const startTimeoutMs = 600_000;
const commandsPerBatch = 2000;
const MiB = 1024 * 1024;

interface Recovered {
  readonly seconds: number;
  readonly keys: number;
  /** The most memory that the process had while it read, and what it had before it was killed. */
  readonly peakBytes: number;
  readonly residentBytes: number;
  readonly diskBytes: number;
}

const startNode = (folder: string): Promise<ServerProcess> =>
  ServerProcess.start("skerry", {
    args: ["--data-dir", folder, "--fsync", "everysec"],
    timeoutMs: startTimeoutMs,
  });

async function ask(port: number, ...argv: string[]): Promise<string> {
  const connection = await RespConnection.connect(port);
  const [reply] = await connection.exchange([argv], startTimeoutMs);
  connection.close();
  return parseReply(reply!).text ?? "";
}

/** Keys of 16 bytes with values of 32, as the memory goals count them. */
async function fill(port: number, keys: number): Promise<void> {
  const connection = await RespConnection.connect(port);
  for (let from = 0; from < keys; from += commandsPerBatch) {
    const commands: string[][] = [];
    for (let i = from; i < Math.min(from + commandsPerBatch, keys); i++) {
      const digits = String(i).padStart(12, "0");
      commands.push(["SET", `key:${digits}`, `${digits}${"v".repeat(20)}`]);
    }
    for (const reply of await connection.exchange(commands))
      if (reply[0] !== 0x2b) throw new Error(reply.toString());
  }
  connection.close();
}

async function killAndStart(
  node: ServerProcess,
  folder: string,
): Promise<{ node: ServerProcess; result: Recovered }> {
  const residentBytes = node.residentBytes();
  const ended = new Promise((resolve) => node.child.once("exit", resolve));
  node.child.kill("SIGKILL");
  await ended;
  const diskBytes = folderBytes(folder);
  const begunMs = performance.now();
  const next = await startNode(folder);
  const seconds = (performance.now() - begunMs) / 1000;
  const peakBytes = next.peakBytes();
  const keys = Number(await ask(next.port, "DBSIZE"));
  return { node: next, result: { seconds, keys, peakBytes, residentBytes, diskBytes } };
}

function tell(name: string, wanted: number, result: Recovered): boolean {
  const { seconds, keys, peakBytes, residentBytes, diskBytes } = result;
  const inMiB = (bytes: number): string => `${(bytes / MiB).toFixed(0)} MiB`;
  const ratio = peakBytes / residentBytes;
  console.log(
    `${name}, ${inMiB(diskBytes)} on disk: ${keys} keys in ${seconds.toFixed(1)} s, ` +
      `${(keys / seconds / 1000).toFixed(0)} thousand/s; at most ${inMiB(peakBytes)} of memory, ` +
      `${ratio.toFixed(2)} of the ${inMiB(residentBytes)} before the kill`,
  );
  if (keys !== wanted) console.error(`${wanted} keys were written, ${keys} are there`);
  return keys === wanted && seconds <= secondsMax && ratio <= memoryRatioMax;
}

async function main(): Promise<void> {
  const { keys } = new Command("recovery")
    .description("Fills a node, kills it, and times how it reads its log and its checkpoint.")
    .option("--keys <count>", "keys of 16 bytes with values of 32", integer(1), 10_000_000)
    .parse()
    .opts<{ keys: number }>();
  const folder = mkdtempSync(join(tmpdir(), "skerry-recovery-"));
  let node = await startNode(folder);
  try {
    await fill(node.port, keys);
    // A kill leaves what was written to the system's memory; this is the end of the last group.
    await ask(node.port, "CONFIG", "SET", "appendfsync", "always");
    await ask(node.port, "SET", `key:${"0".repeat(12)}`, `${"0".repeat(12)}${"v".repeat(20)}`);
    const ofLog = await killAndStart(node, folder);
    node = ofLog.node;
    let isGood = tell("the log", keys, ofLog.result);
    await ask(node.port, "SAVE");
    const ofCheckpoint = await killAndStart(node, folder);
    node = ofCheckpoint.node;
    isGood = tell("the checkpoint", keys, ofCheckpoint.result) && isGood;
    if (isGood) console.log(`within ${secondsMax} s and ${memoryRatioMax} times the memory`);
    else process.exitCode = 1;
  } finally {
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) await main();
