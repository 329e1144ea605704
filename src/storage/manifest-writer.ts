// Who holds the right to replace the manifest, and how: compare-and-swap on its entity tag. A
// writer takes over by writing a manifest of the next epoch over the one it read; from then on
// every put of the writer before it fails, because its tag is gone, and at the reading that follows
// it finds the higher epoch and is fenced for good.
//
// An answer in doubt is resolved by reading: the bytes that stand there are ours or they are not. A
// put in doubt may still come to pass later; then the next put under the old tag fails, and what
// stands there is of our epoch and is taken as the ground for the same change anew. Stale reads do
// no harm for the same reason: only the store's condition decides.
//
// Left out: waiting between attempts, which the adapters do; several changes at once (the caller
// gathers them).

import { type Bytes, equalBytes } from "../base/bytes.js";
import {
  changed,
  decodeManifest,
  emptyManifest,
  encodeManifest,
  type Manifest,
  type ManifestChange,
} from "./manifest.js";
import {
  type EntityTag,
  ifAbsent,
  ifMatch,
  isDefiniteError,
  type ObjectStore,
  type StoreDone,
  type StoreError,
  storeFailure,
} from "./object-store.js";

export const manifestName = "manifest";
/** Attempts of one replacement; then its error is told, in doubt if one of them was. */
export const replaceAttemptsMax = 8;

/** What stands in the store, as far as we know. */
interface Standing {
  readonly manifest: Manifest;
  /** Undefined: there is none. */
  readonly tag: EntityTag | undefined;
  readonly bytes: Bytes | undefined;
}

/** One replacement on its way. */
interface Replacement {
  /** The manifest to write over this one, or why not. */
  readonly next: (standing: Manifest) => Manifest | StoreError;
  readonly done: StoreDone<Manifest>;
  attempts: number;
  /** What was put and may come to stand. */
  doubt: Bytes | undefined;
}

export type ManifestObjection = (standing: Manifest) => string | undefined;

export class ManifestWriter {
  readonly #store: ObjectStore;
  readonly #writer: string;
  #epoch = 0;
  #standing: Standing | undefined;
  #isBusy = false;
  #isFenced = false;

  /** @param writer names this incarnation of the node; no two are the same */
  constructor(store: ObjectStore, writer: string) {
    this.#store = store;
    this.#writer = writer;
  }

  /** Whether a later writer has taken over; it never becomes false again. */
  get isFenced(): boolean {
    return this.#isFenced;
  }

  /** The epoch of this writer, 0 before it has taken over. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Becomes the writer. Answers the manifest that stands then. A damaged manifest is an error
   * (`crash`) and stays as it is.
   *
   * @param objection why a manifest must not be taken over, if it must not; it is asked about the
   * one that would be replaced, so an answer of the past fences nobody. Then: `not_supported`.
   */
  // Spec: StreamingPersistence.Claim.
  takeOver(done: StoreDone<Manifest>, objection: ManifestObjection = () => undefined): void {
    const next = (standing: Manifest): Manifest | StoreError => {
      const message = objection(standing);
      if (message !== undefined) return { name: "not_supported", message };
      const { epoch, sequence } = standing;
      return { ...standing, epoch: epoch + 1, sequence: sequence + 1, writer: this.#writer };
    };
    this.#standing = undefined;
    this.#begin(next, (result) => {
      if (result.ok) this.#epoch = result.value.epoch;
      done(result);
    });
  }

  /**
   * Replaces the manifest. `precondition_failed`: this writer is fenced, nothing was changed. Any
   * indefinite error: the change may be in the manifest, do not remove what it names or replaces.
   * One replacement at a time: another is refused with `temporarily_unavailable`.
   */
  replace(change: ManifestChange, done: StoreDone<Manifest>): void {
    const next = (standing: Manifest): Manifest | StoreError =>
      standing.epoch === this.#epoch ? changed(standing, change) : fenced(standing);
    this.#begin(next, done);
  }

  #begin(next: Replacement["next"], done: StoreDone<Manifest>) {
    if (this.#isBusy) return done(storeFailure("temporarily_unavailable", "one at a time"));
    if (this.#isFenced) return done(storeFailure("precondition_failed", "the writer is fenced"));
    this.#isBusy = true;
    const end: StoreDone<Manifest> = (result) => {
      this.#isBusy = false;
      done(result);
    };
    this.#attempt({ next, done: end, attempts: 0, doubt: undefined });
  }

  #attempt(replacement: Replacement) {
    const standing = this.#standing;
    if (standing === undefined) return this.#read(replacement);
    const { manifest, tag, bytes } = standing;
    const { doubt } = replacement;
    if (doubt !== undefined && bytes !== undefined && equalBytes(doubt, bytes))
      return replacement.done({ ok: true, value: manifest });
    // An epoch below ours is a stale read, and says nothing about who writes now.
    if (manifest.epoch < this.#epoch) return this.#again(replacement, staleRead);
    const next = replacement.next(manifest);
    if ("name" in next) {
      this.#isFenced = next.name === "precondition_failed";
      return this.#fail(replacement, next);
    }
    this.#put(replacement, next, tag);
  }

  #put(replacement: Replacement, next: Manifest, tag: EntityTag | undefined) {
    const bytes = encodeManifest(next);
    const condition = tag === undefined ? ifAbsent : ifMatch(tag);
    this.#store.put(manifestName, bytes, condition, (result) => {
      if (result.ok) {
        this.#standing = { manifest: next, tag: result.value, bytes };
        return replacement.done({ ok: true, value: next });
      }
      const { error } = result;
      if (!isDefiniteError(error)) replacement.doubt = bytes;
      else if (error.name !== "precondition_failed") return this.#fail(replacement, error);
      this.#again(replacement, error);
    });
  }

  #read(replacement: Replacement) {
    this.#store.get(manifestName, undefined, (result) => {
      if (!result.ok && result.error.name !== "key_does_not_exist")
        return this.#again(replacement, result.error);
      const standing = result.ok ? standingOf(result.value) : nothing;
      if (standing === undefined) return this.#again(replacement, damaged);
      this.#standing = standing;
      this.#attempt(replacement);
    });
  }

  /** Reads anew and goes on from there, so many times. */
  #again(replacement: Replacement, error: StoreError) {
    if (++replacement.attempts >= replaceAttemptsMax) return this.#fail(replacement, error);
    this.#read(replacement);
  }

  /** A definite error is one only if no attempt was in doubt, and if it is about the put. */
  #fail({ doubt, done }: Replacement, error: StoreError) {
    if (doubt === undefined && error.name === "precondition_failed" && !this.#isFenced)
      return done(storeFailure("temporarily_unavailable", "the manifest changes all the time"));
    if (doubt === undefined) return done({ ok: false, error });
    done(storeFailure("timeout", `the manifest may have been replaced (${error.message})`));
  }
}

const nothing: Standing = { manifest: emptyManifest, tag: undefined, bytes: undefined };

function standingOf({ bytes, tag }: { bytes: Bytes; tag: EntityTag }): Standing | undefined {
  const manifest = decodeManifest(bytes);
  return manifest.ok ? { manifest: manifest.value, tag, bytes } : undefined;
}

const fenced = ({ writer, epoch }: Manifest): StoreError => ({
  name: "precondition_failed",
  message: `fenced: ${writer} writes the manifest, in epoch ${epoch}`,
});

const staleRead: StoreError = {
  name: "temporarily_unavailable",
  message: "the store answers with a manifest of an earlier epoch",
};

const damaged: StoreError = {
  name: "crash",
  message: "the manifest is damaged; it was left as it is",
};
