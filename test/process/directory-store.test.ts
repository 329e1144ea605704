// Object stores in one folder, of processes of their own that are killed: compare-and-swap holds
// between them, and nobody who dies stands in the way of the others.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { testSeed } from "../../scripts/lib/test-seed.js";
import { projectFolder } from "../../scripts/project.js";
import { Prng } from "../../src/base/prng.js";
import { DirectoryStore } from "../../src/host/object-store-directory.js";
import { textOf } from "../storage/stores.js";

const compiled = join(projectFolder, "dist/src/host/object-store-directory.js");

/** Adds lines to one object by compare-and-swap, and says of each what it was told. */
const writerProgram = `
import { writeSync } from "node:fs";
const [, module, folder, writer] = process.argv;
const { DirectoryStore } = await import(module);
const store = new DirectoryStore(folder);
const say = (text) => writeSync(1, text + "\\n");
const next = (i) => store.get("log", undefined, (found) => {
  if (!found.ok) throw new Error(found.error.message);
  const line = writer + ":" + i;
  const text = Buffer.from(found.value.bytes).toString() + line + "\\n";
  const condition = { kind: "if_match", tag: found.value.tag };
  store.put("log", Buffer.from(text), condition, (result) => {
    say((result.ok ? "ok" : result.error.name) + " " + line);
    next(i + 1);
  });
});
next(0);
`;

interface Writer {
  readonly child: ChildProcess;
  /** What it said, `outcome line` each. */
  readonly said: () => string[];
}

function startWriter(folder: string, name: string): Writer {
  const args = ["--input-type=module", "-e", writerProgram, pathToFileURL(compiled).href];
  const child = spawn(process.execPath, [...args, folder, name]);
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => {
    output += bytes.toString();
  });
  return { child, said: () => output.split("\n").slice(0, -1) };
}

const kill = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => {
    child.once("close", resolve);
    child.kill("SIGKILL");
  });

const isThere = existsSync(compiled);

test.skipIf(!isThere)(
  "directory: of writers that are killed at any moment no step is lost and none is denied",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "skerry-writers-"));
    const store = new DirectoryStore(folder);
    const start = new Uint8Array(0);
    await new Promise((resolve) => store.put("log", start, { kind: "if_absent" }, resolve));
    const prng = new Prng(testSeed("SKERRY_SEED"));
    const all: Writer[] = [];
    const running: Writer[] = [];
    const begin = () => {
      const writer = startWriter(folder, `w${all.length}`);
      all.push(writer);
      running.push(writer);
    };
    for (let i = 0; i < 3; i++) begin();
    for (let kills = 0; kills < 8; kills++) {
      await new Promise((resolve) => setTimeout(resolve, prng.between(100, 400)));
      await kill(running.splice(prng.below(running.length), 1)[0]!.child);
      begin();
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const { child } of running) await kill(child);

    const lines = (await textOf(store, "log")).trim().split("\n");
    const present = new Set(lines);
    expect(lines).toHaveLength(present.size);
    const counts = new Map<string, number>();
    for (const said of all.flatMap((writer) => writer.said())) {
      const [outcome, line] = said.split(" ") as [string, string];
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (outcome === "ok") expect([said, present.has(line)]).toEqual([said, true]);
      else if (outcome !== "timeout") expect([said, present.has(line)]).toEqual([said, false]);
    }
    expect(counts.get("ok")).toBeGreaterThan(50);
    expect(counts.get("precondition_failed")).toBeGreaterThan(5);
    // Contents that count, and what the killed were writing; nothing else is left.
    const contents = readdirSync(folder).filter((name) => name.startsWith("log@"));
    expect(contents.length).toBeLessThanOrEqual(4);
    rmSync(folder, { recursive: true });
    if (process.env.SHOW) console.log(counts, lines.length);
  },
  60_000,
);
