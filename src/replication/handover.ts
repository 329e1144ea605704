// Giving shards up to those who are to keep them (merge-rules 17), so that no two nodes rely on
// each other and both let go.
//
// A node that does not serve a shard any more asks everybody who is to keep it, with what it has
// seen. Who serves the shard, is to stay one of its holders and has seen as much says so. Once all
// have, about this very context, the shard is given up.
//
// Why that is safe: an answer speaks of the moment at which it is made, by a node that serves the
// shard then; and a node that asks serves no more and answers nobody, from its question until it
// has given up or taken the question back. So of any nodes that let go one after another, the last
// answer was made by one that still serves. What was told otherwise, and when, does not matter.
//
// A question is taken back by not asking it again: answers to it are void from then on.

import type { VersionVector } from "../clock/version-vector.js";
import type { Cluster } from "./cluster.js";
import type { Kept, NodeId, Release } from "./messages.js";
import type { Peer } from "./peer.js";

/** A question without all answers is asked anew after this. */
const patienceMs = 1_000;

/** A shard that is to be given up, and who is to keep it. */
export interface Handing {
  readonly shard: number;
  readonly keepers: readonly NodeId[];
}

interface Asked {
  readonly context: VersionVector;
  readonly open: Set<NodeId>;
}

export class Handover {
  readonly #cluster: Cluster;
  readonly #asked = new Map<number, Asked>();
  #id = -1;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Says which shards are to be given up now; of others nothing is wanted any more. Asks, and
   * answers those that everybody keeps. To be called often.
   */
  look(handings: readonly Handing[], now: number): number[] {
    const wanted = new Set(handings.map(({ shard }) => shard));
    for (const shard of this.#asked.keys()) if (!wanted.has(shard)) this.#asked.delete(shard);
    const { shards } = this.#cluster;
    shards.settle();
    const done: number[] = [];
    for (const [shard, { context, open }] of this.#asked) {
      if (open.size > 0 || !context.includes(shards.shards[shard]!.context)) continue;
      done.push(shard);
      this.#asked.delete(shard);
    }
    const rest = handings.filter(({ shard }) => !done.includes(shard));
    if (rest.length > 0 && now - this.#askedMs >= patienceMs) this.#ask(rest, now);
    return done;
  }

  #ask(handings: readonly Handing[], now: number): void {
    const { prng, peers } = this.#cluster;
    this.#id = prng.u32();
    this.#askedMs = now;
    this.#asked.clear();
    const questions = new Map<NodeId, number[]>();
    for (const { shard, keepers } of handings) {
      const context = this.#cluster.shards.shards[shard]!.context.clone();
      this.#asked.set(shard, { context, open: new Set(keepers) });
      for (const keeper of keepers)
        questions.set(keeper, [...(questions.get(keeper) ?? []), shard]);
    }
    for (const peer of peers) {
      const wanted = questions.get(peer.node);
      if (wanted === undefined) continue;
      const contexts = this.#cluster.contexts(wanted);
      this.#cluster.send(peer, { type: "release", id: this.#id, contexts });
    }
  }

  onRelease(peer: Peer, { id, contexts }: Release): void {
    const { holdings, shards } = this.#cluster;
    shards.settle();
    const kept = contexts
      .filter(({ shard, context }) => {
        return holdings.keeps(shard) && shards.shards[shard]!.context.includes(context);
      })
      .map(({ shard }) => shard);
    this.#cluster.send(peer, { type: "kept", id, shards: kept });
  }

  onKept(peer: Peer, { id, shards }: Kept): void {
    if (id !== this.#id) return;
    for (const shard of shards) this.#asked.get(shard)?.open.delete(peer.node);
  }
}
