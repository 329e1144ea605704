// The logs of kafka. A log is cut into segments, each a list in a register of its own, so that what
// travels with an append stays small. The length that RPUSH answers gives the offset; a segment is
// full at a fixed length, and what is pushed beyond it counts as not there: the push is repeated on
// the next segment. So offsets are without gaps and given out in the order of real time.
//
// A committed offset is the score of a sorted set: ZADD GT never takes it back.

import { utf8 } from "../base/bytes.js";
import { ask, type Exchange, type Fields } from "./maelstrom-exchange.js";
import { bytesOfJson, type Json, jsonOfBytes } from "./maelstrom-json.js";
import type { ReplyValue } from "./reply-decoder.js";

/** Messages of a segment. */
export const segmentLength = 128;
/** Logs whose newest segment a node remembers; beyond it all are found anew. */
const segmentsKnownMax = 10_000;

const prefix = "maelstrom-log:";
const command = (name: string): Uint8Array => utf8(name);
const commands = {
  length: command("LLEN"),
  push: command("RPUSH"),
  range: command("LRANGE"),
  raise: command("ZADD"),
  greater: command("GT"),
  score: command("ZSCORE"),
} as const;
const offsetMember = utf8("offset");

const segmentKey = (key: string, segment: number): Uint8Array => utf8(`${prefix}${segment}:${key}`);
const commitKey = (key: string): Uint8Array => utf8(`${prefix}committed:${key}`);
const integerOf = (reply: ReplyValue): number =>
  reply.kind === "integer" ? Number(reply.text) : 0;

export function send(exchange: Exchange): void {
  const key = exchange.body.key as string;
  const { segments } = exchange.state;
  const known = segments.get(key);
  if (known === undefined) findSegment(exchange, key, 0);
  else push(exchange, key, known);
}

/** The first segment with room, from `segment` on: what is full stays full. */
function findSegment(exchange: Exchange, key: string, segment: number): void {
  ask(exchange, [commands.length, segmentKey(key, segment)], (reply) => {
    if (integerOf(reply) >= segmentLength) findSegment(exchange, key, segment + 1);
    else push(exchange, key, segment);
  });
}

function push(exchange: Exchange, key: string, segment: number): void {
  const { body, state } = exchange;
  if (state.segments.size >= segmentsKnownMax) state.segments.clear();
  state.segments.set(key, segment);
  const args = [commands.push, segmentKey(key, segment), bytesOfJson(body.msg!)];
  ask(exchange, args, (reply) => {
    const length = integerOf(reply);
    if (length > segmentLength) findSegment(exchange, key, segment + 1);
    else exchange.ok({ offset: segment * segmentLength + length - 1 });
  });
}

/** For each key what there is from its offset to the end of that segment. */
export function poll(exchange: Exchange): void {
  const offsets = Object.entries(exchange.body.offsets as { readonly [key: string]: number });
  gather(
    exchange,
    offsets,
    ([key, offset]) => {
      const segment = Math.floor(offset / segmentLength);
      const start = utf8(String(offset % segmentLength));
      return [commands.range, segmentKey(key, segment), start, utf8(String(segmentLength - 1))];
    },
    ([, offset], reply) => {
      const items = reply.kind === "array" ? reply.items : [];
      return items.map((item, at): Json => {
        return [offset + at, item.kind === "bulk" ? jsonOfBytes(item.bytes) : null];
      });
    },
    (msgs) => exchange.ok({ msgs }),
  );
}

export function commitOffsets(exchange: Exchange): void {
  const offsets = Object.entries(exchange.body.offsets as { readonly [key: string]: number });
  gather(
    exchange,
    offsets,
    ([key, offset]) => {
      const score = utf8(String(offset));
      return [commands.raise, commitKey(key), commands.greater, score, offsetMember];
    },
    () => null,
    () => exchange.ok(),
  );
}

export function listCommittedOffsets(exchange: Exchange): void {
  const keys = (exchange.body.keys as readonly string[]).map((key): [string] => [key]);
  gather(
    exchange,
    keys,
    ([key]) => [commands.score, commitKey(key), offsetMember],
    (_, reply) => (reply.kind === "bulk" ? jsonOfBytes(reply.bytes) : undefined),
    (offsets) => exchange.ok({ offsets }),
  );
}

/** Asks for every item at once and hands on what was found when all have answered. */
function gather<Item extends readonly [key: string, ...rest: readonly unknown[]]>(
  exchange: Exchange,
  items: readonly Item[],
  argsOf: (item: Item) => Uint8Array[],
  resultOf: (item: Item, reply: ReplyValue) => Json | undefined,
  onAll: (results: Fields) => void,
): void {
  const results = new Map<string, Json>();
  let open = items.length;
  if (open === 0) onAll({});
  for (const item of items) {
    ask(exchange, argsOf(item), (reply) => {
      const result = resultOf(item, reply);
      if (result !== undefined) results.set(item[0], result);
      if (--open === 0) onAll(Object.fromEntries(results));
    });
  }
}
