// An object store that fails by a seed: it wraps any other. For the simulator and for tests; the
// faults are those that networks, disks and stores have, drawn anew for each operation.
//
// A definite error means that nothing was done; a fault that leaves open what was done answers with
// an indefinite one. `get_corrupt`, `incomplete_list` and `stale_read` answer wrongly without an
// error: what reads from a store must have checksums and its own list of what ought to be there.
// Left out: lists that show removed objects.

import type { Bytes } from "../base/bytes.js";
import type { Prng } from "../base/prng.js";
import { manifestName } from "./manifest-writer.js";
import {
  absentObject,
  type ByteRange,
  type EntityTag,
  type ObjectPage,
  type ObjectStore,
  type PutCondition,
  type StoreDone,
  type StoredObject,
  storeFailure,
} from "./object-store.js";

/** The faults, and what each does. */
export const storeFaults = {
  put_fail: "a put does nothing and says so",
  get_fail: "a get answers with an error",
  delete_fail: "a delete does nothing and says so",
  rename_fail: "a put writes everything but does not come to its name, and says so",
  list_fail: "a list answers with an error",
  get_corrupt: "one bit of the bytes that a get answers is wrong",
  timeout: "an operation is not done and nobody says so",
  partial_write: "a put leaves a part of its bytes under the name and answers with an error",
  incomplete_list: "a page lacks some of its entries",
  stale_read: "a get answers what was there before",
  slow: "an answer takes long",
  answer_lost: "an operation is done, the answer is a timeout",
  done_late: "the answer is a timeout, and the put is done after it",
} as const;

export type StoreFault = keyof typeof storeFaults;

/** Probability of each fault, per operation that it can befall; 0 when absent. */
export type StoreFaultProfile = Readonly<Partial<Record<StoreFault, number>>>;

export interface FaultPorts {
  /** Runs something after so many ms of the world's time. */
  readonly later: (ms: number, run: () => void) => void;
  /** Told of each fault that befell an operation. */
  readonly onFault?: (fault: StoreFault, name: string) => void;
  /** Whether anything may fail now; always when left out. */
  readonly mayFail?: () => boolean;
}

export const slowMsMin = 100;
export const slowMsMax = 5000;
/** Names whose earlier contents are kept for stale reads; at the bound the oldest is forgotten. */
export const staleNamesMax = 256;

type Content = StoredObject | undefined;

