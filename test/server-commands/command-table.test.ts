// Every command that carries a name of Redis 7.0.15 has Redis's arity, flags, key positions, ACL
// categories, group and first version. The record is what the dispatcher, COMMAND, the ACL and
// cluster-aware clients go by.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Argument, argumentsOf } from "../../src/commands/command-docs-grammar.js";
import { Rig } from "./harness.js";

interface Facts {
  readonly arity: string;
  readonly keys: string;
  readonly flags: string;
  readonly categories: string;
  readonly since: string;
  readonly group: string;
}

function readFacts(): Map<string, Facts> {
  const text = readFileSync(new URL("redis-commands.txt", import.meta.url), "utf8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [name, arity, first, last, step, flags, categories, since, group] = line.split(" ");
      return [
        name!,
        {
          arity: arity!,
          keys: `${first} ${last} ${step}`,
          flags: flags!,
          categories: categories!,
          since: since!,
          group: group!,
        },
      ];
    }),
  );
}

const redis = readFacts();

/** A RESP2 reply as nested arrays of texts. */
type Value = string | null | Value[];

function parse(reply: string): Value {
  let at = 0;
  const next = (): Value => {
    const end = reply.indexOf("\r\n", at);
    const kind = reply[at]!;
    const rest = reply.slice(at + 1, end);
    at = end + 2;
    if (kind === "*") return rest === "-1" ? null : Array.from({ length: Number(rest) }, next);
    if (kind !== "$") return rest;
    if (rest === "-1") return null;
    const text = reply.slice(at, at + Number(rest));
    at += text.length + 2;
    return text;
  };
  return next();
}

/** What COMMAND INFO and DOCS of this node say of a command. */
function ourFacts(client: ReturnType<Rig["connect"]>, name: string): Facts | undefined {
  const info = (parse(client.send("COMMAND", "INFO", name)) as Value[])[0] as Value[] | null;
  if (info === null) return undefined;
  const docs = (parse(client.send("COMMAND", "DOCS", name)) as Value[])[1] as string[];
  const doc = (field: string): string => docs[docs.indexOf(field) + 1]!;
  const words = (value: Value | undefined): string => (value as string[]).join(",") || "-";
  return {
    arity: info[1] as string,
    keys: `${info[3]} ${info[4]} ${info[5]}`,
    flags: words(info[2]),
    categories: words(info[6]).replaceAll("@", ""),
    since: doc("since"),
    group: doc("group"),
  };
}

describe("the command table", () => {
  const rig = new Rig();
  const client = rig.connect();

  test("redis: records of Redis's commands say what Redis's say", () => {
    const differences = [...redis].flatMap(([name, facts]) => {
      const ours = ourFacts(client, name);
      return ours === undefined || JSON.stringify(ours) === JSON.stringify(facts)
        ? []
        : [{ name, ours, redis: facts }];
    });
    expect(differences).toEqual([]);
  });
});

test("docs: arguments of every command are read, with their nesting", () => {
  const named = [...redis.keys()].map((name) => ({ name, args: argumentsOf(name) }));
  expect(named.filter(({ args }) => args.length > 0)).toHaveLength(276);
  const outline = (args: readonly Argument[]): string =>
    args
      .map(({ name, token, flags, parts }) => {
        const inner = parts === undefined ? "" : `(${outline(parts)})`;
        return `${token ?? name}${flags.includes("optional") ? "?" : ""}${inner}`;
      })
      .join(" ");
  expect(outline(argumentsOf("set"))).toBe(
    "key value condition?(NX XX) GET? expiration?(EX PX EXAT PXAT KEEPTTL)",
  );
  expect(outline(argumentsOf("xgroup|create"))).toBe(
    "key groupname id(id $) MKSTREAM? ENTRIESREAD?",
  );
});
