// The house rules as a program: folder arrows, purity of the core, sizes, names, headers. Each
// message says how to mend what it found. What Biome and the compiler already judge (format, unused
// names, types) is left to them, except where the rule is so central that it should fail even
// without them.
//
// Usage: node scripts/run.mjs tidy [--write]; --write wraps comments that are too long. The rules
// are also part of `npm run check` and, as test/house/tidy.test.ts, of `npm test`.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMain, projectFolder } from "./project.js";
import { rewrapComments } from "./rewrap.js";
import { findBadImports, findCycles, isPure } from "./tidy-graph.js";
import { type Finding, lineAt, readSource, type Source, type SourceText } from "./tidy-source.js";

/** What tidy looks at; tests make one in memory. */
export interface Project {
  readonly sources: readonly SourceText[];
  /** Names in the project's folder. */
  readonly topLevel: readonly string[];
  /** Names of the packages that users install. */
  readonly dependencies: readonly string[];
}

const lineCountMax = 500;
const columnCountMax = 100;

const topLevelAllowed = new Set([
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "biome.json",
  "vitest.config.ts",
  "perf_config.toml",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "src",
  "maelstrom",
  "specs",
  "test",
  "scripts",
]);

/** What git ignores, besides names that begin with a dot. */
const isIgnored = (name: string): boolean =>
  ["node_modules", "dist", "coverage"].includes(name) || /\.log$|^history\..*\.jsonl$/.test(name);

interface PatternRule {
  /** Searched in the code, with strings and comments blanked. */
  readonly pattern: RegExp;
  readonly message: string;
  readonly isFor?: (path: string) => boolean;
}

const takeTime = "the core has no clock: take `now` as a parameter";
const answerEffect = "the core has no timers: answer with an effect, the host wakes the node";

