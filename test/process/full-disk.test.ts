// A real node whose disk is full: a small file system of its own, where that may be mounted.
// Clients get a clear error, reads go on, nothing acknowledged is lost, and writing goes on by
// itself once there is room.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, skerryEntry, sleep, whyUnavailable } from "../../scripts/lib/server-process.js";
import { RespConnection } from "../differential/resp-client.js";

let folder = "";
const whyNoMount = (): string | null => {
  folder = mkdtempSync(join(tmpdir(), "skerry-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], { stdio: "ignore" });
    return null;
  } catch {
    return "no file system can be mounted here";
  }
};
const reason = whyUnavailable("skerry") ?? whyNoMount();

const children: ChildProcess[] = [];

async function startNode(
  port: number,
): Promise<{ kill(signal: NodeJS.Signals): Promise<number | null> }> {
  const data = join(folder, "data");
  const flags = ["--port", String(port), "--data-dir", data, "--fsync", "always"];
  const child = spawn(process.execPath, [skerryEntry, "serve", ...flags], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("Ready to accept")) resolve();
    });
    child.once("close", () => reject(new Error("the node did not start")));
  });
  return {
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

describe.skipIf(reason !== null)(`full disk${reason === null ? "" : `: ${reason}`}`, () => {
  const filler = (): string => join(folder, "filler");
  beforeAll(() => {
    mkdirSync(join(folder, "data"));
    writeFileSync(filler(), new Uint8Array(1024 * 1024));
  });
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
    execFileSync("umount", [folder], { stdio: "ignore" });
    rmSync(folder, { recursive: true, force: true });
  });

  test("log: a full disk refuses writes, loses nothing, and takes them again when there is room", async () => {
    const port = await freePort();
    let node = await startNode(port);
    const acknowledged: string[] = [];
    const value = "v".repeat(5000);
    let refusal = "";
    for (let i = 0; i < 1000 && refusal === ""; i++) {
      const connection = await RespConnection.connect(port);
      const reply = await connection.call("SET", `key:${i}`, `${value}${i}`);
      if (reply.type === "-") refusal = reply.text ?? "";
      else acknowledged.push(`key:${i}`);
      connection.close();
    }
    expect(refusal).toBe("MISCONF Errors writing to the log: No space left on device");
    expect(acknowledged.length).toBeGreaterThan(50);

    const connection = await RespConnection.connect(port);
    const again = await connection.call("INCR", "n");
    expect(again.text).toMatch(/^MISCONF /);
    expect((await connection.call("GET", acknowledged[0]!)).text).toBe(`${value}0`);
    const info = (await connection.call("INFO", "persistence")).text ?? "";
    expect(info).toContain("log_error:No space left on device");
    expect(info).toContain("aof_last_write_status:err");

    rmSync(filler());
    for (let tries = 0; tries < 100; tries++) {
      if ((await connection.call("SET", "after", "room")).type === "+") break;
      await sleep(50);
    }
    expect((await connection.call("GET", "after")).text).toBe("room");
    connection.close();
    await node.kill("SIGKILL");

    node = await startNode(port);
    const reader = await RespConnection.connect(port);
    for (const key of acknowledged)
      expect((await reader.call("GET", key)).text).toBe(`${value}${key.slice(4)}`);
    expect((await reader.call("GET", "after")).text).toBe("room");
    reader.close();
    expect(await node.kill("SIGTERM")).toBe(0);
  });

  test("log: a folder that cannot be used ends the start with its reason", async () => {
    const file = join(folder, "a file");
    writeFileSync(file, "");
    const flags = ["--port", String(await freePort()), "--data-dir", join(file, "data")];
    const { status, stderr } = spawnSync(process.execPath, [skerryEntry, "serve", ...flags], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(stderr).toMatch(/^skerry: the data folder is not usable: /m);
    expect(status).toBe(1);
  });
});
