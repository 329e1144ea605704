// Runs Redis's own Tcl suite against Skerry (or, to measure what is right, against redis-server
// itself):
//   npm run redis-suite -- [--unit U]... [--profile core|full|spawn] [--mode external|spawn]
//   [--tags "..."]
//                          [--only NAME]... [--against skerry|redis] [--update] [--json FILE]
// One fresh server per unit, because a failed test leaves its CONFIG behind. Two committed files
// judge the result: denominators.json (what the real server passes with the same flags) and
// expected.json (what we passed before, a ratchet that only rises). `--update` writes the one that
// belongs to `--against`.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { type ServerKind, whyUnavailable } from "./lib/server-process.js";
import { cacheFolder, projectFolder, skipOrFail } from "./project.js";
import {
  absentCommand,
  digestOf,
  hashesOf,
  missingFrom,
  nameHash,
  type UnitLog,
} from "./redis-suite-log.js";
import { type ProfileName, profiles, stringAndKeyUnits } from "./redis-suite-profiles.js";
import { runUnit } from "./redis-suite-run.js";
import { readSkips, type Skip } from "./redis-suite-skips.js";
import { obtainSuite } from "./redis-suite-source.js";

interface Passed {
  readonly ok: number;
  readonly digest: string;
  /** Sorted hashes of the names, separated by spaces. */
  readonly names: string;
}
type Ledger = Record<string, Record<string, Passed>>;

const folder = join(projectFolder, "test", "redis-suite");
const denominatorsFile = join(folder, "denominators.json");
const expectedFile = join(folder, "expected.json");
const missingShownMax = 12;

function readLedger(file: string): Ledger {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Ledger;
  } catch {
    return {};
  }
}

function writeLedger(file: string, ledger: Ledger): void {
  for (const profile of Object.keys(ledger))
    ledger[profile] = Object.fromEntries(Object.entries(ledger[profile]!).sort());
  writeFileSync(file, `${JSON.stringify(ledger, null, 2)}\n`);
}

function toPassed(log: UnitLog): Passed {
  const hashes = hashesOf(log.ok);
  return { ok: hashes.length, digest: digestOf(hashes), names: hashes.join(" ") };
}

const hashList = (passed: Passed | undefined): string[] =>
  passed === undefined || passed.names === "" ? [] : passed.names.split(" ");

/**
 * Names seen in any earlier log of this checkout, by hash, so that a missing test can be called by
 * its name.
 */
class NameBook {
  readonly #file = join(cacheFolder("redis-suite"), "names.json");
  readonly #names: Map<string, string>;

  constructor() {
    try {
      this.#names = new Map(JSON.parse(readFileSync(this.#file, "utf8")) as [string, string][]);
    } catch {
      this.#names = new Map();
    }
  }

