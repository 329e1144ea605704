// Counting votes. Only members of the round's configuration count, each once (consensus-rules 16).

import { type Configuration, majorityOf, memberOf, type NodeId } from "./configuration.js";

export class Votes {
  readonly #configuration: Configuration;
  readonly #nodes: NodeId[] = [];

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  /** False if the node is no member or has voted before. */
  add(node: NodeId): boolean {
    if (this.has(node) || memberOf(this.#configuration, node) === undefined) return false;
    this.#nodes.push(node);
    return true;
  }

  has(node: NodeId): boolean {
    return this.#nodes.includes(node);
  }

  get count(): number {
    return this.#nodes.length;
  }

  get isMajority(): boolean {
    return this.#nodes.length >= majorityOf(this.#configuration);
  }
}
