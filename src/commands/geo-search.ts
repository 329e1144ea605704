// Who is near: GEORADIUS with its relatives, GEOSEARCH, GEOSEARCHSTORE. The cells that cover the
// shape are intervals of scores; what lies in them is measured one by one. Replies, errors and
// order: Redis 7.0, geo.c. Left out: the order among equal distances when COUNT cuts a sorted
// result, where Redis's partial quicksort leaves it to chance.

import type { Bytes } from "../base/bytes.js";
import { ScoredList } from "../keyspace/scored-list.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey, twoKeys } from "./command.js";
import { fail } from "./errors.js";
import { findPosition, replyPosition } from "./geo.js";
import { cellsCovering, distanceWithin, type Shape } from "./geo-area.js";
import {
  doubleArgument,
  given,
  readPosition,
  replyDistance,
  unitArgument,
} from "./geo-arguments.js";
import { decodeScore, position, scoresOf } from "./geo-cells.js";
import { demandZset } from "./zset-lookup.js";
import { replaceZset } from "./zset-store.js";

/** Where a search begins: at coordinates or a member in fixed places, or as options say. */
type Origin = "coordinates" | "member" | "options";

interface Variant {
  readonly origin: Origin;
  /** Position of the key that is searched. */
  readonly source: number;
  /** Takes STORE and STOREDIST with a key. */
  readonly mayStore: boolean;
}

/** What one command asks for. */
interface Search {
  readonly shape: Shape;
  hasOrigin: "no" | "member" | "coordinates";
  hasShape: "no" | "circle" | "box";
  withDistance: boolean;
  withHash: boolean;
  withPosition: boolean;
  /** Any so many will do; unlimited when 0. */
  count: number;
  isAny: boolean;
  sort: "none" | "ascending" | "descending";
  /** Position of the key to store under, 0 for none. */
  target: number;
  storesDistance: boolean;
}

const newSearch = (target: number): Search => ({
  shape: { longitude: 0, latitude: 0, unit: 1, radius: 0, width: 0, height: 0 },
  hasOrigin: "no",
  hasShape: "no",
  withDistance: false,
  withHash: false,
  withPosition: false,
  count: 0,
  isAny: false,
  sort: "none",
  target,
  storesDistance: false,
});

const search =
  (variant: Variant) =>
  (call: Call): void => {
    const { origin, source } = variant;
    const ref = call.findForRead(source);
    const view = ref === 0 ? undefined : demandZset(call, ref);
    if (ref !== 0 && view === undefined) return;
    const request = newSearch(origin === "options" && source === 2 ? 1 : 0);
    if (!readBase(call, origin, view, request)) return;
    const first = origin === "coordinates" ? 6 : origin === "member" ? 5 : source + 1;
    if (!readOptions(call, first, variant, view, request)) return;
    if (!isWhole(call, origin, request)) return;
    const found = view === undefined ? [] : findMembers(view, request);
    if (request.target === 0) replyFound(call, found, request);
    else storeFound(call, found, request, origin);
  };

/** What GEORADIUS and GEORADIUSBYMEMBER have before their options. */
function readBase(
  call: Call,
  origin: Origin,
  view: ZsetView | undefined,
  request: Search,
): boolean {
  if (origin === "options") return true;
  if (origin === "coordinates") {
    return readOrigin(call, 2, request) && readCircle(call, 4, request);
  }
  if (view === undefined) return true;
  return readMember(call, 2, view, request) && readCircle(call, 3, request);
}

function readOrigin(call: Call, index: number, request: Search): boolean {
  if (!readPosition(call, index)) return false;
  request.hasOrigin = "coordinates";
  Object.assign(request.shape, given);
  return true;
}

function readMember(
  call: Call,
  index: number,
  view: ZsetView | undefined,
  request: Search,
): boolean {
  request.hasOrigin = "member";
  if (view === undefined) return true;
  if (!findPosition(call, view, index)) {
    call.reply.error("ERR could not decode requested zset member");
    return false;
  }
  Object.assign(request.shape, position);
  return true;
}

function readCircle(call: Call, index: number, request: Search): boolean {
  const { shape } = request;
  const radius = doubleArgument(call, index, "ERR need numeric radius");
  if (Number.isNaN(radius)) return false;
  if (radius < 0) {
    call.reply.error("ERR radius cannot be negative");
    return false;
  }
  request.hasShape = "circle";
  shape.radius = radius;
  shape.unit = unitArgument(call, index + 1);
  return !Number.isNaN(shape.unit);
}

function readBox(call: Call, index: number, request: Search): boolean {
  const { shape } = request;
  const width = doubleArgument(call, index, "ERR need numeric width");
  if (Number.isNaN(width)) return false;
  const height = doubleArgument(call, index + 1, "ERR need numeric height");
  if (Number.isNaN(height)) return false;
  if (width < 0 || height < 0) {
    call.reply.error("ERR height or width cannot be negative");
    return false;
  }
  request.hasShape = "box";
  shape.radius = -1;
  shape.width = width;
  shape.height = height;
  shape.unit = unitArgument(call, index + 2);
  return !Number.isNaN(shape.unit);
}

