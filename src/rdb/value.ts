// The values of keys as RDB knows them, whatever their encoding there was: plain lists of byte
// strings, so that the decoder depends on nothing that stores them.

import type { Bytes } from "../base/bytes.js";
import type { RdbStream } from "./stream.js";

export type RdbValue =
  | { readonly kind: "string"; readonly text: Bytes }
  | { readonly kind: "list"; readonly elements: readonly Bytes[] }
  | { readonly kind: "set"; readonly members: readonly Bytes[] }
  /** Field, value, field, value ... */
  | { readonly kind: "hash"; readonly pairs: readonly Bytes[] }
  | {
      readonly kind: "zset";
      readonly members: readonly Bytes[];
      readonly scores: readonly number[];
    }
  | { readonly kind: "stream"; readonly stream: RdbStream };

/** The names of encodings that decide how a value is written (OBJECT ENCODING's). */
export type RdbEncoding =
  | "intset"
  | "listpack"
  | "hashtable"
  | "skiplist"
  | "quicklist"
  | "stream"
  | "string";

/** Type bytes of RDB version 10 (rdb.h). */
export const rdbTypes = {
  string: 0,
  list: 1,
  set: 2,
  zset: 3,
  hash: 4,
  zset2: 5,
  module: 6,
  module2: 7,
  hashZipmap: 9,
  listZiplist: 10,
  setIntset: 11,
  zsetZiplist: 12,
  hashZiplist: 13,
  listQuicklist: 14,
  streamListpacks: 15,
  hashListpack: 16,
  zsetListpack: 17,
  listQuicklist2: 18,
  streamListpacks2: 19,
} as const;

/** What Redis 7.0 writes, and the newest that is read. */
export const rdbVersion = 10;
