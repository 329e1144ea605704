// An object store that speaks Amazon's S3 protocol (API version 2006-03-01, signature version 4 by
// aws4fetch): GetObject with ranges, PutObject with If-None-Match and If-Match, ListObjectsV2,
// DeleteObject.
//
// A put whose answer is lost may have been done. It is tried again under the same condition, and
// when that is refused, the object is read: each put carries a mark of its own in the object's
// metadata, so a writer recognises its own work even when another wrote the same bytes. What can
// not be told apart stays indefinite. Left out: multipart upload (an object is one PUT, at most
// `objectBytesMax`), reading credentials from files or machines.

import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
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
  rangeBehindEnd,
  type StoreDone,
  type StoredObject,
  type StoreResult,
  storeFailure,
} from "../storage/object-store.js";
import { readErrorCode, readListPage } from "./s3-xml.js";

export interface S3Options {
  /** Scheme, host and port, such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Stands before every name in the bucket; empty or ending in a slash. */
  readonly prefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** The bucket in the path of the address or before its host. */
  readonly style: "path" | "virtual";
  readonly attemptsMax?: number;
  /** Of one attempt. */
  readonly timeoutMs?: number;
  /** The wait before the second attempt; each later one is at most twice as long, at random. */
  readonly backOffMs?: number;
  /** Entries of a page, at most 1000. */
  readonly pageEntries?: number;
}

/** What Amazon takes in one PUT. */
export const objectBytesMax = 5 * 2 ** 30;
const attemptsMaxDefault = 5;
const timeoutMsDefault = 30_000;
const backOffMsDefault = 100;
const backOffMsMax = 5000;
const markHeader = "x-amz-meta-skerry-put";

interface Call {
  readonly method: "GET" | "PUT" | "HEAD" | "DELETE";
  /** Of the object, or none for the bucket. */
  readonly name?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Bytes;
  /** The code in the body of an error, such as NoSuchKey; empty when there is none. */
  readonly code: string;
}

interface Settled {
  /** The last answer, or none. */
  readonly answer: Answer | undefined;
  /** Whether an earlier attempt may have been done. */
  readonly isInDoubt: boolean;
  readonly trouble: string;
}

/** Where a bucket's objects are, without a slash at the end. */
export function bucketAddress({
  endpoint,
  bucket,
  style,
}: Pick<S3Options, "endpoint" | "bucket" | "style">): string {
  const { protocol, host } = new URL(endpoint);
  return style === "path" ? `${protocol}//${host}/${bucket}` : `${protocol}//${bucket}.${host}`;
}

export class S3Store implements ObjectStore {
  readonly #options: S3Options;
  readonly #client: AwsClient;
  readonly #base: string;

