// Our own Maelstrom: `npm run maelstrom -- WORKLOAD [options] [-- arguments of the node]`. Any Maelstrom node can
// be judged. The protocol, the workloads and the meaning of errors are Maelstrom's; Java is not needed.
// Exit code: 0 valid, 1 invalid or undecided, 2 wrong usage, or a node crashed or broke the protocol.
// Left out: Maelstrom's plots and its web view; the history file and --json are there for that.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { encodeHistory } from "../src/check/history.js";
import { parseOptions } from "./options.js";
import { type ProgressLine, startProgress } from "./progress.js";
import { exitCodeOf, renderReport, reportRun } from "./report.js";
import { Run } from "./run.js";

/** 128 + the number of SIGINT, as shells do. */
const EXIT_INTERRUPTED = 130;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const run = new Run(options.run);
  const progress: ProgressLine = startProgress(() => run.progress, options.isQuiet);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // The nodes lead process groups of their own: nobody else would end them.
    process.once(signal, () => {
      run.stop();
      process.exit(EXIT_INTERRUPTED);
    });
  }
  const result = await run.run();
  progress.stop();
  mkdirSync(dirname(options.historyFile), { recursive: true });
  writeFileSync(options.historyFile, encodeHistory(result.history));
  const report = reportRun(options, result);
  process.stdout.write(`${renderReport(report, options.historyFile)}\n`);
  if (options.jsonFile !== undefined) {
    mkdirSync(dirname(options.jsonFile), { recursive: true });
    writeFileSync(options.jsonFile, `${JSON.stringify(report, null, 2)}\n`);
  }
  return exitCodeOf(report);
}

process.exitCode = await main();
