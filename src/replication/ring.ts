// Which nodes hold which shard: a ring of tokens (Karger et al. 1997; virtual nodes as in Dynamo).
// Every node has many places on the ring, found by hashing its name, and so has every shard; a
// shard belongs to the first few different nodes that follow its place. So a node that comes or
// goes moves only the shards that are its own, and all nodes that know the same members agree
// without a word.

import { compareText, utf8 } from "../base/bytes.js";
import { hash32 } from "../keyspace/digest.js";
import type { NodeId } from "./messages.js";

/** Places of a node. More spread the shards more evenly. */
const tokensPerNode = 128;

interface Token {
  readonly place: number;
  readonly node: NodeId;
}

export class Ring {
  readonly #tokens: readonly Token[];
  readonly #nodeCount: number;

  /** @param nodes in any order. */
  constructor(nodes: readonly NodeId[]) {
    this.#nodeCount = new Set(nodes).size;
    this.#tokens = [...new Set(nodes)]
      .flatMap((node) =>
        Array.from({ length: tokensPerNode }, (_, number): Token => {
          return { place: placeOf(`${node}#${number}`), node };
        }),
      )
      .sort((a, b) => a.place - b.place || compareText(a.node, b.node));
  }

  /** The nodes that hold a shard, the first of them leading. @param factor 0: all nodes. */
  holders(shard: number, factor: number): NodeId[] {
    const wanted = factor === 0 ? this.#nodeCount : Math.min(factor, this.#nodeCount);
    const holders: NodeId[] = [];
    const start = this.#after(placeOf(`shard ${shard}`));
    for (let step = 0; holders.length < wanted; step++) {
      const { node } = this.#tokens[(start + step) % this.#tokens.length]!;
      if (!holders.includes(node)) holders.push(node);
    }
    return holders;
  }

  /** The first token at or after a place. */
  #after(place: number): number {
    let [low, high] = [0, this.#tokens.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tokens[middle]!.place < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const placeOf = (text: string): number => hash32(utf8(text), 0x51ce77);
