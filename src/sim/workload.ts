// What clients ask. Three families of keys: linearizable ones, judged by their history; eventual
// strings and sets, judged by the log of operations; and keys of every type with deadlines, judged
// by convergence.

import type { Prng } from "../base/prng.js";
import type { Json } from "../check/canonical.js";
import type { FaultProfile } from "./fault-profile.js";
import type { LoggedWrite } from "./operation-log.js";
import { linearizablePrefix } from "./simulated-host.js";
import { Zipf } from "./zipf.js";

/** A request and what it means to the judges. */
export type Request =
  | {
      readonly family: "linearizable";
      readonly args: readonly string[];
      readonly f: "read" | "write" | "cas" | "incr" | "append";
      readonly key: string;
      readonly input: Json;
    }
  | {
      readonly family: "logged";
      readonly args: readonly string[];
      /** Undefined for a read. */
      readonly write: LoggedWrite | undefined;
      readonly key: string;
    }
  | { readonly family: "mixed"; readonly args: readonly string[]; readonly key: string };

/** Keys of each kind. Few, so that clients meet; linearizable histories stay short enough. */
const registerCount = 4;
const counterCount = 2;
const journalCount = 2;
const eventualCount = 24;
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
    const rank = this.#ranks.draw(prng);
    const family = rank % 3;
    if (family === 0) return this.#text(prng, `t${rank}`);
    return family === 1 ? this.#set(prng, `s${rank}`) : this.#mixed(prng, `m${rank}`);
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
    const text = prng.chance(0.9) ? String(prng.below(100)) : `w${++this.#serial}`;
    const logged = (args: string[], write?: Omit<LoggedWrite, "key">): Request => ({
      family: "logged",
      args,
      key,
      write: write && { key, ...write },
    });
    switch (prng.below(8)) {
      case 0:
        return logged(["SET", key, text], { kind: "set", text, by: 0 });
      case 1:
        return logged(["DEL", key], { kind: "delete", text: "", by: 0 });
      case 2:
        return logged(["GET", key]);
      case 3:
        return logged(["DECRBY", key, String(by)], { kind: "increment", text: "", by: -by });
      case 4:
        return logged(["INCR", key], { kind: "increment", text: "", by: 1 });
      default:
        return logged(["INCRBY", key, String(by)], { kind: "increment", text: "", by });
    }
  }

  #set(prng: Prng, key: string): Request {
    const text = `e${prng.below(memberCount)}`;
    const logged = (args: string[], write?: Omit<LoggedWrite, "key">): Request => ({
      family: "logged",
      args,
      key,
      write: write && { key, ...write },
    });
    const choice = prng.below(10);
    if (choice === 0) return logged(["DEL", key], { kind: "delete", text: "", by: 0 });
    if (choice === 1) return logged(["SMEMBERS", key]);
    if (choice < 5) return logged(["SREM", key, text], { kind: "remove", text, by: 0 });
    return logged(["SADD", key, text], { kind: "add", text, by: 0 });
  }

  #mixed(prng: Prng, key: string): Request {
    const value = `v${prng.below(50)}`;
    const field = `f${prng.below(memberCount)}`;
    const number = String(prng.between(-9, 9));
    const soonMs = String(prng.between(50, 4000));
    const args = prng.pick([
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
    ]);
    return { family: "mixed", args, key };
  }
}

const read = (key: string): Request => ({
  family: "linearizable",
  args: ["GET", key],
  f: "read",
  key,
  input: null,
});
