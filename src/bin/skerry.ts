#!/usr/bin/env node
// The executable `skerry`: connects the command line to the real process. Everything else is in
// cli.ts.

import { CommanderError } from "commander";
import { CliError, newProgram } from "./cli.js";

const err = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const out = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const program = newProgram({
  env: process.env,
  out,
  err,
  serve: async (config) => (await import("./serve.js")).serve(config),
  backup: async (config, folder) => (await import("./store-tools.js")).backup(config, folder, out),
  restore: async (config, options) =>
    (await import("./store-tools.js")).restore(config, options, out),
  inspect: async (config, options) =>
    (await import("./store-tools.js")).inspect(config, options, out),
  maelstrom: async (options) => (await import("./maelstrom.js")).runMaelstrom(options),
  importFile: async (options) => (await import("./import.js")).runImport(options),
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CliError) err(`skerry: ${error.message}`);
  else if (!(error instanceof CommanderError)) throw error; // A defect: the stack trace is wanted.
  // `--help` and `--version` are told by exceptions with code 0; the program ends by itself, so
  // that everything written has left.
  process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
  // A start that failed half-way may hold a port, which would keep the program alive.
  if (error instanceof CliError) process.exit();
}
