// OBJECT: what is known of a key beside its value. Encodings are names that clients and tests
// expect, worked out from the value by Redis's thresholds; nothing is stored that way here. Replies
// and errors: Redis 7.0, object.c.

import type { Ref } from "../keyspace/arena.js";
import * as record from "../keyspace/record.js";
import { viewText } from "../keyspace/text-view.js";
import type { ElementStore } from "../lattice/element-store.js";
import { type Slot, slots } from "../lattice/key-entry.js";
import { type Call, parseInt64, parseSafeInteger } from "./call.js";
import type { CommandSpec } from "./command.js";
import { findUntouched, visibleSlotOf } from "./lookup.js";
import { container } from "./server-spec.js";

/** The longest string that Redis keeps beside its header. */
const embeddedBytesMax = 44;
/** Integers below this are shared objects in Redis, with this many references. */
const sharedIntegers = 10_000;
const sharedReferences = 0x7fff_ffff;

/** Runs with the record under argument 2, or replies nil. */
const onKey =
  (run: (call: Call, ref: Ref) => void) =>
  (call: Call): void => {
    const ref = findUntouched(call, 2);
    if (ref === 0) call.reply.nil();
    else run(call, ref);
  };

/** The name of the encoding that Redis would keep the value in. */
export function encodingOf(call: Call, ref: Ref): string {
  const slot = visibleSlotOf(call, ref);
  return slot === slots.string ? textEncoding(call, ref) : collection(call, ref, slot);
}

function textEncoding(call: Call, ref: Ref): string {
  const { keyspace } = call;
  const isRoomy = record.isRoomy(keyspace.arena, ref);
  const { bytes, start, length } = viewText(keyspace, ref);
  if (isRoomy && record.kindOf(keyspace.arena, ref) === record.textKind) return "raw";
  if (!isRoomy && parseInt64(bytes, start, length) !== undefined) return "int";
  return length <= embeddedBytesMax ? "embstr" : "raw";
}

function collection(call: Call, ref: Ref, slot: Slot): string {
  const elements = call.keyspace.entryOf(ref).slot(slot)!;
  const isRoomy = record.isRoomy(call.keyspace.arena, ref);
  switch (slot) {
    case slots.set:
      return !isRoomy && isIntegerSet(call, elements) ? "intset" : "hashtable";
    case slots.hash:
      return !isRoomy && isSmall(call, elements, "hash") ? "listpack" : "hashtable";
    case slots.zset:
      return !isRoomy && isSmall(call, elements, "zset") ? "listpack" : "skiplist";
    case slots.list:
      return "quicklist";
    default:
      return "stream";
  }
}

function isIntegerSet(call: Call, elements: ElementStore): boolean {
  const { settings } = call.environment;
  if (elements.visibleCount > settings.number("set-max-intset-entries")) return false;
  for (const [member] of elements.entries()) {
    if (!elements.isVisible(member)) continue;
    const bytes = Buffer.from(member, "latin1");
    if (parseInt64(bytes, 0, bytes.length) === undefined) return false;
  }
  return true;
}

function isSmall(call: Call, elements: ElementStore, type: "hash" | "zset"): boolean {
  const { settings } = call.environment;
  if (elements.visibleCount > settings.number(`${type}-max-listpack-entries`)) return false;
  const bytesMax = settings.number(`${type}-max-listpack-value`);
  for (const [element, cell] of elements.entries()) {
    if (element.length > bytesMax) return false;
    if (type === "hash" && cell.siblings.some(({ value }) => value.length > bytesMax)) return false;
  }
  return true;
}

function refcount(call: Call, ref: Ref): void {
  call.reply.integer(isSharedInteger(call, ref) ? sharedReferences : 1);
}

/** With a limit and a policy that goes by the use of keys, each needs an object of its own. */
function marksEachKey(call: Call): boolean {
  const { settings } = call.environment;
  return settings.number("maxmemory") !== 0 && /-l[rf]u$/.test(settings.get("maxmemory-policy")!);
}

function isSharedInteger(call: Call, ref: Ref): boolean {
  if (visibleSlotOf(call, ref) !== slots.string || textEncoding(call, ref) !== "int") return false;
  const { bytes, start, length } = viewText(call.keyspace, ref);
  const value = parseSafeInteger(bytes, start, length);
  return value >= 0 && value < sharedIntegers && !marksEachKey(call);
}

const countsFrequency = (call: Call): boolean =>
  call.environment.settings.get("maxmemory-policy")?.endsWith("-lfu") === true;

const switching =
  "Please note that when switching between policies at runtime LRU and LFU data will take " +
  "some time to adjust.";

function idletime(call: Call, ref: Ref): void {
  const { keyspace, reply } = call;
  if (countsFrequency(call)) {
    reply.error(`ERR An LFU maxmemory policy is selected, idle time not tracked. ${switching}`);
    return;
  }
  reply.integer(keyspace.idleSecondsOf(ref));
}

function freq(call: Call, ref: Ref): void {
  if (countsFrequency(call)) {
    call.reply.integer(call.keyspace.frequencyOf(ref));
    return;
  }
  call.reply.error(
    `ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${switching}`,
  );
}

const sub = {
  arity: 3,
  flags: ["readonly"],
  keys: { first: 2, last: 2, step: 1 },
  categories: ["keyspace"],
  group: "generic",
  complexity: "O(1)",
  usage: "<key>",
} as const;

const objectCommand = container({
  name: "object",
  summary: "A container for object introspection commands",
  since: "2.2.3",
  group: "generic",
  helpSince: "6.2.0",
  subcommands: [
    {
      ...sub,
      name: "encoding",
      since: "2.2.3",
      summary: "Inspect the internal encoding of a Redis object",
      run: onKey((call, ref) => call.reply.bulkText(encodingOf(call, ref))),
    },
    {
      ...sub,
      name: "freq",
      since: "4.0.0",
      summary: "Get the logarithmic access frequency counter of a Redis object",
      run: onKey(freq),
    },
    {
      ...sub,
      name: "idletime",
      since: "2.2.3",
      summary: "Get the time since a Redis object was last accessed",
      run: onKey(idletime),
    },
    {
      ...sub,
      name: "refcount",
      since: "2.2.3",
      summary: "Get the number of references to the value of the key",
      run: onKey(refcount),
    },
  ],
});

export const objectCommands: readonly CommandSpec[] = [objectCommand];
