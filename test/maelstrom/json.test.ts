// Keys and values of Maelstrom as bytes, and the checks of messages as the build compiles them.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compiledModule } from "../../scripts/compile-checks.js";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import { schemasFingerprint } from "../../src/host/stdio-host-checks.js";
import { bytesOfJson, flawOfJson, type Json, jsonOfBytes } from "../../src/wire/maelstrom-json.js";
import { type CheckName, type Checks, schemas } from "../../src/wire/maelstrom-schemas.js";
import { decodeReply } from "../../src/wire/reply-decoder.js";
import { checks } from "./cluster.js";

const anyJson = fc
  .jsonValue({ maxDepth: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json)
  .filter((value) => flawOfJson(value) === undefined);

const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "4",
    "null",
    '"x"',
    " 4",
    "4 ",
    "\ufeff4",
    "\ud800",
    "[",
    "1e999",
    "9".repeat(30),
  ),
);

test("json: every value comes back, and different values have different bytes", () => {
  fc.assert(
    fc.property(fc.oneof(anyJson, texts), fc.oneof(anyJson, texts), (a, b) => {
      expect(jsonOfBytes(bytesOfJson(a))).toEqual(a);
      const isSame = fromUtf8(bytesOfJson(a)) === fromUtf8(bytesOfJson(b));
      expect(isSame).toBe(JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)));
    }),
    { numRuns: 1000 },
  );
});

/** Members in order, at every depth; -0 is 0. */
function sorted(value: Json): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { members: members.map(([name, part]) => [name, sorted(part)]) };
}

test("json: plain text is stored as it is, so that Redis clients read it", () => {
  const stored = (value: Json): string => fromUtf8(bytesOfJson(value));
  expect(stored("red")).toBe("red");
  expect(stored("")).toBe("");
  expect(stored("4")).toBe('"4"');
  expect(stored(4)).toBe("4");
  expect(stored({ b: 1, a: { d: [], c: "x" } })).toBe('{"a":{"c":"x","d":[]},"b":1}');
  expect(jsonOfBytes(utf8("4"))).toBe(4);
  expect(jsonOfBytes(utf8("not {json"))).toBe("not {json");
  expect(jsonOfBytes(Uint8Array.of(0xff))).toBe("\ufffd");
});

test("json: what a double cannot hold is refused, not rounded", () => {
  for (const text of ["9007199254740993", "1e400", "[[-9007199254740993]]", '{"a":{"b":1e300}}'])
    expect(flawOfJson(JSON.parse(text) as Json)).toBeDefined();
  for (const text of ["9007199254740991", "0.1", "-0", "[]"])
    expect(flawOfJson(JSON.parse(text) as Json)).toBeUndefined();
});

test("checks: the compiled module judges like the schemas, and knows which schemas it is of", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skerry-checks-"));
  const file = join(folder, "checks.mjs");
  writeFileSync(file, compiledModule());
  const compiled = (await import(pathToFileURL(file).href)) as Checks & { fingerprint: string };
  rmSync(folder, { recursive: true });
  expect(compiled.fingerprint).toBe(schemasFingerprint());
  const field = fc.constantFrom(
    ...["msg_id", "in_reply_to", "type", "src", "dest", "body", "node_id", "node_ids", "frame"],
    ...["echo", "topology", "message", "element", "delta", "key", "value", "from", "to"],
  );
  const value = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom<Json>(1, "n1", ["n1"], {}));
  const message = fc.dictionary(field, value, { maxKeys: 6 });
  fc.assert(
    fc.property(
      fc.constantFrom(...(Object.keys(schemas) as CheckName[])),
      message,
      (name, body) => {
        expect(compiled[name](body)).toBe(checks[name](body));
      },
    ),
    { numRuns: 2000 },
  );
});

test("replies: what the reply encoder writes is read back", () => {
  const of = (text: string) => decodeReply(Buffer.from(text, "latin1"));
  expect(of("+OK\r\n")).toEqual({ kind: "simple", text: "OK" });
  expect(of("-ERR no\r\n")).toEqual({ kind: "error", text: "ERR no" });
  expect(of(":-12\r\n")).toEqual({ kind: "integer", text: "-12" });
  expect(of("$-1\r\n")).toEqual({ kind: "nil" });
  const nested = of("*3\r\n$4\r\na\r\nb\r\n*0\r\n*1\r\n:1\r\n");
  expect(nested).toEqual({
    kind: "array",
    items: [
      { kind: "bulk", bytes: expect.anything() },
      { kind: "array", items: [] },
      { kind: "array", items: [{ kind: "integer", text: "1" }] },
    ],
  });
  expect(() => of("+OK")).toThrow();
  expect(() => of("+OK\r\n+OK\r\n")).toThrow();
  expect(() => of("?\r\n")).toThrow();
});
