// The fields of a `counterKind` record: this node's own live row, never reset by others, over at
// most one base that is a safe integer born by its own write.

import { type Ref, slabOf } from "./arena.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";

export interface CounterFields {
  added: number;
  birth: number;
  base: number;
  /** 0 when there is no base. */
  baseTime: number;
  baseReplica: number;
}

export function readCounter(keyspace: Keyspace, ref: Ref): CounterFields {
  const { arena } = keyspace;
  const floats = arena.floats[slabOf(ref)]!;
  const at = record.counterAt(ref, record.flagsOf(arena, ref));
  return {
    added: floats[at]!,
    birth: floats[at + 1]!,
    base: floats[at + 2]!,
    baseTime: floats[at + 3]!,
    baseReplica: floats[at + 4]!,
  };
}

export function writeCounter(keyspace: Keyspace, ref: Ref, fields: CounterFields): void {
  const { arena } = keyspace;
  const floats = arena.floats[slabOf(ref)]!;
  const at = record.counterAt(ref, record.flagsOf(arena, ref));
  floats[at] = fields.added;
  floats[at + 1] = fields.birth;
  floats[at + 2] = fields.base;
  floats[at + 3] = fields.baseTime;
  floats[at + 4] = fields.baseReplica;
}
