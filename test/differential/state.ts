// Compares everything a client can see of two keyspaces: per database the number of keys and their
// names, per key its type, encoding, deadline and whole content. DUMP is not used: its format is
// not part of the promise.

import { isSameReply, millisecondsMax, sameMultiset, samePairs, within } from "./compare.js";
import { type Argv, parseReply, type RespConnection } from "./resp-client.js";
import type { Comparer } from "./step.js";

export interface StateDifference {
  readonly argv: readonly string[];
  readonly ours: Buffer;
  readonly theirs: Buffer;
}

const comparers: Readonly<Record<string, Comparer>> = {
  KEYS: sameMultiset,
  PTTL: within(millisecondsMax),
  SMEMBERS: sameMultiset,
  HGETALL: samePairs,
};

const contentCommands: Readonly<Record<string, (key: string) => readonly string[]>> = {
  string: (key) => ["GET", key],
  set: (key) => ["SMEMBERS", key],
  hash: (key) => ["HGETALL", key],
  list: (key) => ["LRANGE", key, "0", "-1"],
  zset: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
  stream: (key) => ["XRANGE", key, "-", "+"],
};

export async function compareState(
  ours: RespConnection,
  theirs: RespConnection,
  { databaseCount, hasObject }: { databaseCount: number; hasObject: boolean },
): Promise<StateDifference | null> {
  for (let database = 0; database < databaseCount; database++) {
    const found = await compareDatabase(ours, theirs, database, hasObject);
    if (found !== null) return found;
  }
  return null;
}

async function compareDatabase(
  ours: RespConnection,
  theirs: RespConnection,
  database: number,
  hasObject: boolean,
): Promise<StateDifference | null> {
  const names: readonly string[][] = [["SELECT", String(database)], ["KEYS", "*"], ["DBSIZE"]];
  const first = await ask(ours, theirs, names);
  if (first.difference !== null) return first.difference;
  const keys = (parseReply(first.theirs[1]!).items ?? []).map((item) => item.text ?? "").sort();
  if (keys.length === 0) return null;
  const facts = (key: string): string[][] => [
    ["TYPE", key],
    ["PTTL", key],
    ...(hasObject ? [["OBJECT", "ENCODING", key]] : []),
  ];
  const asked = keys.flatMap(facts);
  const second = await ask(ours, theirs, asked);
  if (second.difference !== null) return second.difference;
  const contents = keys.flatMap((key, at) => {
    const type = parseReply(second.theirs[(at * asked.length) / keys.length]!).text ?? "";
    const command = contentCommands[type];
    return command === undefined ? [] : [command(key)];
  });
  return (await ask(ours, theirs, contents)).difference;
}

async function ask(
  ours: RespConnection,
  theirs: RespConnection,
  commands: readonly Argv[],
): Promise<{ difference: StateDifference | null; theirs: Buffer[] }> {
  if (commands.length === 0) return { difference: null, theirs: [] };
  const [a, b] = await Promise.all([ours.exchange(commands), theirs.exchange(commands)]);
  for (const [index, command] of commands.entries()) {
    const argv = command.map(String);
    if (!isSameReply(comparers, { argv }, a[index]!, b[index]!))
      return { difference: { argv, ours: a[index]!, theirs: b[index]! }, theirs: b };
  }
  return { difference: null, theirs: b };
}
