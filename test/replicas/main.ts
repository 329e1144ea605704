// `npm run replicas -- [SEEDS] [FIRST]`: three replicas under random commands, joins and losses.

import { randomInt } from "node:crypto";
import { runReplicas } from "./replicas.js";

const count = Number(process.argv[2] ?? 1000);
const first = Number(process.argv[3] ?? randomInt(2 ** 40));
const started = performance.now();
const met = new Map<string, number>();
let failed = 0;
let writes = 0;
for (let seed = first; seed < first + count; seed++) {
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
  `seeds ${first} to ${first + count - 1}: ${count - failed} clean, ${failed} failed, ` +
    `${writes} logged writes, ${seconds} s`,
);
if (failed > 0) process.exitCode = 1;
