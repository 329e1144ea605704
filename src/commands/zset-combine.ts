// Several sorted sets into one: ZUNION, ZINTER, ZDIFF, their *STORE forms and ZINTERCARD. Replies,
// errors and the order in which scores are added up, which decides the last bit of a sum: Redis
// 7.0, t_zset.c.

import { ScoredList } from "../keyspace/scored-list.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { parseDouble, replyDouble } from "./double-text.js";
import { fail } from "./errors.js";
import { openInputs, type ZsetInput } from "./zset-inputs.js";
import { replaceZset } from "./zset-store.js";

type Operation = "union" | "inter" | "diff";

/** What the command that runs asks for. */
interface Request {
  readonly inputs: ZsetInput[];
  aggregate: "sum" | "min" | "max";
  withScores: boolean;
  /** Of ZINTERCARD: 0 means none. */
  limit: number;
}

/** Combines one score with what the inputs before gave. Opposite infinities add up to zero. */
function aggregated(held: number, score: number, { aggregate }: Request): number {
  if (aggregate === "sum") return orZero(held + score);
  // Of equal ones, such as zero and minus zero, the first stays, and NaN is never better.
  const isBetter = aggregate === "min" ? score < held : score > held;
  return isBetter ? score : held;
}

const orZero = (score: number): number => (Number.isNaN(score) ? 0 : score);

/** Reads numkeys, keys and options from argument `at` on; undefined after an error was replied. */
function parse(
  call: Call,
  at: number,
  operation: Operation,
  purpose: "reply" | "store" | "count",
): Request | undefined {
  const count = roundedInteger(call, at);
  if (Number.isNaN(count)) return undefined;
  if (count < 1) {
    call.reply.error(`ERR at least 1 input key is needed for '${call.command.name}' command`);
    return undefined;
  }
  if (count > call.argc - at - 1) {
    fail(call, "syntax");
    return undefined;
  }
  const inputs = openInputs(call, at + 1, count);
  if (inputs === undefined) return undefined;
  const request: Request = { inputs, aggregate: "sum", withScores: false, limit: 0 };
  const takesWeights = operation !== "diff" && purpose !== "count";
  for (let index = at + 1 + count; index < call.argc; ) {
    const left = call.argc - index;
    if (takesWeights && left > count && call.is(index, "WEIGHTS")) {
      if (!readWeights(call, index + 1, inputs)) return undefined;
      index += 1 + count;
    } else if (takesWeights && left >= 2 && call.is(index, "AGGREGATE")) {
      if (!readAggregate(call, index + 1, request)) return undefined;
      index += 2;
    } else if (purpose === "reply" && call.is(index, "WITHSCORES")) {
      request.withScores = true;
      index++;
    } else if (purpose === "count" && left >= 2 && call.is(index, "LIMIT")) {
      if (!readLimit(call, index + 1, request)) return undefined;
      index += 2;
    } else {
      fail(call, "syntax");
      return undefined;
    }
  }
  return request;
}

function readWeights(call: Call, first: number, inputs: readonly ZsetInput[]): boolean {
  for (const [i, input] of inputs.entries()) {
    const weight = parseDouble(call.bytes, call.start(first + i), call.size(first + i));
    if (Number.isNaN(weight)) {
      call.reply.error("ERR weight value is not a float");
      return false;
    }
    input.weight = weight;
  }
  return true;
}

function readAggregate(call: Call, index: number, request: Request): boolean {
  if (call.is(index, "SUM")) request.aggregate = "sum";
  else if (call.is(index, "MIN")) request.aggregate = "min";
  else if (call.is(index, "MAX")) request.aggregate = "max";
  else {
    fail(call, "syntax");
    return false;
  }
  return true;
}

function readLimit(call: Call, index: number, request: Request): boolean {
  const limit = call.int64(index);
  if (limit === undefined || limit < 0n) {
    call.reply.error("ERR LIMIT can't be negative");
    return false;
  }
  request.limit = Number(limit);
  return true;
}

const ascending = (inputs: readonly ZsetInput[]): ZsetInput[] =>
  [...inputs].sort((a, b) => a.count - b.count);

function union(request: Request): ScoredList {
  const found = new ScoredList();
  for (const input of ascending(request.inputs)) {
    const members = input.members();
    for (let i = 0; i < members.count; i++) {
      const score = orZero(input.weight * members.score(i));
      const at = found.merge(members.bytes, members.start(i), members.length(i), score);
      if (at >= 0) found.setScore(at, aggregated(found.score(at), score, request));
    }
  }
  return found;
}

