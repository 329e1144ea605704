// CONFIG REWRITE: puts the parameters that CONFIG SET has changed into the table `[redis]` of the
// node's TOML file. Everything else in the file stays as somebody wrote it. The file is replaced as
// a whole, so that a crash leaves the old one or the new one.
//
// Left out: comments inside the table, which is written anew.

import { readFileSync, renameSync, writeFileSync } from "node:fs";

const heading = "[redis]";

/** The text of a TOML file with its table `[redis]` holding exactly these parameters. */
export function withParameters(toml: string, parameters: ReadonlyMap<string, string>): string {
  const lines = toml.split("\n");
  const rows = [...parameters].map(
    // JSON's strings are TOML's, but for the one control character that only TOML escapes.
    ([name, value]) =>
      `${JSON.stringify(name)} = ${JSON.stringify(value).replaceAll("\x7f", "\\u007f")}`,
  );
  const start = lines.findIndex((line) => line.trim() === heading);
  if (start < 0) {
    if (rows.length === 0) return toml;
    const gap = toml === "" || toml.endsWith("\n") ? "" : "\n";
    return `${toml}${gap}\n${heading}\n${rows.join("\n")}\n`;
  }
  const next = lines.findIndex((line, index) => index > start && /^\s*\[/.test(line));
  const rest = next < 0 ? [] : ["", ...lines.slice(next)];
  const end = next < 0 ? [""] : [];
  return [...lines.slice(0, start + 1), ...rows, ...rest, ...end].join("\n");
}

/** Rewrites a file; answers why it could not, or undefined. */
export function rewriteConfigFile(
  path: string,
  parameters: ReadonlyMap<string, string>,
): string | undefined {
  try {
    const fresh = `${path}.${process.pid}.new`;
    writeFileSync(fresh, withParameters(readFileSync(path, "utf8"), parameters));
    renameSync(fresh, path);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
