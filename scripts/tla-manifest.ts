// specs/manifest.json: what TLC is expected to say about each specification, and the modules as
// texts. For each spec it lists
//  - models: a configuration each, with the distinct states and the depth of its state graph;
//  - reached: situations that an invariant is about. TLC must find a way there, else the invariant
//    would hold because nothing happens;
//  - broken: the spec with one line replaced, by a story. TLC must reject it, in as many steps;
//  - traces: the module that replays what simulated nodes did (tla-traces.ts).
// Broken specs are not files of their own, so that the difference stays one line and in sight.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./project.js";

export const specsFolder = join(projectFolder, "specs");
const manifestFile = join(specsFolder, "manifest.json");

export interface Model {
  readonly module: string;
  /** The smallest bounds at which the properties could fail, and the bounds that are checked. */
  readonly size: string;
  states: number;
  depth: number;
}

export interface BrokenSpec {
  readonly story: string;
  /** The module whose line is replaced. */
  readonly file: string;
  /** Part of one line, found once. */
  readonly find: string;
  readonly replace: string;
  readonly model: string;
  /** The invariant that TLC must name, or "action property", "temporal property". */
  readonly breaks: string;
  depth: number;
}

/** A module that replays what the simulator recorded. */
export interface TraceModule {
  /** With a configuration of the same name. */
  readonly module: string;
  /** The module that holds the traces; the one in specs/ is an example. */
  readonly data: string;
}

export interface SpecRecord {
  readonly traces?: TraceModule;
  readonly models: Record<string, Model>;
  /** Predicates that must not hold for ever, each with the model that has to break it. */
  readonly reached: Record<string, string>;
  readonly broken: Record<string, BrokenSpec>;
}

export type Manifest = Record<string, SpecRecord>;

export const readManifest = (): Manifest =>
  JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;

export const writeManifest = (manifest: Manifest): void =>
  writeFileSync(manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`);

/** Every module and configuration, by file name. */
export function readSpecFiles(): Map<string, string> {
  if (!existsSync(specsFolder)) return new Map();
  const names = readdirSync(specsFolder).filter((name) => /\.(?:tla|cfg)$/.test(name));
  return new Map(names.map((name) => [name, readFileSync(join(specsFolder, name), "utf8")]));
}

/** The text with its one line replaced. @throws Error when the place is not exactly one line. */
export function breakSpec(text: string, { find, replace }: BrokenSpec): string {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`the text to be replaced occurs ${count} times: ${find}`);
  if (find.includes("\n") || replace.includes("\n"))
    throw new Error(`a broken spec differs by one line: ${find}`);
  return text.replace(find, () => replace);
}

/** The module that TLC runs in a model's place, so that it tells what situations it meets. */
export const runModule = "Run";

/**
 * A model that also tells, the first time that a predicate fails, its name and how many states it
 * took to get there.
 */
export function watchingModule(module: string, predicates: readonly string[]): string {
  const watches = predicates.map((name, index) => `  /\\ Watch(${index + 1}, "${name}", ${name})`);
  return [
    `---- MODULE ${runModule} ----`,
    `EXTENDS ${module}, TLC`,
    `ASSUME \\A place \\in 1..${predicates.length + 1} : TLCSet(place, FALSE)`,
    "Watch(place, name, never) == never \\/ TLCGet(place) \\/",
    '  (PrintT(<<"reached", name, TLCGet("level")>>) /\\ TLCSet(place, TRUE))',
    "Situations ==",
    "  /\\ TRUE",
    ...watches,
    "====",
    "",
  ].join("\n");
}

/** The configuration of the watching module. */
export const watchingConfig = (config: string): string => `${config}\nINVARIANT Situations\n`;

/** An action of a spec and the code that does it. */
export interface CodeLink {
  readonly spec: string;
  readonly action: string;
  /** "environment", "not built yet", or a file of src. */
  readonly file: string;
  readonly name: string;
}

/** The `\* code:` line above each action. */
export function codeLinksOf(spec: string, text: string): CodeLink[] {
  const links: CodeLink[] = [];
  const pattern =
    /^\\\* code: (.+)\n((?:\\\* code: .+\n)*)(?:.*\n)*?^([A-Z]\w*)(?:\(.*?\))?\s*==/gm;
  for (const [, first, others, action] of text.matchAll(pattern))
    for (const line of [first!, ...others!.split("\n").filter((other) => other !== "")]) {
      const [file, ...name] = line.replace(/^\\\* code: /, "").split(" ");
      const isFile = file!.startsWith("src/");
      links.push({ spec, action: action!, file: isFile ? file! : line, name: name.join(" ") });
    }
  return links;
}
