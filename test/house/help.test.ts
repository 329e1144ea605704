// Every command of package.json explains itself and refuses what it does not know, in a sentence.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectFolder } from "../../scripts/project.js";

const { scripts } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as {
  scripts: Readonly<Record<string, string>>;
};
/** These hand everything on to somebody else's program: Vitest, Maelstrom. */
const foreign = ["test", "maelstrom:official"];

function run(script: string, ...args: readonly string[]) {
  // Without `--tests`: no help needs a Debian package.
  const words = script.split(" ").slice(1);
  const before = words.filter((word) => word !== "--tests");
  const options = { cwd: projectFolder, encoding: "utf8", timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...before, ...args], options);
  return { status, stdout, stderr };
}

describe.each(Object.entries(scripts).filter(([name]) => !foreign.includes(name)))(
  "npm run %s",
  (_name, script) => {
    test("-- --help tells what it does", () => {
      const { status, stdout, stderr } = run(script, "--help");
      expect({ status, stack: /^\s+at /m.test(stderr) }).toEqual({ status: 0, stack: false });
      expect(`${stdout}${stderr}`).toMatch(/^Usage: |^skerry: \S+: \S/m);
    });

    test("an option that it does not know ends it with a sentence", () => {
      const { status, stdout, stderr } = run(script, "--no-such-option");
      expect(status).not.toBe(0);
      expect(stdout).toBe("");
      expect(stderr).toMatch(/unknown option|does not know|is invalid/);
      expect(stderr).not.toMatch(/^\s+at /m);
    });
  },
);
