// Transactions of txn-rw-register and txn-list-append. All their keys share one hash tag, so they
// lie in one linearizable register, the root: a transaction is MULTI on it, one change or one
// quorum read, and strictly serializable because the register is linearizable. A key is two keys of
// the table, one for what `w` sets and one for what `append` appends, so that nothing is of the
// wrong type.
//
// The price: the root travels whole with every write. Splitting it needs commits across registers.

import { utf8 } from "../base/bytes.js";
import { askTogether, type Exchange } from "./maelstrom-exchange.js";
import { bytesOfJson, type Json, jsonOfBytes } from "./maelstrom-json.js";
import type { ReplyValue } from "./reply-decoder.js";

type Step = readonly [f: "r" | "w" | "append", key: Json, value: Json];

const tag = "{maelstrom-txn}";
const [get, set, range, push] = ["GET", "SET", "LRANGE", "RPUSH"].map(utf8) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const [first, last] = [utf8("0"), utf8("-1")];

const keyOf = (kind: "value" | "list", key: Json): Uint8Array =>
  Buffer.concat([utf8(`${tag}${kind}:`), bytesOfJson(key)]);

/** Answers the same steps with what the reads found. */
export function runTransaction(exchange: Exchange): void {
  const steps = exchange.body.txn as unknown as readonly Step[];
  if (steps.length === 0) {
    exchange.ok({ txn: [] });
    return;
  }
  askTogether(exchange, steps.flatMap(commandsOf), (replies) => {
    let at = 0;
    const txn = steps.map((step): Json => {
      if (step[0] !== "r") {
        at++;
        return step;
      }
      return ["r", step[1], readOf(replies[at++]!, replies[at++]!)];
    });
    exchange.ok({ txn });
  });
}

function commandsOf([f, key, value]: Step): Uint8Array[][] {
  switch (f) {
    case "r":
      return [
        [get, keyOf("value", key)],
        [range, keyOf("list", key), first, last],
      ];
    case "w":
      return [[set, keyOf("value", key), bytesOfJson(value)]];
    case "append":
      return [[push, keyOf("list", key), bytesOfJson(value)]];
  }
}

function readOf(value: ReplyValue, list: ReplyValue): Json {
  if (list.kind === "array" && list.items.length > 0)
    return list.items.map((item) => (item.kind === "bulk" ? jsonOfBytes(item.bytes) : null));
  return value.kind === "bulk" ? jsonOfBytes(value.bytes) : null;
}