function readOptions(
  call: Call,
  first: number,
  variant: Variant,
  view: ZsetView | undefined,
  request: Search,
): boolean {
  for (let index = first; index < call.argc; ) {
    const taken = readFlag(call, index, request)
      ? 1
      : variant.origin === "options"
        ? readShapeOption(call, index, variant, view, request)
        : readStoreOption(call, index, variant, request);
    if (taken === failed) return false;
    if (taken > 0) {
      index += taken;
      continue;
    }
    if (!call.is(index, "COUNT") || index + 1 >= call.argc) {
      fail(call, "syntax");
      return false;
    }
    if (!readCount(call, index + 1, request)) return false;
    index += 2;
  }
  return true;
}

/** An option that was there and wrong: the error is replied. */
const failed = -1;

function readFlag(call: Call, index: number, request: Search): boolean {
  if (call.is(index, "WITHDIST")) request.withDistance = true;
  else if (call.is(index, "WITHHASH")) request.withHash = true;
  else if (call.is(index, "WITHCOORD")) request.withPosition = true;
  else if (call.is(index, "ANY")) request.isAny = true;
  else if (call.is(index, "ASC")) request.sort = "ascending";
  else if (call.is(index, "DESC")) request.sort = "descending";
  else return false;
  return true;
}

function readCount(call: Call, index: number, request: Search): boolean {
  const count = call.int64(index);
  if (count === undefined) {
    fail(call, "notInteger");
    return false;
  }
  if (count <= 0n) {
    call.reply.error("ERR COUNT must be > 0");
    return false;
  }
  request.count = Number(count);
  return true;
}

/** How many arguments STORE or STOREDIST took. */
function readStoreOption(call: Call, index: number, variant: Variant, request: Search): number {
  const hasKey = index + 1 < call.argc;
  if (!variant.mayStore || !hasKey) return 0;
  const storesDistance = call.is(index, "STOREDIST");
  if (!storesDistance && !call.is(index, "STORE")) return 0;
  request.target = index + 1;
  request.storesDistance = storesDistance;
  return 2;
}

/** How many arguments an option of GEOSEARCH took. */
function readShapeOption(
  call: Call,
  index: number,
  variant: Variant,
  view: ZsetView | undefined,
  request: Search,
): number {
  const left = call.argc - index - 1;
  if (variant.source === 2 && call.is(index, "STOREDIST")) {
    request.storesDistance = true;
    return 1;
  }
  if (left >= 1 && request.hasOrigin !== "coordinates" && call.is(index, "FROMMEMBER")) {
    return readMember(call, index + 1, view, request) ? 2 : failed;
  }
  if (left >= 2 && request.hasOrigin !== "member" && call.is(index, "FROMLONLAT")) {
    return readOrigin(call, index + 1, request) ? 3 : failed;
  }
  if (left >= 2 && request.hasShape !== "box" && call.is(index, "BYRADIUS")) {
    return readCircle(call, index + 1, request) ? 3 : failed;
  }
  if (left >= 3 && request.hasShape !== "circle" && call.is(index, "BYBOX")) {
    return readBox(call, index + 1, request) ? 4 : failed;
  }
  return 0;
}

