// The arrows between folders and the absence of cycles between files. An arrow is a promise about
// reading: whoever reads a folder needs to know only the folders it may import, so an import of
// types counts as well. A cycle is about running: modules that wait for each other start half
// filled. An `import type` leaves nothing behind to wait for, so files of one folder may name each
// other's types.

import { posix } from "node:path";
import type { Finding, Source } from "./tidy-source.js";

const belowCommands = ["rdb", "keyspace", "lattice", "clock", "base"] as const;
const belowNode = [
  "replication",
  "consensus",
  "storage",
  "scripting",
  "security",
  "commands",
  ...belowCommands,
] as const;

/** What a folder of src may import besides itself. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  clock: ["base"],
  lattice: ["clock", "base"],
  keyspace: ["lattice", "clock", "base"],
  // A foreign file format, bytes to plain values: DUMP and RESTORE need it, and so does an import.
  rdb: ["base"],
  commands: belowCommands,
  scripting: ["commands", ...belowCommands],
  security: ["commands", ...belowCommands],
  replication: ["commands", ...belowCommands],
  consensus: ["clock", "base"],
  storage: ["lattice", "clock", "base"],
  node: belowNode,
  check: ["base"],
  wire: ["node", ...belowNode],
  host: ["wire", "node", ...belowNode],
  sim: ["node", "wire", "check", ...belowNode],
};

/** Folders of the top level that each other may import; src imports none of them. */
const mayImportOutside: Readonly<Record<string, readonly string[]>> = {
  src: [],
  maelstrom: ["src", "scripts"],
  scripts: ["src", "maelstrom", "test"],
  test: ["src", "maelstrom", "scripts"],
};

/** npm packages without input or output, which the pure folders may use. */
const purePackages = new Set(["ajv"]);

/**
 * Built-in modules that give the same answer everywhere, and the names that may be taken from them.
 */
const pureBuiltins: Readonly<Record<string, readonly string[]>> = {
  "node:buffer": ["Buffer", "constants"],
  "node:zlib": ["crc32"],
  "node:crypto": ["createHash", "createHmac", "hash", "timingSafeEqual"],
};

/**
 * The folder of src that a path lies in, or undefined (src/index.ts, and everything outside src).
 */
export const folderOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1];

/** Whether a file belongs to the core, which has no clock, socket, file, timer or randomness. */
export function isPure(path: string): boolean {
  const folder = folderOf(path);
  return folder !== undefined && folder !== "host" && folder !== "bin";
}

/** The project path that a relative import means, or undefined for a package. */
export function targetOf(source: Source, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const path = posix.normalize(posix.join(posix.dirname(source.path), specifier));
  return path.replace(/\.js$/, ".ts");
}

/** Imports against an arrow, of unknown folders, and of packages the core must not know. */
export function findBadImports(source: Source, dependencies: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  for (const { specifier, clause, line } of source.imports) {
    const target = targetOf(source, specifier);
    const message =
      target === undefined
        ? judgePackage(source.path, specifier, clause, dependencies)
        : judgeArrow(source.path, target);
    if (message !== undefined) findings.push({ path: source.path, line, message });
  }
  return findings;
}

function judgeArrow(path: string, target: string): string | undefined {
  const [top, targetTop] = [path.split("/")[0]!, target.split("/")[0]!];
  if (top !== targetTop) {
    const allowed = mayImportOutside[top];
    if (allowed === undefined || allowed.includes(targetTop)) return undefined;
    return `${top} must not import ${target}: move what is needed into ${top}`;
  }
  const [from, to] = [folderOf(path), folderOf(target)];
  if (top !== "src" || from === undefined || from === to || from === "bin") return undefined;
  const allowed = mayImport[from];
  if (allowed === undefined) return `src/${from} has no arrows: add a row to mayImport`;
  if (to !== undefined && allowed.includes(to)) return undefined;
  const arrows = allowed.length === 0 ? "nothing" : allowed.join(", ");
  return (
    `src/${from} must not import ${target} (it may import ${arrows}): move what is shared to the ` +
    "lower folder, or pass it in as a parameter"
  );
}

function judgePackage(
  path: string,
  specifier: string,
  clause: string,
  dependencies: readonly string[],
): string | undefined {
  if (!path.startsWith("src/")) return undefined;
  const isPureFile = isPure(path);
  if (specifier.startsWith("node:")) {
    if (!isPureFile) return undefined;
    const allowed = pureBuiltins[specifier];
    const names = namesIn(clause);
    if (allowed !== undefined && names.length > 0 && names.every((name) => allowed.includes(name)))
      return undefined;
    const some = Object.entries(pureBuiltins).map(([m, of]) => `{ ${of.join(", ")} } of ${m}`);
    return (
      `${specifier} is not for the core: declare a port that src/host fills ` +
      `(allowed are ${some.join("; ")})`
    );
  }
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  if (!dependencies.includes(name))
    return `package ${name} is not in "dependencies" of package.json, which users install`;
  if (isPureFile && !purePackages.has(name))
    return `package ${name} is not for the core: use it in src/host and pass the result in`;
  return undefined;
}

/** The names in `{ a, type B, c as d }`; empty when the clause takes the whole module. */
function namesIn(clause: string): string[] {
  const inner = /^(?:type\s+)?\{([^}]*)\}$/.exec(clause)?.[1];
  if (inner === undefined) return [];
  const names = inner.split(",").map((part) => part.trim().replace(/^type\s+/, ""));
  return names.map((name) => name.split(/\s+as\s+/)[0]!).filter((name) => name !== "");
}

/** One finding per knot of files that import each other, naming a shortest way round. */
export function findCycles(sources: readonly Source[]): Finding[] {
  const paths = new Set(sources.map((source) => source.path));
  const edges = new Map<string, string[]>();
  for (const source of sources) {
    const targets = source.imports
      .filter(({ clause }) => !/^type[\s{]/.test(clause))
      .map(({ specifier }) => targetOf(source, specifier));
    edges.set(
      source.path,
      targets.filter((target) => target !== undefined && paths.has(target)) as string[],
    );
  }
  const findings: Finding[] = [];
  const told = new Set<string>();
  for (const path of [...paths].sort()) {
    if (told.has(path)) continue;
    const cycle = shortestCycle(path, edges);
    if (cycle === undefined) continue;
    for (const member of cycle) told.add(member);
    const way = [...cycle, path].join(" -> ");
    const message = `import cycle ${way}: import types as types, or move what both need elsewhere`;
    findings.push({ path, line: 1, message });
  }
  return findings;
}

/** Breadth first from a file back to itself. */
function shortestCycle(start: string, edges: ReadonlyMap<string, string[]>): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let head = 0; head < queue.length; head++) {
    const path = queue[head]!;
    for (const next of edges.get(path) ?? []) {
      if (next === start) return wayTo(path, start, cameFrom);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, path);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [end];
  while (way[0] !== start) way.unshift(cameFrom.get(way[0]!)!);
  return way;
}
