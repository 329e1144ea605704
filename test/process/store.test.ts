// Real nodes that stream their log into an object store: the machine is lost and comes back from a
// folder or from S3, a second node takes over, backups are made and restored to a moment, and a
// store that cannot hold a manifest is refused.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  ServerProcess,
  skerryEntry,
  sleep,
  whyUnavailable,
} from "../../scripts/lib/server-process.js";
import { encodeCommand, parseReply, RespConnection } from "../differential/resp-client.js";
import { S3Server } from "../s3/s3-server.js";
import { credentials } from "../storage/stores.js";

const reason = whyUnavailable("skerry");
/** Of each attempt at a test one of its own. */
let home = "";
const environment = { ...process.env };
const run = promisify(execFile);

beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
  process.env.AWS_REGION = "eu-central-1";
});

afterAll(() => {
  process.env = environment;
});

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "skerry-store-process-"));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const inFolder = (name: string): string[] => [
  "--store",
  "localfs",
  "--store-path",
  join(home, name),
];

interface NodeAtWork {
  readonly server: ServerProcess;
  /** One command; the text of its reply, errors included. */
  ask(...argv: string[]): Promise<string>;
  kill(): Promise<void>;
}

async function startNode(folder: string, flags: readonly string[]): Promise<NodeAtWork> {
  const args = ["--data-dir", join(home, folder), "--store-interval-ms", "20", ...flags];
  const server = await ServerProcess.start("skerry", { args });
  const connection = await RespConnection.connect(server.port);
  return {
    server,
    ask: async (...argv) => {
      connection.send(encodeCommand(argv));
      const [frame] = await connection.receive(1);
      const { text, items } = parseReply(frame!);
      return text ?? JSON.stringify(items?.map((item) => item.text));
    },
    kill: async () => {
      const ended = new Promise((resolve) => server.child.once("exit", resolve));
      server.child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs a tool; what it wrote, and whether it ended well. */
async function tool(...args: string[]): Promise<{ code: number; text: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [skerryEntry, ...args]);
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

async function fill(node: NodeAtWork): Promise<void> {
  await node.ask("SET", "text", "gone");
  await node.ask("RPUSH", "list", "a", "b", "c");
  await node.ask("HSET", "hash", "field", "value");
  await node.ask("SADD", "set", "x", "y");
  await node.ask("ZADD", "zset", "1.5", "m");
  await node.ask("INCRBY", "count", "41");
  await node.ask("DEL", "text");
  await node.ask("INCR", "count");
  expect(await node.ask("SKERRY.STORED")).toBe("OK");
}

describe.skipIf(reason !== null)(`stores${reason === null ? "" : `: ${reason}`}`, () => {
  test("store: a node whose folder is gone comes back from a folder of objects", async () => {
    const flags = inFolder("objects");
    const node = await startNode("lost", flags);
    await fill(node);
    const digest = await node.ask("SKERRY.DIGEST");
    await node.kill();
    rmSync(join(home, "lost"), { recursive: true });
    const again = await startNode("lost", flags);
    expect(again.server.output).toMatch(/brought back \d+ records/);
    expect(await again.ask("SKERRY.DIGEST")).toBe(digest);
    expect(await again.ask("EXISTS", "text")).toBe("0");
    expect(await again.ask("INCR", "count")).toBe("43");
    await again.ask("BGSAVE");
    expect(await again.ask("SKERRY.STORED")).toBe("OK");
    const info = await again.ask("INFO", "persistence");
    expect(info).toContain("store_status:streaming");
    expect(info).toContain("store_epoch:2");

    // Another node takes over while this one runs: from then on it says that nothing is stored.
    const other = await startNode("other", flags);
    expect(await other.ask("GET", "count")).toBe("43");
    await again.ask("SET", "late", "1");
    expect(await again.ask("SKERRY.STORED")).toMatch(/^ERR .*fenced/);
    expect(await again.ask("INFO", "persistence")).toContain("store_status:fenced");
    expect(await other.ask("EXISTS", "late")).toBe("0");
    await again.kill();
    // A node that ends in order leaves nothing behind that only its folder has.
    await other.ask("SET", "last", "1");
    await other.server.stop();
    rmSync(join(home, "other"), { recursive: true });
    const last = await startNode("other", flags);
    expect(await last.ask("GET", "last")).toBe("1");
    await last.server.stop();
    const refused = await tool("serve", "--port", "0", "--data-dir", join(home, "lost"), ...flags);
    expect(refused.code).toBe(1);
    expect(refused.text).toContain("the object store was taken over by n1-");
  }, 240_000);

  test("store: backup, inspect, restore to a moment, and a damaged backup", async () => {
    const flags = [...inFolder("history"), "--store-retention-s", "3600"];
    const node = await startNode("first", flags);
    await node.ask("SET", "key", "early");
    await node.ask("BGSAVE");
    await sleep(20);
    const moment = new Date((await serverMs(node)) - 5).toISOString();
    await node.ask("SET", "key", "late");
    await node.ask("SET", "more", "1");
    expect(await node.ask("SKERRY.STORED")).toBe("OK");
    const copy = join(home, "copy");
    const copied = await tool("backup", copy, ...inFolder("history"));
    expect([copied.code, copied.text]).toEqual([0, expect.stringContaining("copied")]);
    const listed = await tool("inspect", "--from", copy, "--verify");
    expect(listed.text).toContain("every object is what the manifest says");
    expect(listed.text).toContain("can be restored");

    const target = ["--data-dir", join(home, "past"), "--from", copy];
    const restored = await tool("restore", ...target, "--to", moment);
    expect([restored.code, restored.text]).toEqual([0, expect.stringContaining("restored")]);
    expect((await tool("restore", ...target)).text).toContain("holds a log already");
    const past = await startNode("past", inFolder("branch"));
    expect(await past.ask("GET", "key")).toBe("early");
    expect(await past.ask("EXISTS", "more")).toBe("0");
    await past.server.stop();
    await node.server.stop();
    const segments = join(copy, "segments");
    writeFileSync(join(segments, readdirSync(segments).sort().at(-1)!), "nothing");
    const damaged = await tool("inspect", "--from", copy, "--verify");
    expect([damaged.code, damaged.text]).toEqual([1, expect.stringContaining("is damaged")]);
    const failed = await tool("restore", "--data-dir", join(home, "none"), "--from", copy);
    expect([failed.code, failed.text]).toEqual([1, expect.stringContaining("bytes instead of")]);
  }, 240_000);

  test("store: a node comes back from S3 over failures; one that ignores conditions is refused", async () => {
    let asked = 0;
    const s3 = new S3Server({
      bucket: "bucket",
      credentials,
      fault: () =>
        ++asked % 7 === 0
          ? { kind: "error_after_commit" }
          : asked % 5 === 0
            ? { kind: "refuse", status: 503, code: "SlowDown" }
            : undefined,
    });
    const endpoint = await s3.listen();
    const flags = ["--store", "s3", "--s3-bucket", "bucket", "--s3-prefix", "a/b"];
    const node = await startNode("s3", [...flags, "--s3-endpoint", endpoint]);
    await fill(node);
    const digest = await node.ask("SKERRY.DIGEST");
    await node.kill();
    rmSync(join(home, "s3"), { recursive: true });
    expect([...s3.objects.keys()]).toContain("a/b/n1/manifest");
    const again = await startNode("s3", [...flags, "--s3-endpoint", endpoint]);
    expect(await again.ask("SKERRY.DIGEST")).toBe(digest);
    await again.server.stop();
    await s3.close();

    const careless = new S3Server({ bucket: "bucket", credentials, ignoresConditions: true });
    const place = ["--s3-endpoint", await careless.listen()];
    const args = ["serve", "--port", "0", "--data-dir", join(home, "careless"), ...flags, ...place];
    const refused = await tool(...args);
    expect(refused.code).toBe(1);
    expect(refused.text).toContain("does not honour conditional puts");
    expect(existsSync(join(home, "careless", "lock"))).toBe(false);
    await careless.close();
  }, 240_000);
});

async function serverMs(node: NodeAtWork): Promise<number> {
  const [seconds, micros] = JSON.parse(await node.ask("TIME")) as string[];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
