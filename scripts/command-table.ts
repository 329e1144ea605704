// Writes specs/commands.md: every command, subcommand, CONFIG parameter and INFO field of Redis
// 7.0.15, marked real, accepted without effect, or absent, by asking our server what it has.
//   npm run command-table -- [--check] [--measure]
// `--check` only tells whether the file is up to date; `--measure` asks a redis-server for its
// names anew.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { infoSections } from "../src/commands/info-sections.js";
import { settingSpecs } from "../src/commands/settings-table.js";
import { commandNotes, type Mark, noteOf } from "./command-notes.js";
import { formatMarkdown } from "./lib/markdown.js";
import { whyUnavailable } from "./lib/server-process.js";
import { isMain, projectFolder, skipOrFail } from "./project.js";
import { measureSurface, type Surface } from "./redis-surface.js";

const surfaceFile = join(projectFolder, "test", "redis-suite", "redis-7.0.15-surface.json");
const tableFile = join(projectFolder, "specs", "commands.md");

interface Row {
  readonly name: string;
  readonly mark: Mark;
  readonly why: string;
}

const marks: readonly Mark[] = ["real", "accepted", "absent"];
const symbol: Record<Mark, string> = { real: "yes", accepted: "accepted", absent: "no" };

export function commandRows(redis: Surface, ours: Surface): Row[] {
  const known = new Set(ours.commands);
  return redis.commands.map((name) => {
    if (!known.has(name)) return { name, mark: "absent", why: "" };
    const note = noteOf(name);
    return { name, mark: note?.mark ?? "real", why: note?.why ?? "" };
  });
}

function parameterRows(redis: Surface, ours: Surface): Row[] {
  const known = new Set(ours.parameters);
  const support = new Map(
    settingSpecs.flatMap((spec) =>
      [spec.name, ...(spec.aliases ?? [])].map((name) => [name, spec.support] as const),
    ),
  );
  return redis.parameters.map((name) => ({
    ...{ name, why: "" },
    mark: known.has(name) ? (support.get(name) ?? "real") : "absent",
  }));
}

function infoRows(redis: Surface, ours: Surface): [section: string, rows: Row[]][] {
  const support = new Map(
    infoSections.flatMap((section) =>
      section.fields.map((field) => [`${section.name} ${field.name}`, field.support] as const),
    ),
  );
  return Object.entries(redis.infoFields).map(([section, fields]) => {
    const known = new Set(ours.infoFields[section] ?? []);
    const rows = fields.map((name): Row => {
      // A field of many instances has no row in the source and is always computed.
      const isReal = (support.get(`${section} ${name}`) ?? "real") === "real";
      if (!known.has(name)) return { name, mark: "absent", why: "" };
      return { name, mark: isReal ? "real" : "accepted", why: "" };
    });
    return [section, rows];
  });
}

const count = (rows: readonly Row[], mark: Mark): number =>
  rows.filter((row) => row.mark === mark).length;

const summaryLine = (what: string, rows: readonly Row[]): string =>
  `| ${[what, rows.length, ...marks.map((mark) => count(rows, mark))].join(" | ")} |`;

/** Names of one mark in one line; a table row each would be six hundred lines nobody reads. */
function paragraph(rows: readonly Row[], mark: Mark, title: string): string[] {
  const names = rows.filter((row) => row.mark === mark).map((row) => `\`${row.name}\``);
  return names.length === 0 ? [] : [`**${title}** (${names.length}): ${names.join(" ")}`, ""];
}

function commandSection(rows: readonly Row[]): string[] {
  const shown = rows.map(
    ({ name, mark, why }) => `| ${name.replace("|", " ")} | ${symbol[mark]} | ${why} |`,
  );
  return ["| Command | Real | Note |", "|---|---|---|", ...shown, ""];
}

export function tableText(redis: Surface, ours: Surface): string {
  const commands = commandRows(redis, ours);
  const parameters = parameterRows(redis, ours);
  const info = infoRows(redis, ours);
  const fields = info.flatMap(([, rows]) => rows);
  const known = new Set(redis.commands);
  const own = ours.commands.filter((name) => !known.has(name)).map((name) => `\`${name}\``);
  return [
    "# What of Redis 7.0 is here",
    "",
    `Written by \`npm run command-table\` from the names of redis-server ${redis.version} and`,
    "what our node answers. *Real* does what Redis does; *accepted* answers and has no effect;",
    "*absent* is an error or not shown.",
    "",
    "| | in Redis | real | accepted without effect | absent |",
    "|---|---|---|---|---|",
    summaryLine("commands and subcommands", commands),
    summaryLine("CONFIG parameters", parameters),
    summaryLine("INFO fields", fields),
    "",
    `Beyond Redis 7.0: ${own.join(" ") || "nothing"}.`,
    "",
    "## Commands",
    "",
    ...commandSection(commands),
    "## CONFIG parameters",
    "",
    ...paragraph(parameters, "real", "Real"),
    ...paragraph(parameters, "accepted", "Accepted without effect"),
    ...paragraph(parameters, "absent", "Absent"),
    "## INFO fields",
    "",
    ...info.flatMap(([section, rows]) =>
      rows.length === 0
        ? []
        : [
            `### ${section}`,
            "",
            ...paragraph(rows, "real", "Real"),
            ...paragraph(rows, "accepted", "Fixed"),
            ...paragraph(rows, "absent", "Absent"),
          ],
    ),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

/** Notes about commands our server does not know: they would never be shown. */
export const strayNotes = (ours: Surface): string[] =>
  Object.keys(commandNotes).filter((name) => !name.endsWith("|*") && !ours.commands.includes(name));

async function main(): Promise<void> {
  const options = new Command("command-table")
    .description("Writes specs/commands.md: what of Redis 7.0 is here, asked of a running node.")
    .option("--check", "write nothing, fail if the file is out of date")
    .option("--measure", "ask redis-server anew what it has")
    .parse()
    .opts<{ check?: true; measure?: true }>();
  if (options.measure) {
    const reason = whyUnavailable("redis");
    if (reason !== null) skipOrFail(reason);
    writeFileSync(surfaceFile, `${JSON.stringify(await measureSurface("redis"), null, 2)}\n`);
  }
  const reason = whyUnavailable("skerry");
  if (reason !== null) skipOrFail(reason);
  const redis = JSON.parse(readFileSync(surfaceFile, "utf8")) as Surface;
  const ours = await measureSurface("skerry");
  for (const name of strayNotes(ours)) console.log(`command-notes.ts has a row too many: ${name}`);
  const text = formatMarkdown(tableText(redis, ours));
  if (!options.check) {
    writeFileSync(tableFile, text);
    console.log(`wrote ${tableFile}`);
  } else if (readFileSync(tableFile, "utf8") !== text) {
    console.log(`${tableFile} is out of date: npm run command-table`);
    process.exitCode = 1;
  }
}

if (isMain(import.meta.url)) await main();
