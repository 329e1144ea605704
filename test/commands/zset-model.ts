// A plain model of sorted sets for tests: a Map from members to scores, sorted when asked. It knows
// the common commands and none of the forms, chunks, births or cells of the real thing.

import type { Answer, Bench } from "./harness.js";

/** What a command changes, in words that the model understands too. */
export type Change =
  | { readonly kind: "add"; readonly pairs: readonly (readonly [string, number])[] }
  | { readonly kind: "increment"; readonly member: string; readonly by: number }
  | { readonly kind: "remove"; readonly members: readonly string[] }
  | { readonly kind: "popMin" | "popMax"; readonly count: number }
  | { readonly kind: "removeRanks"; readonly from: number; readonly to: number }
  | { readonly kind: "removeScores"; readonly min: number; readonly max: number }
  | { readonly kind: "store"; readonly from: number; readonly to: number };

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export class ZsetModel {
  readonly scores = new Map<string, number>();

  sorted(): [string, number][] {
    return [...this.scores].sort(([a, x], [b, y]) => (x === y ? compareText(a, b) : x - y));
  }

  apply(change: Change): void {
    const { scores } = this;
    const removeAll = (pairs: readonly (readonly [string, number])[]): void => {
      for (const [member] of pairs) scores.delete(member);
    };
    switch (change.kind) {
      case "add":
        for (const [member, score] of change.pairs) scores.set(member, score);
        break;
      case "increment":
        scores.set(change.member, (scores.get(change.member) ?? 0) + change.by);
        break;
      case "remove":
        for (const member of change.members) scores.delete(member);
        break;
      case "popMin":
        removeAll(this.sorted().slice(0, change.count));
        break;
      case "popMax":
        if (change.count > 0) removeAll(this.sorted().slice(-change.count));
        break;
      case "removeRanks":
        removeAll(this.sorted().slice(change.from, change.to + 1));
        break;
      case "removeScores":
        removeAll(this.sorted().filter(([, x]) => x >= change.min && x <= change.max));
        break;
      case "store": {
        const kept = this.sorted().slice(change.from, change.to + 1);
        scores.clear();
        for (const [member, score] of kept) scores.set(member, score);
      }
    }
  }
}

/** The same change as a command. */
export function commandOf(key: string, change: Change): string[] {
  switch (change.kind) {
    case "add":
      return ["zadd", key, ...change.pairs.flatMap(([member, score]) => [String(score), member])];
    case "increment":
      return ["zincrby", key, String(change.by), change.member];
    case "remove":
      return ["zrem", key, ...change.members];
    case "popMin":
      return ["zpopmin", key, String(change.count)];
    case "popMax":
      return ["zpopmax", key, String(change.count)];
    case "removeRanks":
      return ["zremrangebyrank", key, String(change.from), String(change.to)];
    case "removeScores":
      return ["zremrangebyscore", key, String(change.min), String(change.max)];
    case "store":
      return ["zrangestore", key, key, String(change.from), String(change.to)];
  }
}

/** Everything that readers can ask, against the model. Answers what differs, or undefined. */
export function disagreement(bench: Bench, key: string, model: ZsetModel): string | undefined {
  const expected = model.sorted();
  const ask = (...argv: (string | number)[]): Answer => bench.runInBatch(...argv);
  const checks: [string, Answer, Answer][] = [
    ["zcard", ask("zcard", key), expected.length],
    ["zrange", pairsOf(ask("zrange", key, 0, -1, "withscores")), expected],
    ["zrevrange", pairsOf(ask("zrevrange", key, 0, -1, "withscores")), [...expected].reverse()],
  ];
  expected.forEach(([member, score], rank) => {
    checks.push([`zscore ${member}`, Number(ask("zscore", key, member)), score]);
    checks.push([`zrank ${member}`, ask("zrank", key, member), rank]);
    const above = expected.filter(([, other]) => other >= score).length;
    checks.push([`zcount from ${score}`, ask("zcount", key, String(score), "+inf"), above]);
  });
  for (const [name, ours, theirs] of checks) {
    const [a, b] = [JSON.stringify(ours), JSON.stringify(theirs)];
    if (a !== b) return `${name}: ${a} instead of ${b}`;
  }
  return undefined;
}

export function pairsOf(answer: Answer): [string, number][] {
  const flat = answer as string[];
  return flat.flatMap((member, i) => (i % 2 === 0 ? [[member, Number(flat[i + 1])]] : [])) as [
    string,
    number,
  ][];
}
