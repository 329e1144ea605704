// An object store in memory: for tests, for the simulator, and the model that the others are held
// to. It answers before the call returns, unless it is given a way to answer later. Left out: a
// bound of its memory, which belongs to whoever writes.

import type { Bytes } from "../base/bytes.js";
import {
  absentObject,
  type ByteRange,
  conditionFailed,
  type EntityTag,
  flawOfCall,
  type ObjectPage,
  type ObjectStore,
  type PutCondition,
  pageEntriesDefault,
  pageOf,
  rangeBehindEnd,
  type StoreDone,
  type StoredObject,
} from "./object-store.js";

interface Kept {
  readonly bytes: Bytes;
  readonly tag: EntityTag;
}

export class MemoryStore implements ObjectStore {
  readonly #objects = new Map<string, Kept>();
  readonly #pageEntries: number;
  #puts = 0;

  /** @param pageEntries entries of a page at most */
  constructor(pageEntries = pageEntriesDefault) {
    this.#pageEntries = pageEntries;
  }

  get(name: string, range: ByteRange | undefined, done: StoreDone<StoredObject>) {
    const flaw = flawOfCall(name, range);
    if (flaw !== undefined) return done(flaw);
    const kept = this.#objects.get(name);
    if (kept === undefined) return done(absentObject(name));
    const { bytes, tag } = kept;
    const size = bytes.length;
    if (range === undefined) return done({ ok: true, value: { bytes: copyOf(bytes), tag, size } });
    if (range.offset >= size) return done(rangeBehindEnd(name));
    const cut = copyOf(bytes.subarray(range.offset, range.offset + range.count));
    done({ ok: true, value: { bytes: cut, tag, size } });
  }

  put(name: string, bytes: Bytes, condition: PutCondition, done: StoreDone<EntityTag>) {
    const flaw = flawOfCall(name);
    if (flaw !== undefined) return done(flaw);
    const old = this.#objects.get(name);
    if (condition.kind === "if_absent" && old !== undefined) return done(conditionFailed(name));
    if (condition.kind === "if_match" && old?.tag !== condition.tag)
      return done(conditionFailed(name));
    const tag = `put-${++this.#puts}`;
    this.#objects.set(name, { bytes: copyOf(bytes), tag });
    done({ ok: true, value: tag });
  }

  list(prefix: string, continuation: string | undefined, done: StoreDone<ObjectPage>) {
    done({ ok: true, value: this.#page(prefix, continuation ?? "") });
  }

  delete(name: string, done: StoreDone<undefined>) {
    const flaw = flawOfCall(name);
    if (flaw !== undefined) return done(flaw);
    this.#objects.delete(name);
    done({ ok: true, value: undefined });
  }

  #page(prefix: string, after: string): ObjectPage {
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).sort();
    return pageOf(
      names.map((name) => ({ name, size: this.#objects.get(name)!.bytes.length })),
      after,
      this.#pageEntries,
    );
  }
}

/** Not `slice`: that of a Buffer is a view of the same memory. */
const copyOf = (bytes: Bytes): Bytes => Uint8Array.from(bytes);
