// `npm run explore`: every schedule of tiny configurations, over the production code. Arguments are
// parts of the names of those to run; `--quick` runs what `npm test` runs.

import { Command } from "commander";
import { judgeScope, scopes } from "./scopes.js";

const program = new Command("explore")
  .description("Every schedule of tiny configurations, over the production code.")
  .argument("[parts...]", "of the names of the configurations to run (default: all)")
  .option("--quick", "only what `npm test` runs")
  .parse();
const wanted = program.args;
const isQuick = program.opts<{ quick?: true }>().quick === true;
let bad = 0;
let count = 0;
for (const scope of scopes) {
  if (isQuick && !scope.isQuick) continue;
  if (wanted.length > 0 && !wanted.some((part) => scope.name.includes(part))) continue;
  const started = performance.now();
  const { lines, isGood } = judgeScope(scope);
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  console.log(`${seconds} s  ${lines.join("\n")}`);
  count++;
  if (!isGood) bad++;
}
console.log(`${count - bad} configurations as they should be, ${bad} not`);
if (bad > 0 || count === 0) process.exitCode = 1;
