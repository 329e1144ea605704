// Who a process is, as the log keeps it, and who the next one will be (merge-rules 16,
// consensus-rules 15).
//
// A node's identity as a writer, its replica name, goes on as long as nothing that others may have
// seen under it can be missing: after a clean end, under `always`, or when there were never any
// others. A tail that had to be cut, or damage that was passed over, ends it. The state of the
// registers is durable under every policy; only damage makes the node a voter that lost its memory.

import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { SyncPolicy } from "./wal.js";

export interface StartRecord {
  /** The node's name, `n1`. */
  readonly node: string;
  /** This process: greater at every start. */
  readonly incarnation: number;
  /** The incarnation in which the registers' durable state began. */
  readonly stateIncarnation: number;
  /** The name under which this process writes. */
  readonly replica: string;
  readonly policy: SyncPolicy;
  /** Other replicas have, or may have, seen what this node wrote. */
  readonly isShared: boolean;
  readonly shardCount: number;
  readonly databaseCount: number;
}

const policies: readonly SyncPolicy[] = ["always", "everysec", "no"];

export function encodeStart(start: StartRecord): Bytes {
  const writer = new ByteWriter();
  writer.text(start.node).f64(start.incarnation).f64(start.stateIncarnation).text(start.replica);
  writer.u8(policies.indexOf(start.policy)).u8(start.isShared ? 1 : 0);
  writer.varint(start.shardCount).varint(start.databaseCount);
  return writer.finish();
}

/** @throws MalformedBytes */
export function decodeStart(bytes: Bytes): StartRecord {
  const reader = new ByteReader(bytes);
  const [node, incarnation, stateIncarnation] = [reader.text(), reader.f64(), reader.f64()];
  const replica = reader.text();
  const policy = policies[reader.u8()];
  if (policy === undefined) throw new MalformedBytes("a policy that is none");
  const isShared = reader.u8() !== 0;
  const [shardCount, databaseCount] = [reader.varint(), reader.varint()];
  reader.expectEnd();
  return {
    ...{ node, incarnation, stateIncarnation, replica, policy },
    ...{ isShared, shardCount, databaseCount },
  };
}

/** How the log ended. */
export interface LogEnd {
  /** The process ended in order. */
  readonly isClean: boolean;
  /** Bytes at the end were no whole record. */
  readonly isCut: boolean;
  /** Damage was passed over: records may be missing anywhere. */
  readonly isDamaged: boolean;
}

/** What this process is told from outside. */
export interface StartWish {
  readonly node: string;
  /** Used when there is no log, and as a lower bound when there is one. */
  readonly incarnation: number;
  readonly policy: SyncPolicy;
  readonly hasPeers: boolean;
  /** Peers know each process by a name of its own: none goes on as an earlier one. */
  readonly isAlwaysNew?: boolean;
  readonly shardCount: number;
  readonly databaseCount: number;
}

export const replicaNameOf = (node: string, incarnation: number): string =>
  `${node}/${incarnation.toString(36)}`;

/** Who the process that starts now is. */
export function nextStart(
  previous: StartRecord | undefined,
  end: LogEnd,
  wish: StartWish,
): StartRecord {
  const { node, policy, hasPeers, shardCount, databaseCount } = wish;
  const incarnation = Math.max(wish.incarnation, (previous?.incarnation ?? 0) + 1);
  const mayKeep = previous !== undefined && wish.isAlwaysNew !== true;
  const isKept = mayKeep && isIdentityKept(previous, end);
  const hasState = mayKeep && !end.isDamaged;
  return {
    ...{ node, incarnation, policy, shardCount, databaseCount },
    stateIncarnation: hasState ? previous.stateIncarnation : incarnation,
    replica: isKept ? previous.replica : replicaNameOf(node, incarnation),
    isShared: hasPeers || previous?.isShared === true,
  };
}

function isIdentityKept(previous: StartRecord, end: LogEnd): boolean {
  if (end.isDamaged) return false;
  if (end.isClean || !previous.isShared) return true;
  return previous.policy === "always" && !end.isCut;
}
