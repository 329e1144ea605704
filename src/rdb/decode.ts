// One value in RDB form, of any type byte that Redis 7.0 reads. Duplicates, empty collections and
// scores that are no numbers are refused, as are values of modules, which nobody here could use.

import { type Bytes, latin1, MalformedBytes } from "../base/bytes.js";
import { readIntset, readListpack, readZiplist, readZipmap } from "./packed.js";
import type { RdbReader } from "./reader.js";
import { readStream } from "./stream.js";
import { type RdbValue, rdbTypes } from "./value.js";

/** A collection without elements, which a file may hold and a reader skips (as Redis does). */
export class EmptyValue extends MalformedBytes {}

/** A value that is well formed, as far as can be told, and of no use here. */
export class UnsupportedValue extends MalformedBytes {}

/** @throws MalformedBytes, one of the above, or `TruncatedBytes` where the input ends too early. */
export function decodeValue(reader: RdbReader, type: number): RdbValue {
  switch (type) {
    case rdbTypes.string:
      return { kind: "string", text: reader.string() };
    case rdbTypes.list:
      return list(strings(reader, 1));
    case rdbTypes.listZiplist:
      return list(readZiplist(reader.string()));
    case rdbTypes.listQuicklist:
    case rdbTypes.listQuicklist2:
      return list(quicklist(reader, type === rdbTypes.listQuicklist2));
    case rdbTypes.set:
      return set(strings(reader, 1));
    case rdbTypes.setIntset:
      return set(readIntset(reader.string()));
    case rdbTypes.hash:
      return hash(strings(reader, 2));
    case rdbTypes.hashZipmap:
      return hash(readZipmap(reader.string()));
    case rdbTypes.hashZiplist:
      return hash(readZiplist(reader.string()));
    case rdbTypes.hashListpack:
      return hash(readListpack(reader.string()));
    case rdbTypes.zset:
    case rdbTypes.zset2:
      return scored(reader, type === rdbTypes.zset2);
    case rdbTypes.zsetZiplist:
      return scoredPairs(readZiplist(reader.string()));
    case rdbTypes.zsetListpack:
      return scoredPairs(readListpack(reader.string()));
    case rdbTypes.streamListpacks:
    case rdbTypes.streamListpacks2:
      return { kind: "stream", stream: readStream(reader, type === rdbTypes.streamListpacks2) };
    default:
      throw refusal(type);
  }
}

function refusal(type: number): MalformedBytes {
  if (type === rdbTypes.module || type === rdbTypes.module2)
    return new UnsupportedValue("a value of a Redis module cannot be read");
  return new MalformedBytes(`${type} is no type of a value`);
}

function strings(reader: RdbReader, each: number): Bytes[] {
  const count = reader.count(each) * each;
  const found: Bytes[] = [];
  for (let i = 0; i < count; i++) found.push(reader.string());
  return found;
}

const plainNode = 1;
const packedNode = 2;

function quicklist(reader: RdbReader, hasContainers: boolean): Bytes[] {
  const elements: Bytes[] = [];
  for (let nodes = reader.count(); nodes > 0; nodes--) {
    const container = hasContainers ? reader.length() : packedNode;
    if (container !== plainNode && container !== packedNode)
      throw new MalformedBytes(`${container} is no container of a list`);
    const blob = reader.string();
    if (blob.length === 0) throw new MalformedBytes("an empty node of a list");
    if (container === plainNode) elements.push(blob);
    else
      for (const element of hasContainers ? readListpack(blob) : readZiplist(blob))
        elements.push(element);
  }
  return elements;
}

function list(elements: readonly Bytes[]): RdbValue {
  if (elements.length === 0) throw new EmptyValue("an empty list");
  return { kind: "list", elements };
}

function set(members: readonly Bytes[]): RdbValue {
  if (members.length === 0) throw new EmptyValue("an empty set");
  refuseTwins(members, 1);
  return { kind: "set", members };
}

function hash(pairs: readonly Bytes[]): RdbValue {
  if (pairs.length === 0) throw new EmptyValue("an empty hash");
  if (pairs.length % 2 !== 0) throw new MalformedBytes("a field without a value");
  refuseTwins(pairs, 2);
  return { kind: "hash", pairs };
}

function refuseTwins(elements: readonly Bytes[], step: number): void {
  const seen = new Set<string>();
  for (let i = 0; i < elements.length; i += step) seen.add(latin1(elements[i]!));
  if (seen.size < elements.length / step) throw new MalformedBytes("an element twice");
}

function zset(members: Bytes[], scores: number[]): RdbValue {
  if (members.length === 0) throw new EmptyValue("an empty sorted set");
  if (scores.some(Number.isNaN)) throw new MalformedBytes("a score that is no number");
  refuseTwins(members, 1);
  return { kind: "zset", members, scores };
}

function scored(reader: RdbReader, isBinary: boolean): RdbValue {
  const members: Bytes[] = [];
  const scores: number[] = [];
  for (let count = reader.count(2); count > 0; count--) {
    members.push(reader.string());
    scores.push(isBinary ? reader.f64() : reader.doubleText());
  }
  return zset(members, scores);
}

function scoredPairs(pairs: readonly Bytes[]): RdbValue {
  if (pairs.length % 2 !== 0) throw new MalformedBytes("a member without a score");
  const members: Bytes[] = [];
  const scores: number[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    members.push(pairs[i]!);
    scores.push(scoreOf(pairs[i + 1]!));
  }
  return zset(members, scores);
}

/** The score of a packed sorted set: digits as printf's %.17g writes them. */
function scoreOf(bytes: Bytes): number {
  const text = latin1(bytes);
  if (/^-?inf$/.test(text)) return text[0] === "-" ? -Infinity : Infinity;
  return /^-?[\d.]/.test(text) ? Number(text) : Number.NaN;
}