export class FaultyStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #prng: Prng;
  readonly #ports: FaultPorts;
  /** The content before the last one, by name. */
  readonly #stale = new Map<string, Content>();
  /** May be changed at any time: the simulator heals a store at the end of a run. */
  profile: StoreFaultProfile;

  constructor(store: ObjectStore, prng: Prng, profile: StoreFaultProfile, ports: FaultPorts) {
    this.#store = store;
    this.#prng = prng;
    this.profile = profile;
    this.#ports = ports;
  }

  get(name: string, range: ByteRange | undefined, done: StoreDone<StoredObject>) {
    const answer = this.#slowed(name, done);
    if (this.#happens("get_fail", name)) return answer(unavailable("get"));
    if (this.#happens("timeout", name)) return answer(timedOut("get"));
    if (this.#stale.has(name) && this.#happens("stale_read", name))
      return answer(staleAnswer(name, this.#stale.get(name), range));
    this.#store.get(name, range, (result) => {
      if (result.ok && result.value.bytes.length > 0 && this.#happens("get_corrupt", name))
        return answer({ ok: true, value: this.#corrupt(result.value) });
      answer(result);
    });
  }

  put(name: string, bytes: Bytes, condition: PutCondition, done: StoreDone<EntityTag>) {
    const answer = this.#slowed(name, done);
    if (this.#happens("put_fail", name)) return answer(unavailable("put"));
    if (this.#happens("rename_fail", name)) return answer(unavailable("rename"));
    if (this.#happens("timeout", name)) return answer(timedOut("put"));
    if (this.#happens("done_late", name)) {
      const late = Uint8Array.from(bytes);
      const ms = this.#prng.between(slowMsMin, slowMsMax);
      this.#ports.later(ms, () => this.#store.put(name, late, condition, () => {}));
      return answer(timedOut("put"));
    }
    this.#remember(name, () => {
      const isPartial = bytes.length > 0 && this.#happens("partial_write", name);
      const written = isPartial ? bytes.subarray(0, this.#prng.below(bytes.length)) : bytes;
      this.#store.put(name, written, condition, (result) => {
        const isLost = result.ok && (isPartial || this.#happens("answer_lost", name));
        answer(isLost ? timedOut("put") : result);
      });
    });
  }

  list(prefix: string, continuation: string | undefined, done: StoreDone<ObjectPage>) {
    const answer = this.#slowed(prefix, done);
    if (this.#happens("list_fail", prefix)) return answer(unavailable("list"));
    if (this.#happens("timeout", prefix)) return answer(timedOut("list"));
    this.#store.list(prefix, continuation, (result) => {
      if (!result.ok || result.value.entries.length === 0) return answer(result);
      if (!this.#happens("incomplete_list", prefix)) return answer(result);
      const left = this.#prng.below(result.value.entries.length);
      const entries = result.value.entries.filter((_, index) => index !== left);
      answer({ ok: true, value: { ...result.value, entries } });
    });
  }

  delete(name: string, done: StoreDone<undefined>) {
    const answer = this.#slowed(name, done);
    if (this.#happens("delete_fail", name)) return answer(unavailable("delete"));
    if (this.#happens("timeout", name)) return answer(timedOut("delete"));
    this.#remember(name, () =>
      this.#store.delete(name, (result) => {
        const isLost = result.ok && this.#happens("answer_lost", name);
        answer(isLost ? timedOut("delete") : result);
      }),
    );
  }

  #happens(fault: StoreFault, name: string): boolean {
    const probability = this.profile[fault] ?? 0;
    // Not drawn when it cannot be: switching one fault on does not move the draws of the others.
    if (probability === 0 || !this.#prng.chance(probability)) return false;
    if (this.#ports.mayFail?.() === false) return false;
    this.#ports.onFault?.(fault, name);
    return true;
  }

  #slowed<T>(name: string, done: StoreDone<T>): StoreDone<T> {
    if (!this.#happens("slow", name)) return done;
    const ms = this.#prng.between(slowMsMin, slowMsMax);
    return (result) => this.#ports.later(ms, () => done(result));
  }

  /** Keeps what is there before it changes, if a read may be asked for it. */
  #remember(name: string, then: () => void) {
    if ((this.profile.stale_read ?? 0) === 0) return then();
    this.#store.get(name, undefined, (result) => {
      if (this.#stale.size >= staleNamesMax && !this.#stale.has(name))
        this.#stale.delete(this.#stale.keys().next().value!);
      this.#stale.set(name, result.ok ? result.value : undefined);
      then();
    });
  }

  #corrupt(object: StoredObject): StoredObject {
    const bytes = Uint8Array.from(object.bytes);
    bytes[this.#prng.below(bytes.length)]! ^= 1 << this.#prng.below(8);
    return { ...object, bytes };
  }
}

/**
 * A store that fails, as production meets it: conditional puts, the manifest's alone, are whole or
 * not at all in every store that passes the probe. @param manifest rates that are the manifest's
 */
export function faultyObjects(
  objects: ObjectStore,
  prng: Prng,
  profile: StoreFaultProfile,
  ports: FaultPorts,
  manifest: StoreFaultProfile = {},
): ObjectStore {
  const whole = { ...profile, ...manifest, partial_write: 0 };
  const manifests = new FaultyStore(objects, prng.fork(), whole, ports);
  const others = new FaultyStore(objects, prng.fork(), profile, ports);
  const of = (name: string): ObjectStore => (name === manifestName ? manifests : others);
  return {
    get: (name, ...rest) => of(name).get(name, ...rest),
    put: (name, ...rest) => of(name).put(name, ...rest),
    list: (prefix, ...rest) => of(prefix).list(prefix, ...rest),
    delete: (name, ...rest) => of(name).delete(name, ...rest),
  };
}

function staleAnswer(name: string, content: Content, range: ByteRange | undefined) {
  if (content === undefined) return absentObject(name);
  const { offset, count } = range ?? { offset: 0, count: content.size };
  return {
    ok: true,
    value: { ...content, bytes: content.bytes.slice(offset, offset + count) },
  } as const;
}

const unavailable = (what: string) => storeFailure("temporarily_unavailable", `the ${what} failed`);
const timedOut = (what: string) => storeFailure("timeout", `the ${what} was not answered in time`);
