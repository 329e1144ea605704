// What one client does to a node that will be killed, and what must be there afterwards. Commands
// of every type in a fixed sequence, pipelined on one connection, so after any crash the state is
// that of some first part of the sequence; which parts are admissible is the judge's business
// (kills.ts).
//
// The model is plain JavaScript and shares nothing with the node.

import type { Argv, Reply } from "../../test/differential/resp-client.js";

const listLengthMax = 200;
const streamLengthMax = 100;

/** The state that the first so many commands leave. */
export class LoadModel {
  readonly #prefix: string;
  readonly #strings = new Map<string, string>();
  readonly #hashes = new Map<string, Map<string, string>>();
  readonly #set = new Set<string>();
  readonly #scores = new Map<string, number>();
  #list: string[] = [];
  #stream: string[] = [];
  /** Commands done so far. */
  count = 0;

  constructor(client: number) {
    this.#prefix = `c${client}:`;
  }

  /** The command with this number. */
  command(index: number): Argv {
    const key = (name: string): string => `${this.#prefix}${name}`;
    const text = String(index);
    switch (index % 12) {
      case 0:
        return ["SET", key(`s${index % 40}`), `value ${text}`];
      case 1:
        return ["INCRBY", key(`n${index % 5}`), text];
      case 2:
        return ["HSET", key(`h${((index - 2) / 12) % 3}`), `f${index % 30}`, text];
      case 3:
        return ["HSET", key("H"), `f${(index * 7) % 900}`, text];
      case 4:
        return ["SADD", key("t"), `m${(index * 13) % 700}`];
      case 5:
        return ["SREM", key("t"), `m${(index * 5) % 700}`];
      case 6:
        return ["ZADD", key("z"), text, `m${(index * 11) % 600}`];
      case 7:
        return ["ZREM", key("z"), `m${(index * 3) % 600}`];
      case 8:
        return ["RPUSH", key("l"), `e${text}`, `f${text}`];
      case 9:
        if (index % 24 === 9) return ["LTRIM", key("l"), String(-listLengthMax), "-1"];
        return ["LPUSH", key("l"), `g${text}`];
      case 10:
        if (index % 20 === 10) return ["DEL", key(`a${index % 4}`)];
        return ["APPEND", key(`a${index % 4}`), `${text},`];
      default: {
        if (index % 24 === 11) return ["SET", `lin:${this.#prefix}`, text];
        const max = String(streamLengthMax);
        return ["XADD", key("x"), "MAXLEN", "=", max, `${index}-1`, "f", text];
      }
    }
  }

  /** Does the next command. */
  step(): void {
    const [name, key, ...args] = this.command(this.count++) as string[];
    const hash = (): Map<string, string> => {
      const found = this.#hashes.get(key!) ?? new Map<string, string>();
      this.#hashes.set(key!, found);
      return found;
    };
    const old = this.#strings.get(key!) ?? "";
    if (name === "SET") this.#strings.set(key!, args[0]!);
    else if (name === "INCRBY") this.#strings.set(key!, String(Number(old) + Number(args[0])));
    else if (name === "APPEND") this.#strings.set(key!, old + args[0]!);
    else if (name === "DEL") this.#strings.delete(key!);
    else if (name === "HSET") hash().set(args[0]!, args[1]!);
    else if (name === "SADD") this.#set.add(args[0]!);
    else if (name === "SREM") this.#set.delete(args[0]!);
    else if (name === "ZADD") this.#scores.set(args[1]!, Number(args[0]));
    else if (name === "ZREM") this.#scores.delete(args[0]!);
    else if (name === "RPUSH") this.#list.push(...args);
    else if (name === "LPUSH") this.#list.unshift(args[0]!);
    else if (name === "LTRIM") this.#list = this.#list.slice(-listLengthMax);
    else this.#stream = [...this.#stream, args[3]!].slice(-streamLengthMax);
  }

  /** Commands that read everything back; `describe` understands their replies. */
  readCommands(): Argv[] {
    const key = (name: string): string => `${this.#prefix}${name}`;
    const names = (letter: string, count: number): string[] =>
      Array.from({ length: count }, (_, i) => key(`${letter}${i}`));
    return [
      ["MGET", ...names("s", 40), ...names("n", 5), ...names("a", 4)],
      ["GET", `lin:${this.#prefix}`],
      ...["h0", "h1", "h2", "H"].map((name) => ["HGETALL", key(name)]),
      ["SMEMBERS", key("t")],
      ["ZRANGE", key("z"), "0", "-1", "WITHSCORES"],
      ["LRANGE", key("l"), "0", "-1"],
      ["XRANGE", key("x"), "-", "+"],
    ];
  }

  /** The state as texts, one for each of `readCommands`. */
  describe(): string[] {
    const value = (name: string): string => this.#strings.get(name) ?? "(nil)";
    const [many, ...reads] = this.readCommands() as string[][];
    const byScore = [...this.#scores].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
    return [
      many!.slice(1).map(value).join(" "),
      value(reads[0]![1]!),
      ...reads.slice(1, 5).map(([, key]) => pairs(this.#hashes.get(key!) ?? new Map())),
      [...this.#set].sort().join(" "),
      byScore.map(([member, score]) => `${member} ${score}`).join(" "),
      this.#list.join(" "),
      this.#stream.join(" "),
    ];
  }
}

const pairs = (map: ReadonlyMap<string, string>): string =>
  [...map]
    .map(([field, value]) => `${field}=${value}`)
    .sort()
    .join(" ");

/** What the replies to `readCommands` say, as `describe` would. */
export function describeReplies(replies: readonly Reply[]): string[] {
  const texts = (reply: Reply): string[] =>
    (reply.items ?? []).map((item) => item.text ?? (item.items === undefined ? "(nil)" : ""));
  return replies.map((reply, index) => {
    if (index === 1) return reply.text ?? "(nil)";
    const items = texts(reply);
    if (index >= 2 && index <= 5) {
      const map = new Map<string, string>();
      for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
      return pairs(map);
    }
    if (index === 6) return items.sort().join(" ");
    if (index === 9) return (reply.items ?? []).map((entry) => entry.items![0]!.text).join(" ");
    return items.join(" ");
  });
}
