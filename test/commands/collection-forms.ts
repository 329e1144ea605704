// A hash or a set in each of its three forms, for tests that every command answers the same in all
// of them. What makes the form is an element called `anchor`, which the commands under test never
// name but must show.

import { fromLatin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { packedBytesMax } from "../../src/keyspace/packed.js";
import { isPacked, kindOf, objectKind } from "../../src/keyspace/record.js";
import { KeyEntry, type Slot, slots } from "../../src/lattice/key-entry.js";
import { type Answer, Bench } from "./harness.js";

export type FormName = "packed" | "table" | "general";
export const formNames: readonly FormName[] = ["packed", "table", "general"];

export interface Formed {
  readonly bench: Bench;
  readonly anchor: string;
  /** Its value; sets have none. */
  readonly anchorValue: string;
}

/** A bench with `key` in a form; elements beside the anchor are the test's. */
export function formed(form: FormName, slot: Slot, key: string): Formed {
  const keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n1/test" });
  const bench = new Bench(keyspace);
  const isHash = slot === slots.hash;
  const long = "x".repeat(packedBytesMax + 1);
  const anchor = form === "table" && !isHash ? long : "anchor";
  const anchorValue = !isHash ? "" : form === "table" ? long : "value";
  if (form === "general") storeSiblings(keyspace, slot, key, [anchor], anchorValue);
  else if (isHash) bench.run("hset", key, anchor, anchorValue);
  else bench.run("sadd", key, anchor);
  return { bench, anchor, anchorValue };
}

/** A key of elements that two replicas wrote without knowing of each other. */
export function storeSiblings(
  keyspace: Keyspace,
  slot: Slot,
  key: string,
  elements: readonly string[],
  value: string,
): void {
  const entry = new KeyEntry();
  entry.isTracked = false;
  const siblings = ["n2/x", "n3/x"].map((name) => {
    const replica = keyspace.replicas.indexOf(name);
    return { time: 9, replica, bornTime: 9, bornReplica: replica, value: fromLatin1(value) };
  });
  for (const element of elements) entry.restore(slot, element, { siblings, rows: [] });
  const bytes = fromLatin1(key);
  keyspace.storeEntry(keyspace.databases[0]!, hashBytes(bytes, 0, bytes.length), bytes, entry);
}

/** How a key is kept. */
export function formOf({ keyspace }: Bench, key: string): FormName | "absent" {
  const bytes = fromLatin1(key);
  const hash = hashBytes(bytes, 0, bytes.length);
  const ref = keyspace.databases[0]!.keys.find(hash, bytes, 0, bytes.length);
  if (ref === 0) return "absent";
  const kind = kindOf(keyspace.arena, ref);
  if (isPacked(kind)) return "packed";
  if (kind !== objectKind) throw new Error("not a collection");
  const store = keyspace.entryOf(ref).sole(slots.hash) ?? keyspace.entryOf(ref).sole(slots.set);
  return (store as unknown as { isSimple: boolean }).isSimple ? "table" : "general";
}

/** The elements of a whole scan, each once; pairs become `a=b`. */
export function scanAll(bench: Bench, command: string, key: string): string[] {
  const found = new Set<string>();
  let cursor = "0";
  do {
    const [next, elements] = bench.run(command, key, cursor, "count", 3) as [string, string[]];
    if (command === "sscan") for (const element of elements) found.add(element);
    else for (const pair of pairsOf(elements)) found.add(pair);
    cursor = next;
  } while (cursor !== "0");
  return [...found].sort();
}

/** A flat list of pairs as sorted `a=b`. */
export function pairsOf(answer: Answer): string[] {
  const flat = answer as string[];
  const pairs: string[] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push(`${flat[i]}=${flat[i + 1]}`);
  return pairs.sort();
}