function intersection(request: Request): ScoredList {
  const [smallest, ...others] = ascending(request.inputs);
  const members = smallest!.members();
  const found = new ScoredList();
  for (let i = 0; i < members.count; i++) {
    const [start, length] = [members.start(i), members.length(i)];
    let score = orZero(smallest!.weight * members.score(i));
    let isEverywhere = true;
    for (let other = 0; other < others.length && isEverywhere; other++) {
      const theirs = others[other]!.scoreOf(members.bytes, start, length);
      isEverywhere = !Number.isNaN(theirs);
      score = aggregated(score, theirs * others[other]!.weight, request);
    }
    if (!isEverywhere) continue;
    found.push(members.bytes, start, length, score);
    if (found.count === request.limit) break;
  }
  return found;
}

function difference({ inputs }: Request): ScoredList {
  const [first, ...others] = inputs;
  const members = first!.members();
  const found = new ScoredList();
  for (let i = 0; i < members.count; i++) {
    const [start, length] = [members.start(i), members.length(i)];
    const isOwn = others.every((other) =>
      Number.isNaN(other.scoreOf(members.bytes, start, length)),
    );
    if (isOwn) found.push(members.bytes, start, length, members.score(i));
  }
  return found;
}

function combine(request: Request, operation: Operation): ScoredList {
  const members =
    operation === "union"
      ? union(request)
      : operation === "inter"
        ? intersection(request)
        : difference(request);
  for (const input of request.inputs) input.close();
  return members;
}

const replied =
  (operation: Operation) =>
  (call: Call): void => {
    const request = parse(call, 1, operation, "reply");
    if (request === undefined) return;
    const { reply } = call;
    const { withScores } = request;
    const members = combine(request, operation);
    const isNested = withScores && reply.resp3;
    reply.array(withScores && !isNested ? members.count * 2 : members.count);
    for (const i of members.sorted()) {
      if (isNested) reply.array(2);
      reply.bulk(members.bytes, members.start(i), members.length(i));
      if (withScores) replyDouble(reply, members.score(i));
    }
  };

const stored =
  (operation: Operation) =>
  (call: Call): void => {
    const request = parse(call, 2, operation, "store");
    if (request === undefined) return;
    replaceZset(call, 1, combine(request, operation), call.command.name);
  };

function zintercard(call: Call): void {
  const request = parse(call, 1, "inter", "count");
  if (request !== undefined) call.reply.integer(combine(request, "inter").count);
}

const inputKeys =
  (at: number) =>
  (call: Call): number[] | undefined => {
    const count = call.safeInteger(at);
    if (!(count >= 1) || at + count >= call.argc) return undefined;
    const keys = Array.from({ length: count }, (_, i) => at + 1 + i);
    return at === 1 ? keys : [1, ...keys];
  };

const shared = { categories: ["sortedset"], group: "sorted-set" } as const;
const read = {
  ...shared,
  arity: -3,
  flags: ["readonly", "movablekeys"],
  findKeys: inputKeys(1),
} as const;
const write = {
  ...shared,
  arity: -4,
  flags: ["write", "denyoom", "movablekeys"],
  keys: oneKey,
  findKeys: inputKeys(2),
  replication: "delta",
} as const;

export const zsetCombineCommands: readonly CommandSpec[] = [
  {
    ...read,
    name: "zunion",
    since: "6.2.0",
    summary: "Add multiple sorted sets",
    complexity:
      "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and " +
      "M being the number of elements in the resulting sorted set.",
    run: replied("union"),
  },
  {
    ...read,
    name: "zinter",
    since: "6.2.0",
    summary: "Intersect multiple sorted sets",
    complexity:
      "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being " +
      "the number of input sorted sets and M being the number of elements in the " +
      "resulting sorted set.",
    run: replied("inter"),
  },
  {
    ...read,
    name: "zdiff",
    since: "6.2.0",
    summary: "Subtract multiple sorted sets",
    complexity:
      "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the " +
      "sets, N is the size of the first set, and K is the size of the result set.",
    run: replied("diff"),
  },
  {
    ...read,
    name: "zintercard",
    since: "7.0.0",
    summary: "Intersect multiple sorted sets and return the cardinality of the result",
    complexity:
      "O(N*K) worst case with N being the smallest input sorted set, K being the number " +
      "of input sorted sets.",
    run: zintercard,
  },
  {
    ...write,
    name: "zunionstore",
    since: "2.0.0",
    summary: "Add multiple sorted sets and store the resulting sorted set in a new key",
    complexity:
      "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and " +
      "M being the number of elements in the resulting sorted set.",
    run: stored("union"),
  },
  {
    ...write,
    name: "zinterstore",
    since: "2.0.0",
    summary: "Intersect multiple sorted sets and store the resulting sorted set in a new key",
    complexity:
      "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being " +
      "the number of input sorted sets and M being the number of elements in the " +
      "resulting sorted set.",
    run: stored("inter"),
  },
  {
    ...write,
    name: "zdiffstore",
    since: "6.2.0",
    summary: "Subtract multiple sorted sets and store the resulting sorted set in a new key",
    complexity:
      "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the " +
      "sets, N is the size of the first set, and K is the size of the result set.",
    run: stored("diff"),
  },
];
