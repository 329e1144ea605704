// The specifications without Java: what can be said about them as texts. That every action names
// the function that does it and every such function names its actions, so that neither changes
// alone; that each spec, model and broken variant is in the manifest; that what TLC prints is read
// rightly. Whether they hold is TLC's to say: `npm run tla`.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectFolder } from "../../scripts/project.js";
import {
  breakSpec,
  type CodeLink,
  codeLinksOf,
  readManifest,
  readSpecFiles,
  watchingConfig,
  watchingModule,
} from "../../scripts/tla-manifest.js";
import { readVerdict } from "../../scripts/tla-tools.js";
import { checksOf } from "../../scripts/tla2tools-runner.js";

const manifest = readManifest();
const files = readSpecFiles();
const specs = Object.keys(manifest);
const textOf = (spec: string): string => files.get(`${spec}.tla`)!;

/** A definition's text: to the next one at the margin, comment or rule. */
function bodyOf(text: string, name: string): string {
  const start = text.search(new RegExp(`^${name}(\\([^)]*\\))?\\s*==`, "m"));
  if (start < 0) return "";
  const rest = text.slice(start).split("\n");
  const end = rest.findIndex((line, index) => index > 0 && /^(?:\S|$)/.test(line));
  return rest.slice(0, end).join("\n");
}

const namesIn = (body: string): Set<string> =>
  new Set([...body.matchAll(/\b([A-Z][A-Za-z]\w*)/g)].map((match) => match[1]!));

/** Whether a definition says something about the next state, by itself or through another. */
function isAction(text: string, name: string): boolean {
  const body = bodyOf(text, name);
  const inner = [...namesIn(body)].filter((other) => other !== name);
  return body.includes("'") || inner.some((other) => bodyOf(text, other).includes("'"));
}

/** The actions of Next. */
const actionsOf = (text: string): string[] =>
  [...namesIn(bodyOf(text, "Next"))].filter((name) => name !== "Next" && isAction(text, name));

