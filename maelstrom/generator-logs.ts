// What clients of kafka ask. Each thread is a producer and a consumer: it sends to the keys in use,
// polls the keys assigned to it from where it stands, commits how far it has read, and now and then
// takes on other keys, from where they were committed. In the end every thread reads all there is.

import type { Json } from "../src/check/canonical.js";
import type { NewGenerator } from "./generators.js";
import type { Request } from "./workloads.js";

const KEY_COUNT = 8;
/** A key that has so many messages gives way to a new one. */
const SENDS_PER_KEY_MAX = 256;
const ASSIGNED_MAX = 4;
/** A node that answers nothing must not hold up the end for ever. */
const FINAL_FAILURES_MAX = 10;

type Offsets = Map<string, number>;
type Entries = readonly (readonly [offset: number, message: Json])[];

export const logs: NewGenerator = ({ threadCount }, random) => {
  let nextKey = KEY_COUNT;
  const keys = Array.from({ length: KEY_COUNT }, (_, key) => ({ key: String(key), sends: 0 }));
  const everUsed = new Set(keys.map(({ key }) => key));
  const threads = Array.from({ length: threadCount }, () => ({
    positions: new Map(keys.slice(0, ASSIGNED_MAX).map(({ key }) => [key, 0])) as Offsets,
    final: undefined as Offsets | undefined,
    isCaughtUp: false,
    failures: 0,
  }));

  const send = (): Request => {
    const at = random.below(KEY_COUNT);
    const used = keys[at]!;
    const request = { f: "send", key: used.key, input: ++used.sends };
    if (used.sends === SENDS_PER_KEY_MAX) {
      keys[at] = { key: String(nextKey++), sends: 0 };
      everUsed.add(keys[at]!.key);
    }
    return request;
  };
  const poll = (positions: Offsets): Request => ({
    f: "poll",
    input: Object.fromEntries(positions),
  });
  const assign = (): Request => {
    const chosen = new Set<string>();
    for (let count = random.between(1, ASSIGNED_MAX); count > 0; count--)
      chosen.add(random.pick(keys).key);
    return { f: "list_committed_offsets", input: [...chosen] };
  };
  const commit = (positions: Offsets): Request => {
    const read = [...positions].filter(([, next]) => next > 0);
    return read.length === 0
      ? poll(positions)
      : {
          f: "commit_offsets",
          input: Object.fromEntries(read.map(([key, next]) => [key, next - 1])),
        };
  };

  return {
    next(thread) {
      const { positions } = threads[thread]!;
      const draw = random.below(20);
      if (draw < 9) return send();
      if (draw < 17) return poll(positions);
      return draw < 19 ? commit(positions) : assign();
    },
    observe(thread, { f, input, output, outcome, final }) {
      const state = threads[thread]!;
      if (outcome !== "ok") {
        if (final === true) state.failures++;
        return;
      }
      if (f === "list_committed_offsets") {
        const committed = output as Readonly<Record<string, number>>;
        state.positions = new Map(
          (input as readonly string[]).map((key) => [key, (committed[key] ?? -1) + 1]),
        );
      } else if (f === "poll") {
        const positions = final === true ? state.final! : state.positions;
        const found = Object.entries(output as Readonly<Record<string, Entries>>).filter(
          ([, entries]) => entries.length > 0,
        );
        for (const [key, entries] of found) positions.set(key, entries.at(-1)![0] + 1);
        state.isCaughtUp = found.length === 0;
      }
    },
    nextFinal(thread) {
      const state = threads[thread]!;
      if (state.final === undefined) {
        state.final = new Map([...everUsed].map((key) => [key, 0]));
        state.isCaughtUp = false;
      }
      const isOver = state.isCaughtUp || state.failures > FINAL_FAILURES_MAX;
      return isOver ? undefined : poll(state.final);
    },
  };
};
