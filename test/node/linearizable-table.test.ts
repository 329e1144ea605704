// Each command that names keys is run on a linearizable key, through its register, and answers as
// the same command on an eventual key; specs/linearizable.md says so.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatMarkdown } from "../../scripts/lib/markdown.js";
import {
  isSingleKey,
  keyedCommands,
  tablePath,
  tableText,
} from "../../scripts/linearizable-table.js";
import { registerObjection } from "../../src/node/linearizable.js";
import { type Client, Rig } from "../server-commands/harness.js";

const rules = { default: "linearizable", prefixes: {} } as const;

/**
 * The right number of arguments, every one of them the key: right often enough to get past parsing.
 */
function request(name: string, arity: number): string[] {
  const words = name.split("|");
  const count = Math.max(Math.abs(arity), words.length + 1);
  while (words.length < count) words.push("1");
  return words;
}

const prepare = (client: Client): void => {
  client.send("SET", "1", "10");
};

test.each(keyedCommands().map((command) => [command.name, command] as const))(
  "linearizable table: %s answers as on an eventual key, or says why not",
  (name, command) => {
    const [ours, usual] = [new Rig({}, rules).connect(), new Rig().connect()];
    prepare(ours);
    prepare(usual);
    const words = request(name, command.arity);
    const reply = ours.send(...words);
    if (registerObjection(command) !== undefined) {
      expect(reply).toMatch(/^-ERR .* does not work on linearizable keys/);
      return;
    }
    expect(reply.replace(/\d{6,}/g, "N")).toBe(usual.send(...words).replace(/\d{6,}/g, "N"));
  },
);

test("linearizable table: at least 95 of 100 commands with one key work", () => {
  const single = keyedCommands().filter(isSingleKey);
  const working = single.filter((command) => registerObjection(command) === undefined);
  expect(single.length).toBeGreaterThan(100);
  expect(working.length / single.length).toBeGreaterThanOrEqual(0.95);
});

test("linearizable table: the file is what the table says", () => {
  expect(readFileSync(tablePath, "utf8")).toBe(formatMarkdown(tableText()));
});
