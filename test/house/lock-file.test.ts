// package-lock.json must be one that `npm ci` accepts on every platform. npm leaves the packages of
// other platforms out when the registry at hand does not carry them, and then refuses the file it
// wrote itself.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolder } from "../../scripts/project.js";

interface LockFile {
  readonly packages: Record<
    string,
    {
      readonly version: string;
      readonly resolved?: string;
      readonly dependencies?: Record<string, string>;
      readonly devDependencies?: Record<string, string>;
      readonly optionalDependencies?: Record<string, string>;
    }
  >;
}

const read = (name: string) => JSON.parse(readFileSync(join(projectFolder, name), "utf8"));
const { packages } = read("package-lock.json") as LockFile;

/** Where Node finds a package from inside another: its own folder, then each one around it. */
function isLocked(from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf("node_modules/"))) {
    const at = folder === "" ? "" : folder.endsWith("/") ? folder : `${folder}/`;
    if (`${at}node_modules/${name}` in packages) return true;
    if (folder === "") return false;
  }
}

test("lock file: every dependency, of every platform, has an entry", () => {
  const missing: string[] = [];
  for (const [path, { dependencies, optionalDependencies }] of Object.entries(packages))
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
      if (!isLocked(path, name)) missing.push(`${path} needs ${name}`);
  expect(missing).toEqual([]);
});

test("lock file: it is that of package.json", () => {
  const { dependencies, devDependencies } = read("package.json");
  expect(packages[""]).toMatchObject({ dependencies, devDependencies });
});

test("lock file: it names no registry, so any will do", () => {
  const named = Object.values(packages).filter(({ resolved }) => resolved !== undefined);
  expect(named.filter(({ resolved }) => !resolved!.includes("//registry.npmjs.org/"))).toEqual([]);
});
