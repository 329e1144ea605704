// What the protocols of a run did, as lines of JSON (NDJSON) that TLC replays against the
// specifications: specs/TraceLinearizableRegister.tla and specs/TraceConvergence.tla hold the
// tables from these events to actions. Nothing here looks into a role: a vote is what its acceptor
// wrote to the disk, a proposal is what was sent, a context is what stands in the shard. What logs
// on disks did is told by wal-trace.ts.

import type { Bytes } from "../base/bytes.js";
import type { VersionVector } from "../clock/version-vector.js";
import type { Session } from "../commands/session.js";
import type { Ballot } from "../consensus/ballot.js";
import { decodeRecord } from "../consensus/records.js";
import type { RegisterValue } from "../consensus/register-value.js";
import type { Batch } from "../keyspace/batch.js";
import { digestShards } from "../keyspace/digest.js";
import type { PeerMessage } from "../node/messages.js";
import type { Node } from "../node/node.js";
import type { DiskWatcher, SimulatedDisk } from "./disk.js";
import type { Watcher } from "./trace.js";
import { type LogEvent, WalTrace } from "./wal-trace.js";

/** Epoch, round, node, process. */
type BallotParts = readonly [number, number, string, number];
/** Name of a stream and the time of its last stamp that was seen. */
type ContextParts = readonly (readonly [string, number])[];

/** Origin, process and number of each origin's last envelope. */
type AppliedParts = readonly (readonly [string, number, number])[];

export type ProtocolEvent =
  | LogEvent
  | { readonly kind: "start"; readonly node: string; readonly incarnation: number }
  | { readonly kind: "prepare"; readonly register: string; readonly ballot: BallotParts }
  | {
      readonly kind: "promise";
      readonly node: string;
      readonly register: string;
      readonly ballot: BallotParts;
    }
  | {
      readonly kind: "accept";
      readonly register: string;
      readonly ballot: BallotParts;
      readonly next: BallotParts;
      readonly applied: AppliedParts;
    }
  | {
      readonly kind: "vote";
      readonly node: string;
      readonly register: string;
      readonly ballot: BallotParts;
      readonly next: BallotParts;
      readonly applied: AppliedParts;
    }
  /** A home tells an origin the outcomes of its envelope. */
  | {
      readonly kind: "told";
      readonly register: string;
      readonly origin: string;
      readonly incarnation: number;
      readonly seq: number;
    }
  | { readonly kind: "erased"; readonly register: string }
  /** A batch that travels; told once. */
  | {
      readonly kind: "batch";
      readonly shard: number;
      readonly origin: string;
      readonly time: number;
      readonly previous: number;
      readonly dependencies: ContextParts;
    }
  /** A shard's context has grown. The digest is left out while a batch is open. */
  | {
      readonly kind: "context";
      readonly node: string;
      readonly replica: string;
      readonly shard: number;
      readonly context: ContextParts;
      readonly digest?: string;
    };

export class ProtocolTrace implements Watcher {
  readonly #write: (event: ProtocolEvent) => void;
  /** By node and shard: the sum of its context's times, which grows with each of them. */
  readonly #sums = new Map<string, number>();
  readonly #batches = new Set<string>();
  readonly #nodes = new Map<string, Node>();
  readonly #logs: WalTrace;

  constructor(write: (event: ProtocolEvent) => void) {
    this.#write = write;
    this.#logs = new WalTrace(write);
  }

  disk(node: string, disk: SimulatedDisk): DiskWatcher {
    return this.#logs.disk(node, disk);
  }

  recovered(node: string, lsn: number): void {
    this.#logs.recovered(node, lsn);
  }

  asking(session: Session): void {
    this.#logs.asking(session);
  }

  asked(session: Session, node: Node): void {
    this.#logs.asked(session, node);
  }

  answered(name: string, session: Session, node: Node): void {
    this.#logs.answered(name, session, node);
  }

  event(_nowUs: number, node: string, text: string): void {
    const start = /^start (\d+)$/.exec(text);
    if (start !== null) this.#write({ kind: "start", node, incarnation: Number(start[1]) });
  }

  sent(name: string, to: string, { kind, message }: PeerMessage): void {
    if (kind === "replication") {
      const { body } = message;
      if ("batches" in body) for (const batch of body.batches) this.#tellBatch(name, batch);
      return;
    }
    if (kind !== "consensus") return;
    const { body } = message;
    if (body.type === "prepare") {
      const { register, ballot } = body;
      this.#write({ kind: "prepare", register, ballot: partsOf(ballot) });
    } else if (body.type === "accept") {
      const { register, ballot, next, value } = body;
      const parts = { ballot: partsOf(ballot), next: partsOf(next), applied: appliedOf(value) };
      this.#write({ kind: "accept", register, ...parts });
    } else if (body.type === "forward_ok") {
      const { register, origin: incarnation, seq } = body;
      this.#write({ kind: "told", register, origin: to, incarnation, seq });
    }
  }

  recorded(node: string, bytes: Bytes): void {
    const record = decodeRecord(bytes);
    if (record.kind === "configuration") return;
    const { register } = record;
    if (record.kind === "erased") this.#write({ kind: "erased", register });
    else if (record.kind === "promised")
      this.#write({ kind: "promise", node, register, ballot: partsOf(record.ballot) });
    else {
      const { ballot, next, value } = record;
      const parts = { ballot: partsOf(ballot), next: partsOf(next), applied: appliedOf(value) };
      this.#write({ kind: "vote", node, register, ...parts });
    }
  }

  worked(name: string, node: Node): void {
    if (this.#nodes.get(name) !== node) {
      // Another process: what the last one had seen is gone.
      this.#nodes.set(name, node);
      for (const { index } of node.shards.shards) this.#sums.delete(`${name} ${index}`);
    }
    let digests: bigint[] | undefined;
    for (const { index, context } of node.shards.shards) {
      let sum = 0;
      for (const [, time] of context.entries()) sum += time;
      const place = `${name} ${index}`;
      if (sum === (this.#sums.get(place) ?? 0)) continue;
      this.#sums.set(place, sum);
      const { keyspace } = node.shards;
      if (!keyspace.hasOpenBatch) digests ??= digestShards(keyspace, node.shards.count);
      this.#write({
        kind: "context",
        node: name,
        replica: keyspace.replicas.nameOf(keyspace.self),
        shard: index,
        context: contextOf(node, context),
        ...(digests !== undefined && { digest: digests[index]!.toString(16) }),
      });
    }
  }

  #tellBatch(name: string, batch: Batch): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    const origin = node.shards.keyspace.replicas.nameOf(batch.origin);
    const { shard, time, previous } = batch;
    const id = `${shard} ${origin} ${time}`;
    if (this.#batches.has(id)) return;
    this.#batches.add(id);
    const dependencies = contextOf(node, batch.dependencies);
    this.#write({ kind: "batch", shard, origin, time, previous, dependencies });
  }
}

const partsOf = ({ epoch, round, node, incarnation }: Ballot): BallotParts => [
  epoch,
  round,
  node,
  incarnation,
];

const appliedOf = ({ applied }: RegisterValue): AppliedParts =>
  applied.map(({ origin, incarnation, seq }) => [origin, incarnation, seq]);

const contextOf = ({ shards }: Node, context: VersionVector): ContextParts =>
  [...context.entries()].map(([replica, time]) => [shards.keyspace.replicas.nameOf(replica), time]);
