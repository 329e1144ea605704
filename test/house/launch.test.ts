// The way from a checkout to a running program, with real processes: the lock that lets one of many
// build, the launcher that Maelstrom calls, and the door that npm's scripts go through.

import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectFolder } from "../../scripts/project.js";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "skerry-launch-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(
  program: string,
  args: string[],
  cwd: string,
  variables: Readonly<Record<string, string>> = {},
): [ChildProcess, Promise<Ended>] {
  const env = { ...process.env, ...variables };
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
  return [child, ended];
}

/** A process that holds the lock for a while and writes when it got it and when it let go. */
function holder(name: string, holdMs: number): [ChildProcess, Promise<Ended>] {
  const lock = pathToFileURL(join(projectFolder, "scripts", "lock.mjs")).href;
  const code = `
    import { appendFileSync } from "node:fs";
    import { withLock } from ${JSON.stringify(lock)};
    const tell = (what) => appendFileSync("events", ${JSON.stringify(name)} + " " + what + "\\n");
    await withLock("the.lock", (line) => process.stderr.write(line), async () => {
      tell("in");
      await new Promise((resolve) => setTimeout(resolve, ${holdMs}));
      tell("out");
    });`;
  return start(process.execPath, ["--input-type=module", "-e", code], folder);
}

const events = (): string[] =>
  fs.existsSync(join(folder, "events"))
    ? fs.readFileSync(join(folder, "events"), "utf8").trim().split("\n")
    : [];

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("lock: one at a time, and the lock of a dead owner is taken over", async () => {
  const [victim, victimEnded] = holder("victim", 60_000);
  await until(() => events().includes("victim in"));
  const others = ["a", "b", "c", "d"].map((name) => holder(name, 30));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(events()).toEqual(["victim in"]); // Its owner lives, so nobody passes.
  victim.kill("SIGKILL");
  await victimEnded;
  for (const [, ended] of others) expect(await ended).toMatchObject({ code: 0, out: "" });
  const told = events().slice(1);
  expect(told).toHaveLength(8);
  for (let i = 0; i < told.length; i += 2)
    expect(told[i + 1]).toBe(told[i]!.replace(/ in$/, " out")); // Never two inside.
  expect(fs.readdirSync(folder).filter((name) => name !== "events")).toEqual([]);
});

test("lock: a pid that now belongs to another process does not hold it", async () => {
  fs.writeFileSync(join(folder, "the.lock"), `${process.pid} 1`); // We live, but started later.
  const [, ended] = holder("heir", 1);
  expect(await ended).toMatchObject({ code: 0 });
});

/** A checkout that has its packages and was never built. */
function newCheckout(): string {
  const checkout = join(folder, "checkout");
  for (const name of ["src", "maelstrom", "scripts", "package.json", "package-lock.json"])
    fs.cpSync(join(projectFolder, name), join(checkout, name), { recursive: true });
  fs.cpSync(join(projectFolder, "tsconfig.json"), join(checkout, "tsconfig.json"));
  fs.symlinkSync(join(projectFolder, "node_modules"), join(checkout, "node_modules"));
  return checkout;
}

test("launch: many first launches at once, one of them builds, stdout stays the protocol's", async () => {
  const checkout = newCheckout();
  const link = join(folder, "linked-node");
  fs.symlinkSync(join(checkout, "maelstrom", "node"), link);
  const launches = [1, 2, 3, 4].map(() => start(link, ["--help"], tmpdir())[1]);
  const ended = await Promise.all(launches);
  for (const { code, out } of ended) {
    expect(code).toBe(0);
    expect(out.split("\n")[0]).toBe("Usage: skerry maelstrom [options]");
  }
  const builders = ended.filter(({ err }) => err.includes("skerry: compiled in"));
  expect(builders).toHaveLength(1);
  const again = await start(link, ["--help"], tmpdir())[1];
  expect(again).toMatchObject({ code: 0, err: "" });

  // A changed source is built again, once.
  fs.appendFileSync(join(checkout, "src", "base", "assert.ts"), "\n");
  const changed = await start(link, ["--help"], tmpdir())[1];
  expect(changed.err).toContain("skerry: compiled in");
});

/** The modules of files that a program loaded before it ended, from the project's folder. */
async function modulesLoadedBy(program: string, args: string[]): Promise<string[]> {
  const covered = fs.mkdtempSync(join(folder, "covered-"));
  const ended = await start(program, args, tmpdir(), { NODE_V8_COVERAGE: covered })[1];
  expect(ended).toMatchObject({ code: 0, err: "" });
  return fs.readdirSync(covered).flatMap((name) => {
    const text = fs.readFileSync(join(covered, name), "utf8");
    const { result } = JSON.parse(text) as { result: readonly { url: string }[] };
    return result.map(({ url }) => url).filter((url) => url.startsWith("file:"));
  });
}

// Counted, not timed: what a start costs is what it loads, and that nothing is compiled.
test("launch: a built node loads no more than what was asked for needs", async () => {
  const node = join(projectFolder, "maelstrom", "node");
  await start(node, ["--help"], tmpdir())[1]; // Builds if nobody has.
  const help = await modulesLoadedBy(node, ["--help"]);
  expect(help.length).toBeGreaterThan(3);
  expect(help.length).toBeLessThan(30);
  const served = await modulesLoadedBy(node, []);
  expect(served.length).toBeGreaterThan(help.length);
  expect(served.filter((url) => /tcp-host|peer-host|typescript|src.sim/.test(url))).toEqual([]);
});

test.each([
  ["CI", "true", 1],
  ["a desk", "", 0],
])("setup: on %s a missing component is told by name", async (_where, ci, expected) => {
  const setup = pathToFileURL(join(projectFolder, "scripts", "setup.mjs")).href;
  // Nothing is on this path, apt-get included.
  const code = `
    process.env.PATH = "";
    process.env.CI = ${JSON.stringify(ci)};
    const { ensureTestComponents, say } = await import(${JSON.stringify(setup)});
    await ensureTestComponents().catch((error) => {
      say(error.message);
      process.exitCode = 1;
    });`;
  const args = ["--input-type=module", "-e", code];
  const ended = await start(process.execPath, args, folder)[1];
  expect(ended).toMatchObject({ code: expected, out: "" });
  expect(ended.err).toContain("because redis-server is missing (apt-get install redis-server)");
  expect(ended.err).toContain("because tclsh is missing (apt-get install tcl)");
});

test("run: an unknown command lists the known ones", async () => {
  const door = join(projectFolder, "scripts", "run.mjs");
  const { code, out, err } = await start(process.execPath, [door, "sevre"], tmpdir())[1];
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(/there is no command "sevre"\n {2}serve {2}/);
});
