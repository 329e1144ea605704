// The one door of the checkout: `node scripts/run.mjs [--tests] COMMAND ARGS`. It prepares what is
// not ready (packages, build, with --tests also Debian packages) and then becomes the command: the
// compiled entry is imported into this very process, so the pid and the signals are the program's
// own.

import { pathToFileURL } from "node:url";
import { build, ensureReady, ensureTestComponents, root, SetupError, say } from "./setup.mjs";

/**
 * A command is a compiled module and the arguments put before the caller's. Where it has no command
 * line of its own, `takes` are all the words it knows.
 */
const commands = {
  serve: { entry: "src/bin/skerry.js", args: ["serve"], does: "start a node that speaks Redis" },
  skerry: { entry: "src/bin/skerry.js", args: [], does: "the skerry program itself" },
  test: { entry: "scripts/test.js", args: [], does: "every test, then the planted bugs" },
  check: {
    ...{ entry: "scripts/check.js", args: [], takes: [] },
    does: "format, lint, types, tidy, quick tests",
  },
  format: {
    ...{ entry: "scripts/check.js", args: ["--write"], takes: [] },
    does: "mend what the formatter can",
  },
  tidy: {
    ...{ entry: "scripts/tidy.js", args: [], takes: ["--write"] },
    does: "arrows, purity and house style (--write wraps comments)",
  },
  planted: { entry: "scripts/planted.js", args: [], does: "plant each bug, see it caught" },
  maelstrom: { entry: "maelstrom/bench.js", args: [], does: "run a workload on real processes" },
  "maelstrom-official": { entry: "maelstrom/official.js", args: [], does: "run Maelstrom itself" },
  sim: { entry: "src/bin/sim.js", args: [], does: "run seeds through the simulator" },
  "bug-seeds": { entry: "scripts/bug-seeds.js", args: [], does: "seeds until each bug is found" },
  mutants: { entry: "scripts/mutants.js", args: [], does: "change the code, see a suite fail" },
  explore: { entry: "test/explore/main.js", args: [], does: "every schedule of tiny clusters" },
  replicas: { entry: "test/replicas/main.js", args: [], does: "three replicas, random histories" },
  bench: { entry: "scripts/bench.js", args: [], does: "measure against redis-server" },
  pauses: { entry: "scripts/pauses.js", args: [], does: "measure pauses up to ten million keys" },
  cluster: { entry: "scripts/cluster.js", args: [], does: "start a cluster to try out" },
  "cluster-test": { entry: "scripts/cluster-test.js", args: [], does: "a cluster under faults" },
  kills: { entry: "scripts/kills.js", args: [], does: "kill a node under load, miss nothing" },
  recovery: { entry: "scripts/recovery.js", args: [], does: "time how a node reads its log" },
  "store-trials": {
    entry: "scripts/store-trials.js",
    args: [],
    does: "a store that fails, by seed",
  },
  "redis-suite": { entry: "scripts/redis-suite.js", args: [], does: "run Redis's own test suite" },
  differential: { entry: "scripts/differential.js", args: [], does: "compare with redis-server" },
  tla: { entry: "scripts/tla2tools-runner.js", args: [], does: "have TLC check specs/" },
  "command-table": { entry: "scripts/command-table.js", args: [], does: "write specs/commands.md" },
  "linearizable-table": {
    ...{ entry: "scripts/linearizable-table.js", args: [], takes: [] },
    does: "write specs/linearizable.md",
  },
  "conflict-table": {
    ...{ entry: "scripts/conflict-table.js", args: [], takes: [] },
    does: "write specs/conflicts.md",
  },
  build: { takes: [], does: "install packages and compile" },
};

async function main(argv) {
  const wantsTests = argv[0] === "--tests";
  const [name, ...args] = wantsTests ? argv.slice(1) : argv;
  const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
  if (command === undefined) {
    say(name === undefined ? "which command?" : `there is no command "${name}"`);
    for (const [known, { does }] of Object.entries(commands))
      process.stderr.write(`  ${known.padEnd(20)}${does}\n`);
    process.exitCode = 1;
    return;
  }
  const stranger = args.find((arg) => command.takes?.includes(arg) === false);
  if (stranger !== undefined) {
    const isHelp = stranger === "--help" || stranger === "-h";
    say(isHelp ? `${name}: ${command.does}` : `${name} does not know "${stranger}"`);
    if (!isHelp) process.exitCode = 1;
    return;
  }
  if (command.entry === undefined) {
    if (!(await build())) process.exitCode = 1;
    return;
  }
  await ensureReady();
  if (wantsTests) await ensureTestComponents();
  const entry = `${root}dist/${command.entry}`;
  process.argv = [process.argv[0], entry, ...command.args, ...args];
  await import(pathToFileURL(entry).href);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
