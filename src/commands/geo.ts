// Positions in sorted sets: GEOADD, GEOPOS, GEODIST, GEOHASH. A position is the score of its member
// (geo-cells.ts), so all commands of sorted sets work on it, and it merges as a score that ZADD
// wrote. Replies and errors: Redis 7.0, geo.c.

import type { ZsetView } from "../keyspace/zset-view.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { formatHuman } from "./double-text.js";
import { fail } from "./errors.js";
import { distanceBetween } from "./geo-area.js";
import { given, readPosition, replyDistance, unitArgument } from "./geo-arguments.js";
import { decodeScore, geohashText, position, scoreAt } from "./geo-cells.js";
import { demandZset } from "./zset-lookup.js";
import { addMembers, option } from "./zsets.js";

let scores = new Float64Array(16);

function geoadd(call: Call): void {
  let options = 0;
  let first = 2;
  for (; first < call.argc; first++) {
    if (call.is(first, "NX")) options |= option.nx;
    else if (call.is(first, "XX")) options |= option.xx;
    else if (call.is(first, "CH")) options |= option.ch;
    else break;
  }
  const rest = call.argc - first;
  const isClash = (options & option.nx) !== 0 && (options & option.xx) !== 0;
  if (rest === 0 || rest % 3 !== 0 || isClash) {
    fail(call, "syntax");
    return;
  }
  if (scores.length < rest / 3) scores = new Float64Array(rest);
  for (let i = 0; i < rest / 3; i++) {
    if (!readPosition(call, first + i * 3)) return;
    scores[i] = scoreAt(given.longitude, given.latitude);
  }
  addMembers(call, scores, first + 2, 3, options);
}

/** Replies something for each member from argument 2 on; `missing` where there is none. */
const eachMember =
  (answer: (call: Call) => void, missing: (call: Call) => void) =>
  (call: Call): void => {
    const ref = call.findForRead(1);
    const view = ref === 0 ? undefined : demandZset(call, ref);
    if (ref !== 0 && view === undefined) return;
    call.reply.array(call.argc - 2);
    for (let index = 2; index < call.argc; index++) {
      if (view !== undefined && findPosition(call, view, index)) answer(call);
      else missing(call);
    }
  };

/**
 * Puts the position of the member at argument `index` into `position`; false when it is not there.
 */
export function findPosition(call: Call, view: ZsetView, index: number): boolean {
  if (!view.seekMember(call.bytes, call.start(index), call.size(index))) return false;
  decodeScore(view.score);
  return true;
}

export function replyPosition({ reply }: Call, longitude: number, latitude: number): void {
  reply.array(2);
  reply.double(formatHuman(longitude));
  reply.double(formatHuman(latitude));
}

function geodist(call: Call): void {
  if (call.argc > 5) {
    fail(call, "syntax");
    return;
  }
  const unit = call.argc === 5 ? unitArgument(call, 4) : 1;
  if (Number.isNaN(unit)) return;
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.nil();
    return;
  }
  const view = demandZset(call, ref);
  if (view === undefined) return;
  if (!findPosition(call, view, 2)) {
    call.reply.nil();
    return;
  }
  const { longitude, latitude } = position;
  if (!findPosition(call, view, 3)) {
    call.reply.nil();
    return;
  }
  const meters = distanceBetween(longitude, latitude, position.longitude, position.latitude);
  replyDistance(call, meters / unit);
}

const shared = { keys: oneKey, categories: ["geo"], group: "geo", since: "3.2.0" } as const;

export const geoCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "geoadd",
    arity: -5,
    flags: ["write", "denyoom"],
    replication: "delta",
    summary:
      "Add one or more geospatial items in the geospatial index represented using a sorted set",
    complexity:
      "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    run: geoadd,
  },
  {
    ...shared,
    name: "geopos",
    arity: -2,
    flags: ["readonly"],
    summary: "Returns longitude and latitude of members of a geospatial index",
    complexity: "O(N) where N is the number of members requested.",
    run: eachMember(
      (call) => replyPosition(call, position.longitude, position.latitude),
      (call) => call.reply.nilArray(),
    ),
  },
  {
    ...shared,
    name: "geodist",
    arity: -4,
    flags: ["readonly"],
    summary: "Returns the distance between two members of a geospatial index",
    complexity: "O(log(N))",
    run: geodist,
  },
  {
    ...shared,
    name: "geohash",
    arity: -2,
    flags: ["readonly"],
    summary: "Returns members of a geospatial index as standard geohash strings",
    complexity:
      "O(log(N)) for each member requested, where N is the number of elements in the sorted set.",
    run: eachMember(
      (call) => call.reply.bulkText(geohashText(position.longitude, position.latitude)),
      (call) => call.reply.nil(),
    ),
  },
];
