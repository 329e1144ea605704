// Our own Maelstrom: `npm run maelstrom -- WORKLOAD [options] [-- arguments of the node]`. Any
// Maelstrom node can be judged. The protocol, the workloads and the meaning of errors are
// Maelstrom's; Java is not needed. With --judge FILE nothing is run: a recorded history is judged
// again. Exit code: 0 valid, 1 invalid or undecided, 2 wrong usage, or a node crashed or broke the
// protocol. Left out: Maelstrom's plots and its web view; the history file and --json are there for
// that.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { encodeHistory, parseHistory } from "../src/check/history.js";
import { type BenchOptions, parseOptions } from "./options.js";
import { type ProgressLine, startProgress } from "./progress.js";
import { exitCodeOf, renderReport, reportRun } from "./report.js";
import { Run } from "./run.js";

/** 128 + the number of SIGINT, as shells do. */
const EXIT_INTERRUPTED = 130;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.judgeFile !== undefined) return judgeFile(options, options.judgeFile);
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

function judgeFile(options: BenchOptions, file: string): number {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    process.stderr.write(
      `cannot read ${file}: ${error instanceof Error ? error.message : error}\n`,
    );
    return 2;
  }
  const history = parseHistory(text);
  if (!history.ok) {
    process.stderr.write(`${file}: ${history.error}\n`);
    return 2;
  }
  const { verdict, lines } = options.run.workload.judge(history.value, options);
  process.stdout.write(`${options.run.workload.name}: ${verdict}\n  ${lines.join("\n  ")}\n`);
  return verdict === "valid" ? 0 : 1;
}

process.exitCode = await main();