  constructor(options: S3Options) {
    this.#options = options;
    const { accessKeyId, secretAccessKey, sessionToken, region } = options;
    const session = sessionToken === undefined ? {} : { sessionToken };
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      region,
      service: "s3",
      ...session,
    });
    this.#base = bucketAddress(options);
  }

  get(name: string, range: ByteRange | undefined, done: StoreDone<StoredObject>) {
    const flaw = flawOfCall(name, range);
    if (flaw !== undefined) return done(flaw);
    void this.#get(name, range).then(done);
  }

  put(name: string, bytes: Bytes, condition: PutCondition, done: StoreDone<EntityTag>) {
    const flaw = flawOfCall(name);
    if (flaw !== undefined) return done(flaw);
    if (bytes.length > objectBytesMax)
      return done(
        storeFailure("malformed_request", `${name} is larger than ${objectBytesMax} bytes`),
      );
    void this.#put(name, bytes, condition).then(done);
  }

  list(prefix: string, continuation: string | undefined, done: StoreDone<ObjectPage>) {
    void this.#list(prefix, continuation).then(done);
  }

  delete(name: string, done: StoreDone<undefined>) {
    const flaw = flawOfCall(name);
    if (flaw !== undefined) return done(flaw);
    void this.#delete(name).then(done);
  }

  async #get(name: string, range: ByteRange | undefined): Promise<StoreResult<StoredObject>> {
    const headers: Record<string, string> = {};
    if (range !== undefined)
      headers.range = `bytes=${range.offset}-${range.offset + range.count - 1}`;
    const settled = await this.#settle({ method: "GET", name, headers });
    const { answer } = settled;
    if (answer?.code === "NoSuchKey") return absentObject(name);
    if (answer?.status === 416) return rangeBehindEnd(name);
    if (answer === undefined || !isSuccess(answer)) return refusal(settled, "get");
    const tag = answer.headers.get("etag") ?? "";
    // A store that ignores the range answers 200 with all of it.
    if (answer.status !== 206) {
      const { body } = answer;
      const bytes =
        range === undefined ? body : body.slice(range.offset, range.offset + range.count);
      return { ok: true, value: { bytes, tag, size: body.length } };
    }
    const total = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1];
    if (total === undefined) return storeFailure("crash", "a part of an object without its size");
    return { ok: true, value: { bytes: answer.body, tag, size: Number(total) } };
  }

  async #put(name: string, bytes: Bytes, condition: PutCondition): Promise<StoreResult<EntityTag>> {
    const mark = randomUUID();
    const headers: Record<string, string> = { [markHeader]: mark };
    if (condition.kind === "if_absent") headers["if-none-match"] = "*";
    if (condition.kind === "if_match") headers["if-match"] = condition.tag;
    const settled = await this.#settle({ method: "PUT", name, headers, body: bytes });
    const { answer, isInDoubt } = settled;
    if (answer !== undefined && isSuccess(answer))
      return { ok: true, value: answer.headers.get("etag") ?? "" };
    const isRefused =
      answer?.status === 412 || (condition.kind === "if_match" && answer?.code === "NoSuchKey");
    if (isInDoubt) return this.#resolve(name, mark, settled);
    return isRefused ? conditionFailed(name) : refusal(settled, "put");
  }

  /** Whether the put that may have been done is what stands there. */
  async #resolve(name: string, mark: string, doubt: Settled): Promise<StoreResult<EntityTag>> {
    const { answer } = await this.#settle({ method: "HEAD", name });
    if (answer !== undefined && isSuccess(answer) && answer.headers.get(markHeader) === mark)
      return { ok: true, value: answer.headers.get("etag") ?? "" };
    // Another's object, or the old one: ours may have been there before it, or may still come.
    return storeFailure("timeout", `the put of ${name} may have been done (${doubt.trouble})`);
  }

  async #list(prefix: string, continuation: string | undefined): Promise<StoreResult<ObjectPage>> {
    const { pageEntries } = this.#options;
    const query = new URLSearchParams({ "list-type": "2", prefix: this.#options.prefix + prefix });
    if (pageEntries !== undefined) query.set("max-keys", String(pageEntries));
    if (continuation !== undefined) query.set("continuation-token", continuation);
    const settled = await this.#settle({ method: "GET", query: query.toString() });
    const { answer } = settled;
    if (answer === undefined || !isSuccess(answer)) return refusal(settled, "list");
    const page = readListPage(textOf(answer.body), this.#options.prefix);
    return page === undefined
      ? storeFailure("crash", "the answer to a list is no list of a bucket")
      : { ok: true, value: page };
  }

  async #delete(name: string): Promise<StoreResult<undefined>> {
    const settled = await this.#settle({ method: "DELETE", name });
    const { answer } = settled;
    if (answer !== undefined && (isSuccess(answer) || answer.code === "NoSuchKey"))
      return { ok: true, value: undefined };
    return refusal(settled, "delete");
  }

  /** Attempts with waits between them, until there is an answer that another would not change. */
  async #settle(call: Call): Promise<Settled> {
    const { attemptsMax = attemptsMaxDefault, backOffMs = backOffMsDefault } = this.#options;
    let isInDoubt = false;
    let trouble = "";
    let answer: Answer | undefined;
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      // A random part keeps nodes that failed together from coming back together.
      const wait = Math.min(backOffMs * 2 ** (attempt - 2), backOffMsMax);
      if (attempt > 1) await sleep(wait * (0.5 + Math.random() / 2));
      try {
        answer = await this.#send(call);
        if (!isWorthRetry(answer)) return { answer, isInDoubt, trouble };
        trouble = `${answer.status} ${answer.code}`.trim();
        if (!isDefiniteRefusal(answer)) isInDoubt = true;
      } catch (error) {
        answer = undefined;
        trouble = textOfError(error);
        isInDoubt = true;
      }
    }
    return { answer, isInDoubt, trouble };
  }

  async #send({ method, name, query, headers, body }: Call): Promise<Answer> {
    const path = name === undefined ? "/" : `/${this.#options.prefix}${name}`;
    const signed = await this.#client.sign(
      this.#base + path + (query === undefined ? "" : `?${query}`),
      {
        method,
        headers: { ...headers, "x-amz-content-sha256": hashOf(body) },
        ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
      },
    );
    const signal = AbortSignal.timeout(this.#options.timeoutMs ?? timeoutMsDefault);
    const response = await fetch(signed, { signal, redirect: "error" });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const code = response.ok ? "" : readErrorCode(textOf(bytes));
    // A HEAD has no body that could say it.
    const absent = method === "HEAD" && response.status === 404 ? "NoSuchKey" : code;
    return { status: response.status, headers: response.headers, body: bytes, code: absent };
  }
}

const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300;

/** 409: another conditional operation is under way, Amazon says to try again. */
const isWorthRetry = ({ status, code }: Answer): boolean =>
  status >= 500 || status === 429 || status === 408 || code === "ConditionalRequestConflict";

/** What is answered before anything is done. Any other 5xx may come after it. */
const isDefiniteRefusal = ({ status, code }: Answer): boolean =>
  status === 409 || status === 429 || code === "SlowDown";

function refusal({ answer, isInDoubt, trouble }: Settled, what: string) {
  if (isInDoubt) return storeFailure("timeout", `the ${what} may have been done (${trouble})`);
  const said = answer === undefined ? trouble : `${answer.status} ${answer.code}`.trim();
  return storeFailure("temporarily_unavailable", `the object store refused the ${what}: ${said}`);
}

const hashOf = (body: Bytes | undefined): string =>
  createHash("sha256")
    .update(body ?? "")
    .digest("hex");

const textOf = (bytes: Bytes): string => Buffer.from(bytes).toString("utf8");

const textOfError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
};
