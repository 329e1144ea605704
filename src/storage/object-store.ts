// Object stores as a port: whole objects under names, replaced at once or not at all, some puts
// under a condition. Checkpoints and segments are objects that are written once; the manifest is
// replaced by compare-and-swap, for which the condition is all that stands between two writers.
//
// The semantics are Amazon's (PutObject with If-None-Match and If-Match, ListObjectsV2): a put that
// was answered is seen by every later get and list. Answers come later, in a turn of the caller's
// own; what goes wrong is a value that says whether it may have happened. Left out: metadata,
// versions of an object, streams (an object is in memory as a whole).

import type { Bytes } from "../base/bytes.js";
import { type ErrorName, errors } from "../base/errors.js";
import { failure, type Result } from "../base/result.js";

/** Names of the error table that a store may answer with. */
export type StoreErrorName = Extract<
  ErrorName,
  | "timeout"
  | "crash"
  | "not_supported"
  | "temporarily_unavailable"
  | "malformed_request"
  | "key_does_not_exist"
  | "precondition_failed"
>;

export interface StoreError {
  /** Definite or indefinite by the table of base/errors.ts. */
  readonly name: StoreErrorName;
  readonly message: string;
}

export type StoreResult<T> = Result<T, StoreError>;

/** Called once per operation. */
export type StoreDone<T> = (result: StoreResult<T>) => void;

export interface ByteRange {
  readonly offset: number;
  /** At least 1. */
  readonly count: number;
}

/** Names one content of one name; equal tags mean that nobody has replaced it in between. */
export type EntityTag = string;

export interface StoredObject {
  /** The range, cut at the end of the object. */
  readonly bytes: Bytes;
  readonly tag: EntityTag;
  /** Bytes of the whole object. */
  readonly size: number;
}

export type PutCondition =
  | { readonly kind: "always" }
  | { readonly kind: "if_absent" }
  | { readonly kind: "if_match"; readonly tag: EntityTag };

export const always: PutCondition = { kind: "always" };
export const ifAbsent: PutCondition = { kind: "if_absent" };
export const ifMatch = (tag: EntityTag): PutCondition => ({ kind: "if_match", tag });

export interface ObjectEntry {
  readonly name: string;
  readonly size: number;
}

export interface ObjectPage {
  /** In ascending order of names. */
  readonly entries: readonly ObjectEntry[];
  /** Where the next page begins; undefined behind the last. */
  readonly continuation: string | undefined;
}

export interface ObjectStore {
  /**
   * All of an object or a range of it. Absent: `key_does_not_exist`; a range that begins behind
   * the end: `malformed_request`.
   */
  get(name: string, range: ByteRange | undefined, done: StoreDone<StoredObject>): void;
  /**
   * Replaces an object as a whole. When the condition does not hold (with `if_match` also when
   * there is no object): `precondition_failed`, which is definite. The bytes are not to be changed
   * before the answer.
   */
  put(name: string, bytes: Bytes, condition: PutCondition, done: StoreDone<EntityTag>): void;
  /** A page of the objects whose names begin so. `continuation` is that of the page before. */
  list(prefix: string, continuation: string | undefined, done: StoreDone<ObjectPage>): void;
  /** Removes an object; one that is not there is none, and no error. */
  delete(name: string, done: StoreDone<undefined>): void;
}

export const isDefiniteError = ({ name }: StoreError): boolean => errors[name].definite;

/** A failed answer. */
export const storeFailure = (
  name: StoreErrorName,
  message: string,
): { readonly ok: false; readonly error: StoreError } => failure({ name, message });

export const objectNameBytesMax = 512;

/**
 * Names that every store can hold as they are: parts of letters, digits, `-`, `_` and `.` between
 * slashes, none beginning with a dot.
 */
export const isObjectName = (name: string): boolean =>
  name.length <= objectNameBytesMax &&
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(name);

/** Why a call is refused before anything is done, or undefined. */
export function flawOfCall(
  name: string,
  range?: ByteRange,
): { readonly ok: false; readonly error: StoreError } | undefined {
  if (!isObjectName(name))
    return storeFailure("malformed_request", `no name of an object: ${JSON.stringify(name)}`);
  if (range === undefined) return undefined;
  const { offset, count } = range;
  return Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(count) && count > 0
    ? undefined
    : storeFailure("malformed_request", `no range: ${count} bytes from ${offset} on`);
}

export const absentObject = (name: string) =>
  storeFailure("key_does_not_exist", `there is no object ${name}`);
export const conditionFailed = (name: string) =>
  storeFailure("precondition_failed", `the condition for ${name} does not hold`);
export const rangeBehindEnd = (name: string) =>
  storeFailure("malformed_request", `the range begins behind the end of ${name}`);

/** Entries of a page, where nobody says otherwise: as many as Amazon lists. */
export const pageEntriesDefault = 1000;

/** The entries behind a name, at most so many; the last name says where the next page begins. */
export function pageOf(sorted: ObjectPage["entries"], after: string, countMax: number): ObjectPage {
  const behind = sorted.filter(({ name }) => name > after);
  const entries = behind.slice(0, countMax);
  const isLast = entries.length === behind.length;
  return { entries, continuation: isLast ? undefined : entries.at(-1)!.name };
}
