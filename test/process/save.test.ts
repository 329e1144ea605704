// What a real node does about its files when it is told to while it runs: save points from a
// redis.conf, another policy, a log where there is no folder for one.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ServerProcess, sleep, whyUnavailable } from "../../scripts/lib/server-process.js";
import { encodeCommand, parseReply, RespConnection } from "../differential/resp-client.js";

const reason = whyUnavailable("skerry");
let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "skerry-save-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

type Ask = (...argv: string[]) => Promise<string>;

/** A node, and one command at a time; the text of its reply, errors included. */
async function withNode(args: readonly string[], work: (ask: Ask) => Promise<void>): Promise<void> {
  const server = await ServerProcess.start("skerry", { args: [...args] });
  try {
    const connection = await RespConnection.connect(server.port);
    await work(async (...argv) => {
      connection.send(encodeCommand(argv));
      const [reply] = await connection.receive(1);
      const { text, items } = parseReply(reply!);
      return text ?? items?.map((item) => item.text).join(" ") ?? "";
    });
    connection.close();
  } finally {
    await server.stop();
  }
}

describe.skipIf(reason !== null)(`save${reason === null ? "" : `: ${reason}`}`, () => {
  test("save: a redis.conf's points are heeded, and the policy changes while the node runs", async () => {
    const conf = join(home, "redis.conf");
    writeFileSync(conf, "save 3600 100\nsave 1 3\n");
    const args = ["--data-dir", join(home, "data"), "--redis-conf", conf];
    await withNode(args, async (ask) => {
      expect(await ask("CONFIG", "GET", "save")).toBe("save 3600 100 1 3");
      for (let i = 0; i < 3; i++) await ask("SET", `k${i}`, "v");
      while (!(await ask("INFO", "persistence")).includes("rdb_saves:1")) await sleep(50);
      expect(await ask("INFO", "persistence")).toContain("rdb_changes_since_last_save:0");
      expect(await ask("CONFIG", "SET", "appendfsync", "always")).toBe("OK");
      expect(await ask("SET", "k", "v")).toBe("OK");
      expect(await ask("CONFIG", "SET", "appendonly", "yes")).toBe("OK");
      expect(await ask("CONFIG", "SET", "appendonly", "no")).toContain("without --data-dir");
    });
    // What nobody asked for is not done: the log keeps all that was written.
    await withNode(["--data-dir", join(home, "data")], async (ask) => {
      expect(await ask("CONFIG", "GET", "save")).toBe("save ");
      expect(await ask("DBSIZE")).toBe("4");
    });
  });

  test("save: a node in memory says that a log needs a folder", async () => {
    await withNode([], async (ask) => {
      expect(await ask("CONFIG", "SET", "appendonly", "no")).toBe("OK");
      expect(await ask("CONFIG", "SET", "appendonly", "yes")).toContain("--data-dir");
      expect(await ask("CONFIG", "GET", "appendonly")).toBe("appendonly no");
    });
  });
});
