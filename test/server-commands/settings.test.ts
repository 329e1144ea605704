// CONFIG's parameters: all of Redis 7.0.15, each with its default, each keeping its own value, none
// half changed.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { settingSpecs } from "../../src/commands/settings-table.js";
import { Rig } from "./harness.js";

function redisSettings(): Map<string, string> {
  const text = readFileSync(new URL("redis-settings.txt", import.meta.url), "utf8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = `${line} `.indexOf(" ");
      return [line.slice(0, space), line.slice(space + 1)];
    }),
  );
}

describe("settings", () => {
  test("settings: every parameter of Redis 7.0.15 exists and prints Redis's default", () => {
    const store = new SettingsStore();
    const ours = new Map(store.names().map((name) => [name, store.get(name)!]));
    const sorted = (map: Map<string, string>): string[] =>
      [...map].map(([name, value]) => `${name} ${value}`).sort();
    expect(sorted(ours)).toEqual(sorted(redisSettings()));
  });

  test("settings: every mutable parameter takes its own value and shows it again", () => {
    const client = new Rig({ save: "3600 1 300 100" }).connect();
    const before = client.pairs("CONFIG", "GET", "*");
    expect(before.size).toBe(redisSettings().size);
    const mutable = [...before.keys()].filter(
      (name) =>
        !settingSpecs.some((s) => s.immutable && [s.name, ...(s.aliases ?? [])].includes(name)),
    );
    for (const name of mutable) {
      expect(client.send("CONFIG", "SET", name, before.get(name)!), name).toBe("+OK\r\n");
    }
    expect(client.pairs("CONFIG", "GET", "*")).toEqual(before);
    expect(mutable.length).toBeGreaterThan(150);
  });

  test("settings: a number takes its least and its greatest value and nothing beyond", () => {
    for (const spec of settingSpecs) {
      if (spec.min === undefined || spec.immutable || spec.complete !== undefined) continue;
      if (spec.name === "port" || spec.name === "tls-port") continue;
      const store = new SettingsStore();
      const min = spec.kind === "memoryOrPercent" ? 0n : BigInt(spec.min);
      const max = BigInt(spec.max!);
      for (const value of [min, max]) {
        expect(store.set(spec.name, String(value)), spec.name).toBeUndefined();
        expect(store.get(spec.name)).toBe(String(value));
      }
      const refused = "argument";
      expect(store.set(spec.name, String(min - 1n)), spec.name).toContain(refused);
      // Above 64 bits the digits overflow as in Redis, so only smaller bounds can be passed.
      if (max < 2n ** 63n) expect(store.set(spec.name, String(max + 1n))).toContain(refused);
    }
  });

  test("settings: a group with one bad value changes nothing", () => {
    const client = new Rig().connect();
    const before = client.pairs("CONFIG", "GET", "*");
    const reply = client.send(
      "CONFIG",
      "SET",
      "maxmemory",
      "100mb",
      "timeout",
      "60",
      "hz",
      "often",
    );
    expect(reply).toMatch(/^-ERR CONFIG SET failed \(possibly related to argument 'hz'\)/);
    expect(client.pairs("CONFIG", "GET", "*")).toEqual(before);
  });

  test("settings: a change that cannot be carried out takes the others back", () => {
    const store = new SettingsStore();
    const applied: string[] = [];
    store.onApply("maxclients", (value) => {
      applied.push(value);
      return undefined;
    });
    const heard: string[] = [];
    store.onChange("maxclients", (value) => heard.push(value));
    const refusal = store.setAll([
      ["maxclients", "500"],
      ["port", "1"],
    ]);
    expect(refusal).toEqual({
      name: "port",
      reason: "Unable to listen on this port. Check server logs.",
    });
    expect(applied).toEqual(["500", "10000"]);
    expect(heard).toEqual(["10000"]);
    expect(store.number("maxclients")).toBe(10_000);
  });

  test("settings: memory takes Redis's units, in any letter case", () => {
    const store = new SettingsStore();
    const cases: [string, number][] = [
      ["1k", 1000],
      ["1kb", 1024],
      ["3M", 3_000_000],
      ["3MB", 3 * 1024 ** 2],
      ["2g", 2_000_000_000],
      ["2Gb", 2 * 1024 ** 3],
      ["7b", 7],
      ["0", 0],
    ];
    for (const [text, bytes] of cases) {
      expect(store.set("maxmemory", text)).toBeUndefined();
      expect(store.number("maxmemory")).toBe(bytes);
    }
    expect(store.set("maxmemory", "1tb")).toBe("argument must be a memory value");
    expect(store.set("maxmemory", "-1")).toBe("argument must be a memory value");
  });

  test("settings: listeners hear of a change under either name, once it holds", () => {
    const store = new SettingsStore();
    const heard: string[] = [];
    store.onChange("hash-max-ziplist-entries", (value) =>
      heard.push(`${value} ${store.get("hash-max-listpack-entries")}`),
    );
    store.set("hash-max-listpack-entries", "7");
    store.set("HASH-MAX-ZIPLIST-ENTRIES", "9");
    expect(heard).toEqual(["512 512", "7 7", "9 9"]);
  });

  test("settings: two nodes in one process have settings of their own", () => {
    const [one, two] = [new SettingsStore(), new SettingsStore()];
    one.set("maxmemory", "1mb");
    expect(two.get("maxmemory")).toBe("0");
  });

  test("settings: what is marked real is asked for somewhere in the sources", () => {
    const sources = readSources();
    const unread = settingSpecs.filter(
      ({ support, name }) => support === "real" && !givenAtStart.has(name) && !asks(sources, name),
    );
    expect(unread.map(({ name }) => name)).toEqual([]);
  });
});

/** What the program passes on from its own settings; they cannot change while it runs. */
const givenAtStart = new Set(["port", "databases"]);

function readSources(): string {
  const folder = new URL("../../src/", import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files
    .filter((name) => /^(?!.*(settings-|info-(sections|memory))).*\.ts$/.test(name))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
}

/**
 * Whether some call passes the name, perhaps as a template such as `${type}-max-listpack-entries`.
 */
function asks(sources: string, name: string): boolean {
  const tail = name.slice(name.indexOf("-"));
  return new RegExp(`[(,]\\s*"${name}"`).test(sources) || sources.includes(`}${tail}\``);
}
