// HRANDFIELD and HSCAN. Replies and errors: Redis 7.0, t_hash.c and db.c.

import { Collection } from "../keyspace/collection.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import {
  demandSendable,
  drawDistinct,
  drawElement,
  drawMany,
  randomCount,
} from "./collection-random.js";
import { scanCollection } from "./collection-scan.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { openHash } from "./hashes.js";

const fields = new Collection();

function hrandfield(call: Call): void {
  if (call.argc > 2) {
    hrandfieldCount(call);
    return;
  }
  if (!openHash(call, fields)) return;
  if (fields.count === 0) {
    call.reply.nil();
    return;
  }
  drawElement(call, fields);
  call.reply.bulk(fields.element, fields.elementStart, fields.elementLength);
  fields.close();
}

/** With values two replies come for each, and Redis halves the bound of the count. */
const pairsMax = Number((2n ** 63n - 1n) / 2n);

function hrandfieldCount(call: Call): void {
  const count = randomCount(call, 2);
  if (Number.isNaN(count)) return;
  if (call.argc > 4 || (call.argc === 4 && !call.is(3, "WITHVALUES"))) {
    fail(call, "syntax");
    return;
  }
  const withValues = call.argc === 4;
  if (withValues && Math.abs(count) >= pairsMax) {
    call.reply.error("ERR value is out of range");
    return;
  }
  if (!openHash(call, fields)) return;
  if (fields.count === 0 || count === 0) call.reply.array(0);
  else replyRandom(call, count, withValues);
  fields.close();
}

function replyRandom(call: Call, count: number, withValues: boolean): void {
  const { reply } = call;
  const times = count < 0 ? -count : Math.min(count, fields.count);
  const isNested = withValues && reply.resp3;
  demandSendable(times);
  reply.array(withValues && !isNested ? times * 2 : times);
  const answer = (): void => {
    if (isNested) reply.array(2);
    reply.bulk(fields.element, fields.elementStart, fields.elementLength);
    if (withValues) reply.bulk(fields.value, fields.valueStart, fields.valueLength);
  };
  if (count < 0) drawMany(call, fields, times, answer);
  else if (times === fields.count) fields.each(answer);
  else drawDistinct(call, fields, times, answer);
}

const shared = { keys: oneKey, categories: ["hash"], group: "hash", flags: ["readonly"] } as const;

export const hashRandomCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "hrandfield",
    arity: -2,
    since: "6.2.0",
    summary: "Get one or multiple random fields from a hash",
    complexity: "O(N) where N is the number of fields returned",
    run: hrandfield,
  },
  {
    ...shared,
    name: "hscan",
    arity: -3,
    since: "2.8.0",
    summary: "Incrementally iterate hash fields and associated values",
    complexity: "O(1) for every call. O(N) for a complete iteration.",
    run: (call) => scanCollection(call, fields, slots.hash, true),
  },
];
