// What clients ask. Three families of keys: linearizable ones, judged by their history; eventual
// strings, sets, hashes, sorted sets and lists, judged by the log of operations; and keys of every
// type with deadlines and transactions, judged by convergence.

import { fromUtf8 } from "../base/bytes.js";
import type { Prng } from "../base/prng.js";
import type { Json } from "../check/canonical.js";
import type { ReplyValue } from "../wire/reply-decoder.js";
import type { FaultProfile } from "./fault-profile.js";
import type { LoggedWrite } from "./operation-log.js";
import { linearizablePrefix } from "./simulated-host.js";
import { Zipf } from "./zipf.js";

/** Asked in one pipeline, between MULTI and EXEC. */
interface InTransaction {
  /** Instead of `args`. */
  readonly transaction?: readonly (readonly string[])[];
  /** Keys that are watched and then read before it begins. */
  readonly watched?: readonly string[];
}

/** A request and what it means to the judges. */
export type Request = InTransaction & Asked;

type Asked =
  | {
      readonly family: "linearizable";
      readonly args: readonly string[];
      readonly f: "read" | "write" | "cas" | "incr" | "append" | "transaction";
      readonly key: string;
      readonly input: Json;
    }
  | {
      readonly family: "logged";
      readonly args: readonly string[];
      /** What was written, by the reply; undefined for a read. */
      readonly write: ((reply: ReplyValue) => readonly LoggedWrite[]) | undefined;
      readonly keys: readonly string[];
    }
  | {
      readonly family: "mixed";
      readonly args: readonly string[];
    };

export interface TransactionStep {
  readonly f: "get" | "set" | "incr";
  /** Of the keys of the register. */
  readonly index: number;
  readonly value: string;
}

/** Keys of each kind. Few, so that clients meet; linearizable histories stay short enough. */
const registerCount = 4;
const counterCount = 2;
const journalCount = 2;
/** Registers of several keys that share a tag. */
const tagCount = 2;
const taggedKeyCount = 3;
const watchChance = 0.4;
/** Of the requests about eventual keys. */
const transactionChance = 0.05;
const eventualCount = 32;
const memberCount = 8;
const registerValueCount = 5;
/** Appending stops here, because every later state of the history carries what was appended. */
const appendCountMax = 120;

export const counterKey = (index: number): string => `${linearizablePrefix}c${index}`;

export class Workload {
  readonly #profile: FaultProfile;
  readonly #ranks: Zipf;
  #serial = 0;
  #appends = 0;

  constructor(profile: FaultProfile) {
    this.#profile = profile;
    this.#ranks = new Zipf(eventualCount, profile.keySkew);
  }

  draw(prng: Prng): Request {
    if (prng.chance(this.#profile.linearizableShare)) return this.#linearizable(prng);
    return prng.chance(transactionChance) ? this.#together(prng) : this.#eventual(prng);
  }

  #eventual(prng: Prng): Request {
    const rank = this.#ranks.draw(prng);
    switch (rank % 8) {
      case 0:
      case 3:
        return prng.chance(0.05)
          ? this.#two(prng, `t${rank}`, `t${(rank + 8) % eventualCount}`)
          : this.#text(prng, `t${rank}`);
      case 1:
        return this.#set(prng, `s${rank}`);
      case 2:
        return this.#hash(prng, `h${rank}`);
      case 4:
        return this.#zset(prng, `z${rank}`);
      case 5:
        return this.#list(prng, `q${rank}`);
      default:
        return this.#mixed(prng, `m${rank}`);
    }
  }

  /** Writes about eventual keys of any shards, which are seen together or not at all. */
  #together(prng: Prng): Request {
    const parts: Extract<Request, { family: "logged" }>[] = [];
    for (let tries = 0; tries < 12 && parts.length < 3; tries++) {
      const part = this.#eventual(prng);
      if (part.family === "logged" && part.write !== undefined) parts.push(part);
    }
    return {
      family: "logged",
      args: ["MULTI", ...parts.map(({ args }) => args.join(" "))],
      transaction: parts.map(({ args }) => args),
      keys: [...new Set(parts.flatMap(({ keys }) => keys))],
      write: (reply) =>
        reply.kind === "array"
          ? reply.items.flatMap((item, place) => parts[place]!.write!(item))
          : [],
    };
  }