const sourcesOf = (folder: string): string[] =>
  readdirSync(join(projectFolder, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);

/** Every `Spec: X.Y` in the code, with the name of the function that follows it. */
function referencesOf(file: string): CodeLink[] {
  const text = readFileSync(join(projectFolder, file), "utf8");
  const references: CodeLink[] = [];
  for (const match of text.matchAll(/^\s*\/\/ Spec: (.+)$/gm)) {
    const after = text.slice(match.index + match[0].length);
    const declaration =
      /^\s*(?:export |static |async |get |readonly )*(?:const |function )?(#?\w+)\s*[(=<:]/m;
    const name = declaration.exec(after.replace(/^(?:\s*\/\/.*\n|\s*)+/, ""))?.[1] ?? "";
    for (const place of match[1]!.split(/,\s*/)) {
      const [spec, action] = place.replace(/\.$/, "").split(".");
      references.push({ spec: spec!, action: action ?? "", file, name });
    }
  }
  return references;
}

const inWords = ({ spec, action, file, name }: CodeLink): string =>
  `${spec}.${action} <-> ${file} ${name}`;

describe("specs and code", () => {
  const links = specs.flatMap((spec) => codeLinksOf(spec, textOf(spec)));

  test.each(specs)("%s: every action says who does it", (spec) => {
    const linked = new Set(codeLinksOf(spec, textOf(spec)).map(({ action }) => action));
    expect([...linked].sort()).toEqual(actionsOf(textOf(spec)).sort());
  });

  test("an action names the function, the function names the action", () => {
    const wanted = links.filter(({ file }) => file.startsWith("src/")).map(inWords);
    const found = sourcesOf("src").flatMap(referencesOf).map(inWords);
    expect(found.sort()).toEqual(wanted.sort());
  });

  test("whatever has no function yet says so in the same words", () => {
    const others = links.map(({ file }) => file).filter((file) => !file.startsWith("src/"));
    expect(new Set(others)).toEqual(new Set(["environment", "not built yet"]));
  });

  test("every lattice of the registry is named in Lattice", () => {
    const registry = readFileSync(join(projectFolder, "src/lattice/registry.ts"), "utf8");
    const names = [...registry.matchAll(/^ {2}(\w+): \w+,$/gm)].map((match) => match[1]!);
    expect(names.length).toBeGreaterThan(9);
    for (const name of names) expect(textOf("Lattice")).toMatch(new RegExp(`\\b${name}\\b`));
  });
});

describe("the manifest", () => {
  test("lists every configuration and no other", () => {
    const listed = specs.flatMap((spec) => {
      const { models, traces } = manifest[spec]!;
      return [...Object.keys(models), ...(traces === undefined ? [] : [traces.module])];
    });
    const present = [...files.keys()].filter((name) => name.endsWith(".cfg"));
    expect(listed.map((name) => `${name}.cfg`).sort()).toEqual(present.sort());
  });

  test("has numbers for every check", () => {
    const checks = checksOf(manifest, files);
    for (const { expected } of checks) {
      expect(expected.depth ?? 0).toBeGreaterThan(0);
      if (expected.states !== undefined) expect(expected.states).toBeGreaterThan(1);
    }
  });

  test.each(specs)("%s has at least three broken variants of one line each", (spec) => {
    const broken = Object.values(manifest[spec]!.broken);
    expect(broken.length).toBeGreaterThanOrEqual(3);
    for (const variant of broken) {
      const before = textOf(variant.file).split("\n");
      const after = breakSpec(textOf(variant.file), variant).split("\n");
      expect(after.length).toBe(before.length);
      expect(after.filter((line, index) => line !== before[index]).length).toBe(1);
    }
  });

  test.each(specs)("%s: every situation is a predicate of its model's module", (spec) => {
    const { models, reached } = manifest[spec]!;
    for (const [name, model] of Object.entries(reached))
      expect(textOf(models[model]!.module)).toMatch(new RegExp(`^${name} ==`, "m"));
  });

  test.each(specs)("%s: every invariant and property of a model is defined", (spec) => {
    for (const [name, { module }] of Object.entries(manifest[spec]!.models)) {
      const text = textOf(module) + textOf(spec);
      const asked = /^(?:INVARIANTS?|PROPERT(?:Y|IES))\s+(.+)$/gm;
      const names = [...files.get(`${name}.cfg`)!.matchAll(asked)].flatMap((m) => m[1]!.split(" "));
      expect(names.length).toBeGreaterThan(0);
      for (const each of names) expect(text).toMatch(new RegExp(`^${each} ==`, "m"));
    }
  });
});

describe("the runner", () => {
  const read = (output: string) => readVerdict({ output, timedOut: false }, "");

  test("reads a clean run", () => {
    const verdict = read(
      "Model checking completed. No error has been found.\n" +
        "39156 states generated, 14321 distinct states found, 0 states left on queue.\n" +
        "The depth of the complete state graph search is 22.\n",
    );
    expect(verdict).toMatchObject({ verdict: "holds", states: 14321, depth: 22 });
  });

  test("reads a broken invariant and the length of the way there", () => {
    const verdict = read(
      "Error: Invariant Chain is violated.\nState 1: <Initial predicate>\n\nState 2: <Vote(n)>\n" +
        "3 states generated, 3 distinct states found, 1 states left on queue.\n",
    );
    expect(verdict).toMatchObject({ verdict: "Chain", depth: 2 });
  });

  test("reads a broken promise of progress", () => {
    for (const said of ["properties were", "property Converges was"]) {
      const output = `Error: Temporal ${said} violated.\nState 1: <I>\nState 2: Stuttering\n`;
      expect(read(output)).toMatchObject({ verdict: "temporal property", depth: 1 });
    }
  });

  test("a run that says nothing holds nothing", () => {
    expect(read("java.lang.OutOfMemoryError")).toMatchObject({ verdict: "did not run" });
    expect(readVerdict({ output: "", timedOut: true }, "").verdict).toBe("out of time");
  });

  test("counts how often actions were taken, in the last report only", () => {
    const report = (count: number): string =>
      `The coverage statistics at (now)\n<Vote line 1, col 1 to line 1, col 4 of module M>: 1:${count}\n`;
    expect(read(report(7) + report(9)).actions.get("Vote")).toBe(9);
  });

  test("reads which situations were met, and how far from the beginning", () => {
    const { reached } = read('<<"reached", "NeverTorn", 4>>\n');
    expect([...reached]).toEqual([["NeverTorn", 4]]);
  });

  test("a model is watched for each situation of its own", () => {
    const text = watchingModule("MCLattice", ["NeverApart"]);
    expect(text).toContain('Watch(1, "NeverApart", NeverApart)');
    expect(watchingConfig("SPECIFICATION Spec")).toContain("INVARIANT Situations");
  });

  test("a broken spec must differ by one line that is there", () => {
    const variant = Object.values(manifest.Lattice!.broken)[0]!;
    expect(() => breakSpec("nothing", variant)).toThrow("occurs 0 times");
    expect(() => breakSpec("a\nb", { ...variant, find: "a\nb", replace: "c" })).toThrow("one line");
  });
});
