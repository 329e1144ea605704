// Replies of the server, connection and introspection commands against those of redis-server
// 7.0.15, byte by byte.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Rig } from "./harness.js";

interface Row {
  readonly request: string;
  readonly args: readonly string[];
  readonly replies: { 2: string; 3: string };
}

function readRows(): Row[] {
  const rows: Row[] = [];
  const text = readFileSync(new URL("redis-replies.txt", import.meta.url), "utf8");
  for (const line of text.split("\n")) {
    if (line.startsWith("> ")) {
      const request = line.slice(2);
      const args = [...request.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
      rows.push({ request, args, replies: { 2: "", 3: "" } });
    } else if (line.startsWith("2 ")) {
      const reply = JSON.parse(line.slice(2)) as string;
      Object.assign(rows.at(-1)!.replies, { 2: reply, 3: reply });
    } else if (line.startsWith("3 ")) {
      rows.at(-1)!.replies[3] = JSON.parse(line.slice(2)) as string;
    }
  }
  return rows;
}

const rows = readRows();

test.each([2, 3] as const)(
  "redis: every recorded request gets the same reply in RESP%i",
  (resp) => {
    // One connection and one order, for some requests change what later ones answer.
    const client = new Rig().connect();
    if (resp === 3) client.send("HELLO", 3);
    const differences = rows.flatMap(({ request, args, replies }) => {
      const reply = client.send(...args);
      return reply === replies[resp] ? [] : [{ request, ours: reply, redis: replies[resp] }];
    });
    expect(differences).toEqual([]);
    expect(rows.length).toBeGreaterThan(200);
  },
);
