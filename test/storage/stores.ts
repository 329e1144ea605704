// The object stores that one acceptance suite runs over, each with a way to open and to close it,
// and their operations as promises.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "../../src/base/prng.js";
import { DirectoryStore } from "../../src/host/object-store-directory.js";
import { type S3Options, S3Store } from "../../src/host/object-store-s3.js";
import { FaultyStore } from "../../src/storage/faulty-store.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import type {
  ByteRange,
  EntityTag,
  ObjectPage,
  ObjectStore,
  PutCondition,
  StoreDone,
  StoredObject,
  StoreResult,
} from "../../src/storage/object-store.js";
import { S3Server, type S3Settings } from "../s3/s3-server.js";

export interface OpenStore {
  readonly store: ObjectStore;
  /** The same objects through another instance, as a second process would have them. */
  readonly again: () => ObjectStore;
  readonly close: () => Promise<void> | void;
}

export const pageEntries = 3;
export const credentials = { accessKeyId: "AKIDTEST", secretAccessKey: "secret/+of=tests" };

export async function openS3(
  settings: Partial<S3Settings> = {},
  options: Partial<S3Options> = {},
): Promise<OpenStore & { readonly server: S3Server }> {
  const server = new S3Server({ bucket: "bucket", credentials, ...settings });
  const endpoint = await server.listen();
  const open = () =>
    new S3Store({
      endpoint,
      bucket: "bucket",
      prefix: "some/node/",
      region: "eu-central-1",
      style: "path",
      backOffMs: 1,
      timeoutMs: 2000,
      pageEntries,
      ...credentials,
      ...options,
    });
  return { server, store: open(), again: open, close: () => server.close() };
}

export function openDirectory() {
  const folder = mkdtempSync(join(tmpdir(), "skerry-store-"));
  const again = () => new DirectoryStore(folder, pageEntries);
  const close = () => rmSync(folder, { recursive: true });
  return { folder, store: again(), again, close };
}

export const openers: Readonly<Record<string, () => Promise<OpenStore> | OpenStore>> = {
  memory: () => {
    const store = new MemoryStore(pageEntries);
    return { store, again: () => store, close: () => undefined };
  },
  directory: openDirectory,
  s3: () => openS3(),
  "faulty without faults": () => {
    const store = new MemoryStore(pageEntries);
    const again = () =>
      new FaultyStore(store, new Prng(1), { stale_read: 0 }, { later: (_, run) => run() });
    return { store: again(), again, close: () => undefined };
  },
};

const promised = <T>(start: (done: StoreDone<T>) => void): Promise<StoreResult<T>> =>
  new Promise((resolve) => start(resolve));

export const get = (store: ObjectStore, name: string, range?: ByteRange) =>
  promised<StoredObject>((done) => store.get(name, range, done));
export const put = (store: ObjectStore, name: string, text: string, condition: PutCondition) =>
  promised<EntityTag>((done) => store.put(name, Buffer.from(text), condition, done));
export const list = (store: ObjectStore, prefix: string, continuation?: string) =>
  promised<ObjectPage>((done) => store.list(prefix, continuation, done));
export const remove = (store: ObjectStore, name: string) =>
  promised<undefined>((done) => store.delete(name, done));

/** The text of an object, or the name of the error. */
export async function textOf(store: ObjectStore, name: string, range?: ByteRange): Promise<string> {
  const result = await get(store, name, range);
  return result.ok ? Buffer.from(result.value.bytes).toString() : result.error.name;
}

/** "ok" or the name of the error. */
export const outcomeOf = (result: StoreResult<unknown>): string =>
  result.ok ? "ok" : result.error.name;

export function answerOf<T>(result: StoreResult<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

export async function listAll(store: ObjectStore, prefix: string): Promise<string[]> {
  const names: string[] = [];
  let continuation: string | undefined;
  do {
    const page = answerOf(await list(store, prefix, continuation));
    if (page.entries.length > pageEntries) throw new Error("a page is too long");
    names.push(...page.entries.map(({ name }) => name));
    continuation = page.continuation;
  } while (continuation !== undefined);
  return names;
}
