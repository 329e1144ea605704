// `npm run linearizable-table`: writes specs/linearizable.md, which of the commands with keys work
// on linearizable keys. A test runs each of them and compares the file with the table.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, toCommand } from "../src/commands/command.js";
import { allTables } from "../src/node/commands.js";
import { registerObjection } from "../src/node/linearizable.js";
import { formatMarkdown } from "./lib/markdown.js";
import { isMain, projectFolder } from "./project.js";

export const tablePath = join(projectFolder, "specs", "linearizable.md");

/** Every command that names keys, subcommands by their full names. */
export function keyedCommands(): Command[] {
  const commands: Command[] = [];
  for (const spec of allTables.flat()) {
    const subs = (spec.subcommands ?? []).map((sub) => ({
      ...sub,
      name: `${spec.name}|${sub.name}`,
    }));
    for (const each of [spec, ...subs]) {
      const hasKeys =
        (each.keys !== undefined && each.keys.first > 0) || each.findKeys !== undefined;
      if (hasKeys && !each.flags.includes("pubsub"))
        commands.push(toCommand(each, commands.length));
    }
  }
  return commands.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether a command names exactly one key. */
export const isSingleKey = ({ keys, findKeys }: Command): boolean =>
  findKeys === undefined && keys !== undefined && keys.first === keys.last;

export function tableText(): string {
  const commands = keyedCommands();
  const single = commands.filter(isSingleKey);
  const working = single.filter((command) => registerObjection(command) === undefined);
  const share = ((100 * working.length) / single.length).toFixed(1);
  return [
    "# Commands on linearizable keys",
    "",
    "Written by `npm run linearizable-table` from the table of commands; do not edit.",
    "",
    `Of ${single.length} commands with one key ${working.length} work on linearizable keys ` +
      `(${share} %). Those with several keys work`,
    "when all of them lie in one register: they share a hash tag. So do MULTI and WATCH.",
    "",
    "| Command | Keys | Works |",
    "| --- | --- | --- |",
    ...commands.map((command) => {
      const count = isSingleKey(command) ? "one" : "several";
      const name = command.name.toUpperCase().replace("|", " ");
      const wait = command.flags.includes("blocking") ? "yes; it waits by asking again" : "yes";
      return `| ${name} | ${count} | ${registerObjection(command) ?? wait} |`;
    }),
    "",
  ].join("\n");
}

if (isMain(import.meta.url)) {
  writeFileSync(tablePath, formatMarkdown(tableText()));
  console.log(`wrote ${tablePath}`);
}