  learn(log: UnitLog): void {
    for (const name of [...log.ok, ...log.err]) this.#names.set(nameHash(name), name);
    writeFileSync(this.#file, JSON.stringify([...this.#names]));
  }

  name(hash: string): string {
    return this.#names.get(hash) ?? `(name not seen here, ${hash})`;
  }
}

interface Verdict {
  readonly log: UnitLog;
  readonly redis: number;
  /** Passed by Redis, not by us, and not excused by the skip file. */
  readonly missing: readonly string[];
  /** Passed by us before. */
  readonly lost: readonly string[];
  readonly gained: number;
}

function judge(log: UnitLog, redis: string[], before: string[], skips: readonly Skip[]): Verdict {
  const ours = hashesOf(log.ok);
  const excused = skips.filter((skip) => skip.isExcused && skip.covers(log.unit));
  const excusedHashes = excused.map((skip) => nameHash(skip.name));
  const judged = missingFrom(redis, excusedHashes);
  return {
    log,
    redis: judged.length,
    missing: missingFrom(judged, ours),
    lost: missingFrom(missingFrom(before, excusedHashes), ours),
    gained: missingFrom(ours, before).length,
  };
}

function printTable(verdicts: readonly Verdict[], against: ServerKind, book: NameBook): void {
  const width = Math.max(4, ...verdicts.map((each) => each.log.unit.length));
  const ours = against === "redis" ? "now" : "ours";
  console.log(
    `\n${"unit".padEnd(width)}  ${ours.padStart(5)}  redis  missing names (of ${against})`,
  );
  let passed = 0;
  let wanted = 0;
  for (const { log, redis, missing, lost } of verdicts) {
    const names = missing.map((hash) => book.name(hash));
    const absent = names.map((name) => absentCommand(log.why[name]));
    const notes = names.filter((_, at) => absent[at] === undefined).slice(0, missingShownMax);
    const waiting = absent.filter((command) => command !== undefined);
    if (waiting.length > 0)
      notes.push(`${waiting.length} for want of ${[...new Set(waiting)].sort().join(" ")}`);
    const rest = missing.length - waiting.length - missingShownMax;
    if (rest > 0) notes.push(`and ${rest} more`);
    if (log.hung) notes.unshift("HUNG");
    for (const each of log.exception) notes.unshift(`EXCEPTION ${each.slice(0, 100)}`);
    for (const each of lost) notes.unshift(`LOST ${book.name(each)}`);
    const count = String(redis - missing.length).padStart(5);
    console.log(
      `${log.unit.padEnd(width)}  ${count}  ${String(redis).padStart(5)}  ${notes.join(" | ")}`,
    );
    passed += redis - missing.length;
    wanted += redis;
  }
  const share = wanted === 0 ? 100 : (100 * passed) / wanted;
  console.log(
    `${"total".padEnd(width)}  ${String(passed).padStart(5)}  ${String(wanted).padStart(5)}  ` +
      `${share.toFixed(1)} %`,
  );
}

interface Options {
  readonly unit: readonly string[];
  readonly profile?: ProfileName;
  readonly mode?: "external" | "spawn";
  readonly tags?: string;
  readonly only: readonly string[];
  readonly against: ServerKind;
  readonly update?: true;
  readonly json?: string;
  readonly all?: true;
}

function readOptions(): Options & { profile: ProfileName } {
  const names = Object.keys(profiles);
  const options = new Command("redis-suite")
    .description("Runs Redis's own Tcl suite; a name that passed before must pass again.")
    .option("--unit <units...>", "these units alone, as string or type/list", [])
    .addOption(new Option("--profile <name>", "a set of flags and units").choices(names))
    .addOption(new Option("--mode <mode>", "who starts servers").choices(["external", "spawn"]))
    .option("--tags <tags>", "the suite's tags, instead of the profile's")
    .option("--only <names...>", "these tests alone", [])
    .addOption(new Option("--against <server>").choices(["skerry", "redis"]).default("skerry"))
    .option("--update", "write what was measured into the ledger")
    .option("--json <file>", "write the results there")
    .option("--all", "all units of the profile")
    .parse()
    .opts<Options>();
  const profile = options.profile ?? (options.mode === "spawn" ? "spawn" : "core");
  return { ...options, profile };
}

async function main(): Promise<void> {
  const options = readOptions();
  const profile = { ...profiles[options.profile] };
  // A changed set of tests is for looking around; only the pinned flags may move the ledgers.
  const isPinned = options.tags === undefined && options.only.length === 0;
  if (options.tags !== undefined) profile.tags = options.tags;
  const unavailable = whyUnavailable(options.against);
  if (unavailable !== null) skipOrFail(unavailable);
  if (spawnSync("tclsh", [], { input: "exit 0\n" }).status !== 0)
    skipOrFail("tclsh is not installed");
  const suite = obtainSuite();
  if (suite.kind === "missing") skipOrFail(suite.reason);

  const units =
    options.unit.length > 0
      ? options.unit.map((unit) => (unit.startsWith("unit/") ? unit : `unit/${unit}`))
      : options.profile === "core" && !options.all && options.against === "skerry"
        ? stringAndKeyUnits
        : profile.units;
  const skips = readSkips(join(folder, "skip.txt"));
  const denominators = readLedger(denominatorsFile);
  const expected = readLedger(expectedFile);
  const book = new NameBook();
  console.log(`suite: ${suite.origin} · ${options.profile} · ${profile.flags.join(" ")}`);
  console.log(`tags: ${profile.tags} · server: ${options.against}`);

  const verdicts: Verdict[] = [];
  for (const unit of units) {
    const log = await runUnit({
      ...{ suiteFolder: suite.folder, unit, profile, against: options.against },
      ...{ only: options.only, skips: skips.filter((skip) => skip.covers(unit)) },
    });
    book.learn(log);
    const redis = hashList(denominators[options.profile]?.[unit]);
    const before = hashList(expected[options.profile]?.[unit]);
    const isOurs = options.against === "skerry" && isPinned;
    verdicts.push(judge(log, isPinned ? redis : hashesOf(log.ok), isOurs ? before : [], skips));
    const state = `${log.ok.length} ok, ${log.err.length} err${log.hung ? ", HUNG" : ""}`;
    console.log(`${unit}: ${state}`);
    for (const name of log.err)
      if (!isPinned || absentCommand(log.why[name]) === undefined)
        console.log(`  err ${name}: ${log.why[name]}`);
  }
  printTable(verdicts, options.against, book);
  const results = options.json ?? join(cacheFolder("redis-suite"), `${options.profile}.json`);
  writeFileSync(results, JSON.stringify(verdicts, null, 1));

  const lost = verdicts.filter((each) => each.lost.length > 0);
  if (options.update && isPinned && lost.length === 0) update(options, verdicts);
  else if (verdicts.some((each) => each.gained > 0) && options.against === "skerry" && isPinned)
    console.log("More tests pass than expected.json holds: run again with --update.");
  if (lost.length > 0) {
    console.log(`FAILED: ${lost.length} unit(s) lost tests that passed before (marked LOST)`);
    process.exitCode = 1;
  }
}

function update(
  options: { profile: ProfileName; against: ServerKind },
  verdicts: readonly Verdict[],
): void {
  const file = options.against === "redis" ? denominatorsFile : expectedFile;
  const ledger = readLedger(file);
  ledger[options.profile] ??= {};
  for (const { log } of verdicts) ledger[options.profile]![log.unit] = toPassed(log);
  writeLedger(file, ledger);
  console.log(`wrote ${file}`);
}

await main();
