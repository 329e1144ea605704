// `npm run check`: what a change must pass before it is committed, in under a minute: format and
// lint, types, house style, and the tests that are quick. `npm test` runs everything. With --write
// it mends what programs can mend (`npm run format`).

import { join } from "node:path";
import { biomeProgram } from "./lib/markdown.js";
import { quickVariable } from "./lib/test-seed.js";
import { isMain, projectFolder, runNode, vitestProgram } from "./project.js";

const packages = join(projectFolder, "node_modules");
const tsc = join(packages, "typescript", "bin", "tsc");
const tidy = join(projectFolder, "dist", "scripts", "tidy.js");
const sim = join(projectFolder, "dist", "src", "bin", "sim.js");

/** Suites that start processes, drive other programs or take long. `npm test` runs them. */
const slowSuites = [
  "test/check/linearizability.test.ts",
  "test/commands/collections-captured.test.ts",
  "test/consensus/service.test.ts",
  "test/house/{help,launch,planted,types}.test.ts",
  "test/keyspace/{arena-sweep,compaction,list-store,zset-table}.test.ts",
  "test/planted/**",
  "test/process/**",
  "test/clients/**",
  "test/differential/**",
  "test/redis-suite/**",
  "test/explore/**",
  "test/replicas/**",
  "test/maelstrom/process.test.ts",
  "test/maelstrom-bench/bench.test.ts",
  "test/node/linearizable-table.test.ts",
  "test/replication/{broadcast,codec,convergence}.test.ts",
  "test/sim/{campaign,giving-up,leaving,logs,page,process,scale,shrink,stores}.test.ts",
  "test/storage/{cluster,durability}.test.ts",
  "test/**/*.slow.test.ts",
];

interface Step {
  readonly name: string;
  readonly args: readonly string[];
}

/** They run beside each other, for each uses one core, and tell what they found when they end. */
const besides: readonly (readonly Step[])[] = [
  [
    { name: "format and lint", args: [biomeProgram, "check", "--error-on-warnings"] },
    // What has not changed since the last build is not looked at again.
    { name: "types", args: [tsc, "--noEmit"] },
    { name: "tidy", args: [tidy] },
  ],
  // Fresh seeds each time, so that every check is also a little search.
  [{ name: "simulation", args: [sim, "--seconds", "6"] }],
];

const quickTests: Step = {
  name: "quick tests",
  args: [
    ...[vitestProgram, "run", "--reporter=dot", "--pool=threads"],
    ...slowSuites.flatMap((pattern) => ["--exclude", pattern]),
  ],
};

/** Answers a line of the summary. */
async function run({ name, args }: Step, passOn: boolean): Promise<string> {
  const env = { [quickVariable]: "1" };
  const { code, ms, output } = await runNode(args, { cwd: projectFolder, passOn, env });
  process.stdout.write(output);
  if (code !== 0) process.exitCode = 1;
  const verdict = code === 0 ? "ok" : "FAILED";
  return `${name.padEnd(18)}${verdict.padEnd(8)}${(ms / 1000).toFixed(1).padStart(6)} s`;
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--write")) {
    // Comments first: the formatter may then still join what they have left.
    for (const command of [
      [tidy, "--write"],
      [biomeProgram, "check", "--write"],
    ]) {
      const { code } = await runNode(command, { cwd: projectFolder, passOn: true });
      if (code !== 0) process.exitCode = 1;
    }
    return;
  }
  const lines = await Promise.all(
    besides.map(async (steps) => {
      const told: string[] = [];
      for (const step of steps) told.push(await run(step, false));
      return told;
    }),
  );
  const summary = [...lines.flat(), await run(quickTests, true)];
  console.log(`\n${summary.join("\n")}`);
}

if (isMain(import.meta.url)) await main(process.argv.slice(2));
