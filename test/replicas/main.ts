// `npm run replicas -- [SEEDS] [FIRST]`: three replicas under random commands, joins and losses.

import { randomInt } from "node:crypto";
import { Command } from "commander";
import { count, integer } from "../../src/bin/option-values.js";
import { runReplicas } from "./replicas.js";

const program = new Command("replicas")
  .description("Three replicas under random commands, joins and losses, by seed.")
  .argument("[seeds]", "how many", integer(1), 1000)
  .argument("[first]", "the first of them (default: drawn)", count)
  .parse();
const [seedCount, first = randomInt(2 ** 40)] = program.processedArgs as [number, number?];
const started = performance.now();
const met = new Map<string, number>();
let failed = 0;
let writes = 0;
for (let seed = first; seed < first + seedCount; seed++) {
  const report = runReplicas(seed);
  writes += report.writeCount;
  for (const [name, times] of report.met) met.set(name, (met.get(name) ?? 0) + times);
  if (report.violations.length === 0) continue;
  failed++;
  console.log(`seed ${seed}: ${report.violations.join("\n  ")}`);
  console.log(`  replay: npm run replicas -- 1 ${seed}`);
}
for (const [name, times] of [...met].sort()) console.log(`  ${name.padEnd(20)}${times}`);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `seeds ${first} to ${first + seedCount - 1}: ${seedCount - failed} clean, ${failed} failed, ` +
    `${writes} logged writes, ${seconds} s`,
);
if (failed > 0) process.exitCode = 1;