/** Whether the options make sense together; otherwise the error was replied. */
function isWhole(call: Call, origin: Origin, request: Search): boolean {
  const { reply } = call;
  const isOption = origin === "options";
  if (request.target > 0 && (request.withDistance || request.withHash || request.withPosition)) {
    const name = isOption ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS";
    reply.error(`ERR ${name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
    return false;
  }
  if (isOption && request.hasOrigin === "no") {
    reply.error(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${call.text(0)}`);
    return false;
  }
  if (isOption && request.hasShape === "no") {
    reply.error(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${call.text(0)}`);
    return false;
  }
  if (request.isAny && request.count === 0) {
    reply.error("ERR the ANY argument requires COUNT argument");
    return false;
  }
  return true;
}

interface Found {
  readonly member: Bytes;
  readonly score: number;
  readonly longitude: number;
  readonly latitude: number;
  /** Meters. */
  readonly distance: number;
}

function findMembers(view: ZsetView, request: Search): Found[] {
  const { shape, count, isAny } = request;
  const enough = isAny ? count : Number.POSITIVE_INFINITY;
  const found: Found[] = [];
  for (const cell of cellsCovering(shape)) {
    if (found.length >= enough) break;
    const { from, to } = scoresOf(cell);
    addWithin(view, from, to, shape, enough, found);
  }
  // The closest ones are meant, unless any will do.
  const sort = request.sort === "none" && count > 0 && !isAny ? "ascending" : request.sort;
  if (sort === "ascending") found.sort((a, b) => a.distance - b.distance);
  else if (sort === "descending") found.sort((a, b) => b.distance - a.distance);
  return count > 0 ? found.slice(0, count) : found;
}

/** Adds the members with scores in [from, to) that lie in the shape. */
function addWithin(
  view: ZsetView,
  from: number,
  to: number,
  shape: Shape,
  enough: number,
  found: Found[],
): void {
  const last = view.rankOfScore(to, false);
  const first = view.rankOfScore(from, false);
  for (let rank = first; rank < last && found.length < enough; rank++) {
    if (rank === first) view.seek(first);
    else view.step(false);
    const { score } = view;
    decodeScore(score);
    const { longitude, latitude } = position;
    const distance = distanceWithin(shape, longitude, latitude);
    if (Number.isNaN(distance)) continue;
    const member = view.bytes.slice(view.start, view.start + view.length);
    found.push({ member, score, longitude, latitude, distance });
  }
}

function replyFound(call: Call, found: readonly Found[], request: Search): void {
  const { reply } = call;
  const { withDistance, withHash, withPosition, shape } = request;
  const extras = (withDistance ? 1 : 0) + (withHash ? 1 : 0) + (withPosition ? 1 : 0);
  reply.array(found.length);
  for (const { member, score, longitude, latitude, distance } of found) {
    if (extras > 0) reply.array(extras + 1);
    reply.bulk(member);
    if (withDistance) replyDistance(call, distance / shape.unit);
    // At the upper bounds of the grid a score has 54 bits.
    if (withHash) reply.bigInteger(BigInt(Math.trunc(score)));
    if (withPosition) replyPosition(call, longitude, latitude);
  }
}

function storeFound(call: Call, found: readonly Found[], request: Search, origin: Origin): void {
  const { storesDistance, shape } = request;
  const members = new ScoredList();
  for (const { member, score, distance } of found) {
    members.push(member, 0, member.length, storesDistance ? distance / shape.unit : score);
  }
  const event = origin === "options" ? "geosearchstore" : "georadiusstore";
  replaceZset(call, request.target, members, event);
}

/** The key and the last target of STORE or STOREDIST among the options from `first` on. */
const keysWithTarget =
  (first: number) =>
  (call: Call): number[] => {
    let target = 0;
    for (let index = first; index + 1 < call.argc; index++) {
      if (!call.is(index, "STORE") && !call.is(index, "STOREDIST")) continue;
      target = ++index;
    }
    return target === 0 ? [1] : [1, target];
  };

const shared = { categories: ["geo"], group: "geo" } as const;
const writing = {
  ...shared,
  keys: oneKey,
  findKeys: keysWithTarget(5),
  flags: ["write", "denyoom", "movablekeys"],
  replication: "delta",
  since: "3.2.0",
} as const;
const reading = { ...shared, keys: oneKey, flags: ["readonly"] } as const;
const circleComplexity =
  "O(N+log(M)) where N is the number of elements inside the bounding box of the circular " +
  "area delimited by center and radius and M is the number of items inside the index.";
const shapeComplexity =
  "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area " +
  "around the shape provided as the filter and M is the number of items inside the shape";

export const geoSearchCommands: readonly CommandSpec[] = [
  {
    ...writing,
    name: "georadius",
    arity: -6,
    summary:
      "Query a sorted set representing a geospatial index to fetch members matching a " +
      "given maximum distance from a point",
    complexity: circleComplexity,
    deprecated: {
      since: "6.2.0",
      replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
    },
    run: search({ origin: "coordinates", source: 1, mayStore: true }),
  },
  {
    ...reading,
    name: "georadius_ro",
    arity: -6,
    since: "3.2.10",
    summary: "A read-only variant for GEORADIUS",
    complexity: circleComplexity,
    deprecated: { since: "6.2.0", replacedBy: "`GEOSEARCH` with the `BYRADIUS` argument" },
    run: search({ origin: "coordinates", source: 1, mayStore: false }),
  },
  {
    ...writing,
    name: "georadiusbymember",
    arity: -5,
    summary:
      "Query a sorted set representing a geospatial index to fetch members matching a " +
      "given maximum distance from a member",
    complexity: circleComplexity,
    deprecated: {
      since: "6.2.0",
      replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    },
    run: search({ origin: "member", source: 1, mayStore: true }),
  },
  {
    ...reading,
    name: "georadiusbymember_ro",
    arity: -5,
    since: "3.2.10",
    summary: "A read-only variant for GEORADIUSBYMEMBER",
    complexity: circleComplexity,
    deprecated: {
      since: "6.2.0",
      replacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
    },
    run: search({ origin: "member", source: 1, mayStore: false }),
  },
  {
    ...reading,
    name: "geosearch",
    arity: -7,
    since: "6.2.0",
    summary:
      "Query a sorted set representing a geospatial index to fetch members inside an " +
      "area of a box or a circle.",
    complexity: shapeComplexity,
    run: search({ origin: "options", source: 1, mayStore: false }),
  },
  {
    ...shared,
    keys: twoKeys,
    flags: ["write", "denyoom"],
    replication: "delta",
    name: "geosearchstore",
    arity: -8,
    since: "6.2.0",
    summary:
      "Query a sorted set representing a geospatial index to fetch members inside an " +
      "area of a box or a circle, and store the result in another key.",
    complexity: shapeComplexity,
    run: search({ origin: "options", source: 2, mayStore: false }),
  },
];
