// Generated documents as the formatter leaves them, so that writing one anew changes nothing.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { projectFolder } from "../project.js";

export const biomeProgram = join(
  projectFolder,
  "node_modules",
  "@biomejs",
  "biome",
  "bin",
  "biome",
);

/** The document with its tables padded; throws what the formatter has to say against it. */
export function formatMarkdown(text: string): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [biomeProgram, "format", "--stdin-file-path", "specs/generated.md"],
    { cwd: projectFolder, input: text, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the formatter refuses a document: ${stderr}`);
  return stdout;
}
