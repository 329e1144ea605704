// The cluster as commands see it (commands/cluster-view.ts), from what the node knows of it.

import { createHash } from "node:crypto";
import {
  type ClusterLag,
  type ClusterNode,
  type ClusterView,
  placedRanges,
  type SlotRange,
  slotRanges,
} from "../commands/cluster-view.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import * as record from "../keyspace/record.js";
import { isLive } from "../lattice/cell.js";
import type { MemberEntry } from "../replication/membership.js";
import type { Clustering } from "./clustering.js";
import type { Node } from "./node.js";
import type { Placing } from "./placing.js";

const idOf = (name: string): string => createHash("sha1").update(`skerry ${name}`).digest("hex");

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(":"));
const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));

export class ClusterStatus implements ClusterView {
  readonly #node: Node;
  readonly #clustering: Clustering;
  readonly #placing: Placing | undefined;

  constructor(node: Node, clustering: Clustering, placing: Placing | undefined) {
    this.#node = node;
    this.#clustering = clustering;
    this.#placing = placing;
  }

  get epoch(): number {
    return this.#node.registers.configuration.epoch;
  }

  nodes(): readonly ClusterNode[] {
    return this.#clustering.membership.entries().map((entry) => this.#view(entry));
  }

  #view({ name, state, clientAddress, peerAddress }: MemberEntry): ClusterNode {
    const { membership } = this.#clustering;
    const { nowMs } = this.#node;
    const isSelf = name === this.#node.name;
    const isSuspected = membership.isSuspected(name, nowMs);
    const silentMs = isSelf ? 0 : Math.round(nowMs - membership.heardMs(name));
    return {
      id: idOf(name),
      name,
      host: hostOf(clientAddress),
      port: portOf(clientAddress),
      peerPort: portOf(peerAddress),
      state: state === "alive" && isSuspected ? "suspected" : state,
      isSelf,
      silentMs: Number.isFinite(silentMs) ? silentMs : -1,
    };
  }

  slots(): readonly SlotRange[] {
    const placing = this.#placing;
    const nodes = this.nodes();
    if (placing === undefined) return slotRanges(nodes);
    return placedRanges(nodes, this.#node.shards.count, (shard) => [
      ...placing.serversOf(shard),
      ...placing.copiesOf(shard),
    ]);
  }

  lag(): readonly ClusterLag[] {
    const lags: ClusterLag[] = [];
    const deadRows = countDeadRows(this.#node.keyspace);
    for (const { name, silentMs, isSelf, state } of this.nodes()) {
      const lag = this.#node.replicator?.lagOf(name);
      if (isSelf || lag === undefined || state === "left" || state === "forgotten") continue;
      lags.push({ name, silentMs, ...lag, deadRows: deadRows.get(name) ?? 0 });
    }
    return lags;
  }

  forget(id: string): string | undefined {
    const found = this.nodes().find((node) => node.id === id || node.name === id);
    if (found === undefined) return `Unknown node ${id}`;
    if (found.isSelf) return "I tried hard but I can't forget myself...";
    if (found.state === "alive") return "the node is heard; let it leave by SKERRY.LEAVE";
    this.#clustering.membership.retire(found.name, "forgotten");
    return undefined;
  }

  meet(address: string): void {
    this.#clustering.meet(address);
  }

  leave(): string | undefined {
    return this.#clustering.leave(this.#node.nowMs);
  }

  leaveSoon(done: (objection: string | undefined) => void): boolean {
    return this.#clustering.leaveSoon(this.#node.nowMs, done);
  }
}

/** Reset counter rows by the node that owns them; only keys that are objects have any. */
function countDeadRows(keyspace: Keyspace): Map<string, number> {
  const counts = new Map<string, number>();
  for (const db of keyspace.databases)
    db.keys.forEach((ref) => {
      const kind = record.kindOf(keyspace.arena, ref);
      if (kind !== record.objectKind && kind !== record.hiddenKind) return;
      keyspace.entryOf(ref).forEachCell((_slot, _element, { rows }) => {
        for (const row of rows) {
          if (isLive(row)) continue;
          const name = keyspace.replicas.nameOf(row.replica);
          const node = name.slice(0, name.lastIndexOf("/"));
          counts.set(node, (counts.get(node) ?? 0) + 1);
        }
      });
    });
  return counts;
}
