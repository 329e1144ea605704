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
  const flags = record.flagsOf(arena, ref);
  const sum = record.counterAt(ref, flags);
  const origin = record.originAt(arena, ref);
  const hasBase = (flags & record.baseFlag) !== 0;
  return {
    added: floats[sum]!,
    birth: floats[origin]!,
    base: hasBase ? floats[sum + 1]! : 0,
    baseTime: hasBase ? floats[origin + 1]! : 0,
    baseReplica: hasBase ? floats[origin + 2]! : 0,
  };
}

/** The flag of a record that these fields go into. */
export const baseFlagOf = (fields: CounterFields): number =>
  fields.baseTime === 0 ? 0 : record.baseFlag;

/** Fills a record that was created with `baseFlagOf` the fields. */
export function writeCounter(keyspace: Keyspace, ref: Ref, fields: CounterFields): void {
  const { arena } = keyspace;
  const floats = arena.floats[slabOf(ref)]!;
  const flags = record.flagsOf(arena, ref);
  const sum = record.counterAt(ref, flags);
  const origin = record.originAt(arena, ref);
  floats[sum] = fields.added;
  floats[origin] = fields.birth;
  if ((flags & record.baseFlag) === 0) return;
  floats[sum + 1] = fields.base;
  floats[origin + 1] = fields.baseTime;
  floats[origin + 2] = fields.baseReplica;
}