  /** On the keys of one register, sometimes after a look at one of them that must still hold. */
  #transaction(prng: Prng): Request {
    const key = `${linearizablePrefix}{t${prng.below(tagCount)}}`;
    const keyOf = (index: number): string => `${key}${index}`;
    const steps = Array.from({ length: prng.between(1, 3) }, (): TransactionStep => {
      const index = prng.below(taggedKeyCount);
      const f = prng.pick(["get", "set", "incr"] as const);
      return { f, index, value: f === "set" ? String(prng.below(registerValueCount)) : "" };
    });
    const watched = prng.chance(watchChance) ? [prng.below(taggedKeyCount)] : [];
    const transaction = steps.map(({ f, index, value }) =>
      f === "set" ? ["SET", keyOf(index), value] : [f.toUpperCase(), keyOf(index)],
    );
    return {
      family: "linearizable",
      args: ["MULTI", ...watched.map(keyOf), "|", ...transaction.flat()],
      ...{ f: "transaction", key, transaction, watched: watched.map(keyOf) },
      input: {
        steps: steps.map(({ f, index, value }) => [f, index, value]),
        watched: watched.map(String),
      },
    };
  }

  /** Reads of every linearizable key: in the liveness phase each must succeed at each node. */
  lastReads(): Request[] {
    const keys = [
      ...Array.from({ length: registerCount }, (_, i) => `${linearizablePrefix}r${i}`),
      ...Array.from({ length: counterCount }, (_, i) => counterKey(i)),
      ...Array.from({ length: journalCount }, (_, i) => `${linearizablePrefix}a${i}`),
    ];
    return keys.map((key) => read(key));
  }

  #linearizable(prng: Prng): Request {
    const choice = prng.float();
    if (choice < 0.2) {
      const key = counterKey(prng.below(counterCount));
      if (prng.chance(0.3)) return read(key);
      return { family: "linearizable", args: ["INCR", key], f: "incr", key, input: 1 };
    }
    if (choice < 0.35 && this.#appends < appendCountMax) {
      const key = `${linearizablePrefix}a${prng.below(journalCount)}`;
      if (prng.chance(0.3)) return read(key);
      this.#appends++;
      const token = `${++this.#serial},`;
      return {
        family: "linearizable",
        args: ["APPEND", key, token],
        f: "append",
        key,
        input: token,
      };
    }
    if (choice < 0.45) return this.#transaction(prng);
    return this.#register(prng, `${linearizablePrefix}r${prng.below(registerCount)}`);
  }

  #register(prng: Prng, key: string): Request {
    const value = (): string => String(prng.below(registerValueCount));
    const choice = prng.below(4);
    if (choice < 2) return read(key);
    if (choice === 2) {
      const input = value();
      return { family: "linearizable", args: ["SET", key, input], f: "write", key, input };
    }
    const input = [value(), value()];
    const args = ["SKERRY.CAS", key, ...input];
    return { family: "linearizable", args, f: "cas", key, input };
  }

  #text(prng: Prng, key: string): Request {
    const by = prng.between(1, 9);
    const text = this.#value(prng);
    const ask = asking(key, "");
    switch (prng.below(8)) {
      case 0:
        return ask(["SET", key, text], { kind: "set", text });
      case 1:
        return ask(["DEL", key], { kind: "delete" });
      case 2:
        return ask(["GET", key]);
      case 3:
        return ask(["DECRBY", key, String(by)], { kind: "increment", by: -by });
      case 4:
        return ask(["INCR", key], { kind: "increment", by: 1 });
      default:
        return ask(["INCRBY", key, String(by)], { kind: "increment", by });
    }
  }

  #value(prng: Prng): string {
    return prng.chance(0.9) ? String(prng.below(100)) : `w${++this.#serial}`;
  }

  /** One command over two keys, which mostly lie in different shards: a delta group. */
  #two(prng: Prng, first: string, second: string): Request {
    const texts = [this.#value(prng), this.#value(prng)] as const;
    const keys = [first, second];
    const set = { kind: "set", element: "", by: 0 } as const;
    return {
      family: "logged",
      args: ["MSET", first, texts[0], second, texts[1]],
      keys,
      write: (reply) =>
        reply.kind === "error"
          ? []
          : keys.map((key, place) => ({ ...set, key, text: texts[place]! })),
    };
  }

  #set(prng: Prng, key: string): Request {
    const element = `e${prng.below(memberCount)}`;
    const ask = asking(key, element);
    const choice = prng.below(10);
    if (choice === 0) return ask(["DEL", key], { kind: "delete" });
    if (choice === 1) return ask(["SMEMBERS", key]);
    if (choice < 5) return ask(["SREM", key, element], { kind: "remove" });
    return ask(["SADD", key, element], { kind: "add" });
  }

  #hash(prng: Prng, key: string): Request {
    const element = `f${prng.below(memberCount)}`;
    const ask = asking(key, element);
    const text = String(prng.below(100));
    const by = prng.between(-9, 9);
    const choice = prng.below(10);
    if (choice === 0) return ask(["DEL", key], { kind: "delete" });
    if (choice === 1) return ask(["HGETALL", key]);
    if (choice < 4) return ask(["HDEL", key, element], { kind: "remove" });
    if (choice < 6) return ask(["HSET", key, element, text], { kind: "set", text });
    return ask(["HINCRBY", key, element, String(by)], { kind: "increment", by });
  }

  #zset(prng: Prng, key: string): Request {
    const element = `m${prng.below(memberCount)}`;
    const ask = asking(key, element);
    const text = String(prng.below(100));
    // By 0 is no write where the member is there.
    const by = prng.between(1, 9) * prng.pick([-1, 1]);
    const choice = prng.below(10);
    if (choice === 0) return ask(["DEL", key], { kind: "delete" });
    if (choice === 1) return ask(["ZRANGE", key, "0", "-1"]);
    if (choice < 4) return ask(["ZREM", key, element], { kind: "remove" });
    if (choice < 6) return ask(["ZADD", key, text, element], { kind: "set", text });
    return ask(["ZINCRBY", key, String(by), element], { kind: "increment", by });
  }

  /** Elements are all different, so what a pop took is known by its reply. */
  #list(prng: Prng, key: string): Request {
    const element = `q${++this.#serial}`;
    const ask = asking(key, element);
    const choice = prng.below(10);
    if (choice === 0) return ask(["DEL", key], { kind: "delete" });
    if (choice < 5) {
      const popped = { key, kind: "remove", text: "", by: 0 } as const;
      return {
        family: "logged",
        args: [choice < 3 ? "LPOP" : "RPOP", key],
        keys: [key],
        write: (reply) =>
          reply.kind === "bulk" ? [{ ...popped, element: fromUtf8(reply.bytes) }] : [],
      };
    }
    const isLeft = choice < 7;
    return ask([isLeft ? "LPUSH" : "RPUSH", key, element], { kind: "add" });
  }

  #mixed(prng: Prng, key: string): Request {
    const value = `v${prng.below(50)}`;
    const field = `f${prng.below(memberCount)}`;
    const number = String(prng.between(-9, 9));
    const soonMs = String(prng.between(50, 4000));
    const choices = [
      ["SET", key, value, "PX", soonMs],
      ["SET", key, value, "KEEPTTL"],
      ["PEXPIRE", key, soonMs],
      ["PEXPIRE", key, soonMs, "GT"],
      ["PERSIST", key],
      ["GETEX", key, "PX", soonMs],
      ["DEL", key],
      ["APPEND", key, value],
      ["INCRBYFLOAT", key, "0.5"],
      ["SADD", key, field],
      ["SPOP", key],
      ["HSET", key, field, value],
      ["HINCRBY", key, field, number],
      ["HDEL", key, field],
      ["LPUSH", key, value, field],
      ["RPUSH", key, value],
      ["LPOP", key],
      ["LINSERT", key, "BEFORE", value, field],
      ["ZADD", key, number, field],
      ["ZINCRBY", key, number, field],
      ["ZREM", key, field],
      ["SETRANGE", key, "2", value],
      ["XADD", key, "*", field, value],
      ["PFADD", key, value],
      ["LSET", key, "0", value],
    ];
    if (!prng.chance(0.1)) return { family: "mixed", args: prng.pick(choices) };
    const transaction = [prng.pick(choices), prng.pick(choices), prng.pick(choices)];
    return { family: "mixed", args: ["MULTI", key], transaction };
  }
}

/** What a removal of nothing answers is 0, and an error has written nothing. */
function hasWritten(kind: LoggedWrite["kind"], reply: ReplyValue): boolean {
  if (reply.kind === "error") return false;
  const isRemoval = kind === "delete" || kind === "remove";
  return !isRemoval || (reply.kind === "integer" && reply.text !== "0");
}

type Write = Pick<LoggedWrite, "kind"> & Partial<LoggedWrite>;

/** Requests about one cell of a key. */
const asking =
  (key: string, element: string) =>
  (args: readonly string[], write?: Write): Request => {
    const whole = write && { key, element, text: "", by: 0, ...write };
    return {
      family: "logged",
      args,
      keys: [key],
      write: whole && ((reply) => (hasWritten(whole.kind, reply) ? [whole] : [])),
    };
  };

const read = (key: string): Request => ({
  family: "linearizable",
  args: ["GET", key],
  f: "read",
  key,
  input: null,
});