const patternRules: readonly PatternRule[] = [
  { pattern: /(?<![.\w$])Date\b/g, message: takeTime, isFor: isPure },
  { pattern: /(?<![.\w$])performance\s*\./g, message: takeTime, isFor: isPure },
  {
    pattern: /\bMath\s*\.\s*random\b/g,
    message: "Math.random cannot be replayed: draw from a Prng that the host seeds",
    isFor: isPure,
  },
  {
    pattern: /(?<![.\w$])crypto\s*\.\s*\w+|\b(?:randomUUID|randomBytes|getRandomValues)\s*\(/g,
    message: "platform randomness cannot be replayed: declare a port that the host fills",
    isFor: isPure,
  },
  {
    pattern: /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g,
    message: answerEffect,
    isFor: isPure,
  },
  {
    pattern: /(?<![.\w$])process\s*(?:\?\.|\.|\[)/g,
    message: "the core knows no process: pass the value in from src/bin or src/host",
    isFor: isPure,
  },
  {
    pattern: /(?<![.\w$])(?:console\s*\.|fetch\s*\()/g,
    message: "the core has no input or output: answer with an effect",
    isFor: isPure,
  },
  {
    pattern: /(?<![.\w$])await\b/g,
    message: "the core is synchronous: answer with an effect and take its result as an input",
    isFor: isPure,
  },
  {
    pattern: /\.(?:localeCompare|toLocale\w+)\s*\(|(?<![.\w$])Intl\b/g,
    message: "the answer depends on the machine's locale: use compareText of src/base/bytes.ts",
    isFor: isPure,
  },
  {
    pattern: /\bexport\s+default\b|\bas\s+default\b/g,
    message: "no default exports: export by name, so that a thing has one name everywhere",
    isFor: (path) => path !== "vitest.config.ts",
  },
  {
    pattern: /(?:[:<|&,]|\bas|=>)\s*any\b(?!\s*[(.:?])/g,
    message: "no `any`: use `unknown` and narrow it, or a type parameter",
  },
  {
    pattern: /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.only\b/g,
    message: "`.only` hides every other test: remove it (vitest's -t selects one from outside)",
  },
];

const bannedWords = /(?:^|[-/])(?:utils?|helpers?|managers?|misc|common|stuff)(?=[-./])/;
const fileNamePattern = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*\.(?:ts|mjs)$/;

/** Everything that breaks a rule, in the order of the files. */
export function tidy(project: Project): Finding[] {
  const sources = project.sources.map(readSource);
  return [
    ...checkTopLevel(project.topLevel),
    ...sources.flatMap((source) => [
      ...checkName(source),
      ...checkSize(source),
      ...checkHeader(source),
      ...checkPatterns(source),
      ...checkComments(source),
      ...checkSkips(source),
      ...findBadImports(source, project.dependencies),
    ]),
    ...findCycles(sources),
  ];
}

export const describeFinding = ({ path, line, message }: Finding): string =>
  line === 0 ? `${path}: ${message}` : `${path}:${line}: ${message}`;

function checkTopLevel(names: readonly string[]): Finding[] {
  const strangers = names.filter(
    (name) => !name.startsWith(".") && !isIgnored(name) && !topLevelAllowed.has(name),
  );
  return strangers.map((path) => ({
    path,
    line: 0,
    message: "the top level is fixed: move it into src, maelstrom, specs, test or scripts",
  }));
}

function checkName({ path }: Source): Finding[] {
  const findings: Finding[] = [];
  const add = (message: string) => findings.push({ path, line: 0, message });
  if (!fileNamePattern.test(path.slice(path.lastIndexOf("/") + 1)))
    add("file names are kebab-case and end in .ts or .mjs: rename it");
  if (bannedWords.test(path))
    add("a file is named for its one main noun: say what is in it (not utils, helpers, manager)");
  return findings;
}

function checkSize({ path, lines, code, comments }: Source): Finding[] {
  const findings: Finding[] = [];
  // A test may quote a long text it expects: the formatter cannot break it, and neither should we.
  const isTest = path.startsWith("test/");
  const commented = new Set(comments.map(({ line }) => line));
  const withoutStrings = code
    .split("\n")
    .map((line, index) => (commented.has(index + 1) ? lines[index]! : line.replace(/ {2,}/g, " ")));
  if (lines.length - 1 > lineCountMax)
    findings.push({
      path,
      line: 0,
      message: `${lines.length - 1} lines, at most ${lineCountMax}: split it by its nouns`,
    });
  for (const [index, line] of lines.entries()) {
    if ([...line].length <= columnCountMax || /https?:\/\/\S+/.test(line)) continue;
    if (isTest && withoutStrings[index]!.length <= columnCountMax) continue;
    const message = `longer than ${columnCountMax} columns: wrap it (npm run format does comments)`;
    findings.push({ path, line: index + 1, message });
  }
  return findings;
}

function checkHeader({ path, lines }: Source): Finding[] {
  const first = lines.find((line) => line.trim() !== "" && !line.startsWith("#!")) ?? "";
  if (/^(?:\/\/|\/\*).{12,}/.test(first)) return [];
  const message =
    "open with a comment: what the file is, the paper or rule it follows, what it leaves out";
  return [{ path, line: 1, message }];
}

function checkPatterns(source: Source): Finding[] {
  const { path, code } = source;
  const findings: Finding[] = [];
  for (const { pattern, message, isFor } of patternRules) {
    if (isFor !== undefined && !isFor(path)) continue;
    for (const match of code.matchAll(pattern))
      findings.push({ path, line: lineAt(code, match.index), message });
  }
  return findings;
}

function checkComments({ path, comments }: Source): Finding[] {
  return comments
    .filter(({ text }) => /\b(?:FIXME|TODO)\b/.test(text))
    .map(({ line }) => ({
      path,
      line,
      message: "do it now, or say in a full sentence what is left out and why",
    }));
}

/** A skipped test is a hole in a claim; the line or the one above it says why. */
function checkSkips({ path, code, lines }: Source): Finding[] {
  const findings: Finding[] = [];
  for (const match of code.matchAll(/\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|todo)\s*\(/g)) {
    const line = lineAt(code, match.index);
    const hasReason = [lines[line - 1], lines[line - 2]].some((near) => near?.includes("//"));
    const message = "a skipped test needs its reason: a comment on the line above";
    if (!hasReason) findings.push({ path, line, message });
  }
  return findings;
}

/** The project on disk. */
export function readProject(folder: string = projectFolder): Project {
  const sources: SourceText[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const inner = `${path}/${entry.name}`;
      if (entry.isDirectory()) walk(inner);
      else if (/\.(?:ts|mjs)$/.test(entry.name))
        sources.push({ path: inner, text: readFileSync(join(folder, inner), "utf8") });
    }
  };
  for (const top of ["src", "maelstrom", "scripts", "test"]) walk(top);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const topLevel = readdirSync(folder);
  return { sources, topLevel, dependencies: Object.keys(manifest.dependencies) };
}

/** Mends the one finding that a program can mend: comments beyond the last column. */
function writeRewrapped(): void {
  for (const { path, text } of readProject().sources) {
    const mended = rewrapComments(text, columnCountMax);
    if (mended !== text) writeFileSync(join(projectFolder, path), mended);
  }
}

function main(args: readonly string[]): void {
  if (args.includes("--write")) writeRewrapped();
  const findings = tidy(readProject());
  for (const finding of findings) console.error(describeFinding(finding));
  if (findings.length > 0) {
    console.error(`tidy: ${findings.length} findings`);
    process.exitCode = 1;
  } else console.log("tidy: nothing to mend");
}

if (isMain(import.meta.url)) main(process.argv.slice(2));
