// The compiler is a check like any other, so `npm test` runs it: the build itself emits JavaScript
// in spite of type errors, in order that a half-finished change can be started.

import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolder, runNode } from "../../scripts/project.js";

test("types: the compiler has nothing to say", async () => {
  const tsc = join(projectFolder, "node_modules", "typescript", "bin", "tsc");
  const { code, output } = await runNode([tsc, "--noEmit", "--incremental", "false"], {
    cwd: projectFolder,
    passOn: false,
  });
  expect(output).toBe("");
  expect(code).toBe(0);
});
