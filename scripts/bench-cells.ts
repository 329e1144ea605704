// What the benchmark runs: one cell per command, value size and pipeline depth. Every cell states
// how the keyspace is prepared, so that a GET finds its key, an LPOP its list, and both servers
// start alike. Names and keys are those of redis-benchmark, whose key space is `key:` and twelve
// digits.

import type { RespConnection } from "../test/differential/resp-client.js";
import { encodeCommand } from "../test/differential/resp-client.js";

export interface BenchTest {
  readonly name: string;
  /**
   * What redis-benchmark is given after its options; `DATA` stands for a value of the cell's size.
   */
  readonly argv: readonly string[];
  /** Commands written before each slice; the keyspace is emptied first when `fresh` is set. */
  readonly fill?: (size: number) => readonly (readonly string[])[];
  /** The keyspace grows or drains, so every slice starts from the same one. */
  readonly fresh?: boolean;
  /** Whether the value size matters. */
  readonly sized: boolean;
}

export const keyCount = 100_000;
export const pipelines = [1, 16, 64] as const;
export const clientCount = 50;

const twelve = (n: number): string => String(n).padStart(12, "0");
const value = (size: number): string => "x".repeat(size);

function everyKey(argv: (key: string) => readonly string[], prefix = "key:"): readonly string[][] {
  return Array.from({ length: keyCount }, (_, n) => [...argv(`${prefix}${twelve(n)}`)]);
}

/** One key filled with `count` members, a thousand per command. */
function everyMember(
  head: readonly string[],
  member: (n: number) => readonly string[],
  count = keyCount,
): string[][] {
  const commands: string[][] = [];
  for (let first = 0; first < count; first += 1000) {
    const command = [...head];
    for (let n = first; n < first + 1000; n++) command.push(...member(n));
    commands.push(command);
  }
  return commands;
}

const list = (key: string) => (size: number) => everyMember(["RPUSH", key], () => [value(size)]);
const shortList = (): readonly string[][] => [
  ["RPUSH", "mylist", ...Array.from({ length: 600 }, () => "xxx")],
];
const range = (last: number): BenchTest => ({
  ...{ name: `LRANGE_${last + 1}`, argv: ["LRANGE", "mylist", "0", String(last)] },
  ...{ fill: shortList, sized: false },
});

export const strings: readonly BenchTest[] = [
  {
    ...{ name: "SET", argv: ["SET", "key:__rand_int__", "DATA"], sized: true },
    fill: (size) => everyKey((key) => ["SET", key, value(size)]),
  },
  {
    ...{ name: "GET", argv: ["GET", "key:__rand_int__"], sized: true },
    fill: (size) => everyKey((key) => ["SET", key, value(size)]),
  },
  {
    ...{ name: "INCR", argv: ["INCR", "counter:__rand_int__"], sized: false },
    // As redis-benchmark makes its counters: by counting.
    fill: () => everyKey((key) => ["INCR", key], "counter:"),
  },
];

const collections: readonly BenchTest[] = [
  { name: "PING_MBULK", argv: ["PING"], sized: false },
  { name: "LPUSH", argv: ["LPUSH", "mylist", "DATA"], sized: true, fresh: true },
  { name: "RPUSH", argv: ["RPUSH", "mylist", "DATA"], sized: true, fresh: true },
  { name: "LPOP", argv: ["LPOP", "mylist"], sized: true, fresh: true, fill: list("mylist") },
  { name: "RPOP", argv: ["RPOP", "mylist"], sized: true, fresh: true, fill: list("mylist") },
  { name: "SADD", argv: ["SADD", "myset", "element:__rand_int__"], sized: false, fresh: true },
  {
    ...{ name: "HSET", argv: ["HSET", "myhash", "element:__rand_int__", "DATA"] },
    ...{ sized: true, fresh: true },
  },
  {
    ...{ name: "SPOP", argv: ["SPOP", "myset"], sized: false, fresh: true },
    fill: () => everyMember(["SADD", "myset"], (n) => [`element:${twelve(n)}`]),
  },
  {
    ...{ name: "ZADD", argv: ["ZADD", "myzset", "__rand_int__", "element:__rand_int__"] },
    ...{ sized: false, fresh: true },
  },
  {
    ...{ name: "ZPOPMIN", argv: ["ZPOPMIN", "myzset"], sized: false, fresh: true },
    fill: () => everyMember(["ZADD", "myzset"], (n) => [String(n), `element:${twelve(n)}`]),
  },
  ...[99, 299, 499, 599].map(range),
  {
    ...{ name: "MSET_10", sized: true },
    argv: ["MSET", ...Array.from({ length: 10 }, () => ["key:__rand_int__", "DATA"]).flat()],
  },
];

const million = 1_000_000;
/** Scores in another order than members; those that clients ask for lie all over the set. */
const largeSet = (): readonly string[][] =>
  everyMember(
    ["ZADD", "large"],
    (n) => [String((n * 7919) % million), `element:${twelve(n)}`],
    million,
  );

const large: readonly BenchTest[] = [
  {
    ...{ name: "ZADD_1M", argv: ["ZADD", "large", "__rand_int__", "element:__rand_int__"] },
    ...{ sized: false, fill: largeSet },
  },
  {
    ...{ name: "ZRANK_1M", argv: ["ZRANK", "large", "element:__rand_int__"] },
    ...{ sized: false, fill: largeSet },
  },
  {
    ...{ name: "ZBYSCORE_1M", sized: false, fill: largeSet },
    argv: ["ZRANGE", "large", "__rand_int__", "+inf", "BYSCORE", "LIMIT", "0", "10"],
  },
];

export const suites = { strings, all: [...strings, ...collections, ...large], large } as const;
export type SuiteName = keyof typeof suites;

export interface Cell {
  readonly test: BenchTest;
  readonly size: number;
  readonly pipeline: number;
}

export function cellsOf(tests: readonly BenchTest[], sizes: readonly number[]): Cell[] {
  const cells: Cell[] = [];
  for (const test of tests)
    for (const size of test.sized ? sizes : sizes.slice(0, 1))
      for (const pipeline of pipelines) cells.push({ test, size, pipeline });
  return cells;
}

export const argvOf = ({ test, size }: Cell): string[] =>
  test.argv.map((argument) => (argument === "DATA" ? value(size) : argument));

const fillBatch = 1000;

/**
 * Brings a server into the state the cell starts from. Errors are not hidden: a server may lack a
 * type.
 */
export async function prepare(connection: RespConnection, cell: Cell): Promise<void> {
  await connection.call("FLUSHALL");
  const commands = cell.test.fill?.(cell.size) ?? [];
  for (let first = 0; first < commands.length; first += fillBatch) {
    const batch = commands.slice(first, first + fillBatch);
    connection.send(Buffer.concat(batch.map(encodeCommand)));
    const replies = await connection.receive(batch.length);
    const error = replies.find((reply) => reply[0] === 0x2d);
    if (error !== undefined) throw new Error(`${batch[0]![0]}: ${error.toString("latin1").trim()}`);
  }
}

/** The reply of a server that was just prepared, or has run the cell for a while. */
export async function sampleReply(connection: RespConnection, cell: Cell): Promise<Buffer> {
  const argv = argvOf(cell).map((argument) => argument.replace("__rand_int__", twelve(0)));
  connection.send(encodeCommand(argv));
  return (await connection.receive(1))[0]!;
}
