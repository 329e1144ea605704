// `npm run check`: what a change must pass before it is committed, in under a minute: format and
// lint, types, house style, and the tests that are quick. `npm test` runs everything. With --write
// it mends what programs can mend (`npm run format`).

import { join } from "node:path";
import { biomeProgram } from "./lib/markdown.js";
import { isMain, projectFolder, runNode, vitestProgram } from "./project.js";

const packages = join(projectFolder, "node_modules");
const tsc = join(packages, "typescript", "bin", "tsc");
const tidy = join(projectFolder, "dist", "scripts", "tidy.js");
const sim = join(projectFolder, "dist", "src", "bin", "sim.js");

/** Suites that start processes, drive other programs or take long. `npm test` runs them. */
const slowSuites = [
  "test/house/planted.test.ts",
  "test/house/launch.test.ts",
  "test/house/types.test.ts",
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
  "test/replication/{broadcast,convergence}.test.ts",
  "test/sim/{campaign,page,process,scale,shrink}.test.ts",
  "test/storage/{cluster,durability}.test.ts",
  "test/**/*.slow.test.ts",
];

interface Step {
  readonly name: string;
  readonly args: readonly string[];
}

const steps: readonly Step[] = [
  { name: "format and lint", args: [biomeProgram, "check", "--error-on-warnings"] },
  { name: "types", args: [tsc, "--noEmit", "--incremental", "false"] },
  { name: "tidy", args: [tidy] },
  // Fresh seeds each time, so that every check is also a little search.
  { name: "simulation", args: [sim, "--seconds", "8"] },
  {
    name: "quick tests",
    args: [
      vitestProgram,
      "run",
      "--reporter=dot",
      ...slowSuites.flatMap((pattern) => ["--exclude", pattern]),
    ],
  },
];

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
  const summary: string[] = [];
  for (const { name, args: command } of steps) {
    const { code, ms } = await runNode(command, { cwd: projectFolder, passOn: true });
    const verdict = code === 0 ? "ok" : "FAILED";
    summary.push(`${name.padEnd(18)}${verdict.padEnd(8)}${(ms / 1000).toFixed(1).padStart(6)} s`);
    if (code !== 0) process.exitCode = 1;
  }
  console.log(`\n${summary.join("\n")}`);
}

if (isMain(import.meta.url)) await main(process.argv.slice(2));
