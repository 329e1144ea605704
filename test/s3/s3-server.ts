// An S3 of our own for tests, on node:http, with the semantics that Amazon documents: PutObject
// with `If-None-Match: *` and `If-Match`, GetObject with ranges, HeadObject, DeleteObject,
// ListObjectsV2 with continuation tokens, multipart uploads; signatures are checked. Faults are
// given per request by a function, so a test says exactly what goes wrong when.
//
// Left out: everything else of S3 (versions, access rules, copies, checksums of parts).

import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Credentials, signatureFlaw } from "./signature.js";

/** What goes wrong with a request. */
export type S3Fault =
  | { readonly kind: "latency"; readonly ms: number }
  /** Answered so, nothing is done. */
  | { readonly kind: "refuse"; readonly status: 409 | 500 | 503; readonly code: string }
  /** Done, and then the connection is cut. */
  | { readonly kind: "answer_lost" }
  /** Done, and then answered with 500. */
  | { readonly kind: "error_after_commit" };

export interface S3Request {
  readonly method: string;
  /** The object's name in the bucket, empty for the bucket. */
  readonly key: string;
}

export interface S3Settings {
  readonly bucket: string;
  readonly credentials: Credentials;
  /** Asked once per request. */
  fault?: (request: S3Request) => S3Fault | undefined;
  /** As some imitations of S3 do: conditions are accepted and ignored. */
  readonly ignoresConditions?: boolean;
}

interface StoredBody {
  readonly bytes: Buffer;
  readonly tag: string;
  /** Headers `x-amz-meta-*`. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface Upload {
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly tag: string }>;
}

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

interface Asked extends S3Request {
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** All parts of an upload but the last are at least so long. */
const partBytesMin = 5 * 2 ** 20;
const pageKeysMax = 1000;

export class S3Server {
  readonly objects = new Map<string, StoredBody>();
  readonly #uploads = new Map<string, Upload>();
  readonly #settings: S3Settings;
  readonly #http: Server;
  /** Requests that arrived. */
  requests = 0;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    this.#http = createServer((request, response) => void this.#onRequest(request, response));
  }

  /** Answers the address. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(port, "127.0.0.1", resolve));
    const address = this.#http.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.requests++;
    const url = new URL(request.url!, "http://host");
    const flaw = signatureFlaw(request, body, this.#settings.credentials);
    if (flaw !== undefined) return send(response, errorReply(403, flaw));
    const path = decodeURIComponent(url.pathname).slice(1);
    const { bucket } = this.#settings;
    const isVirtual = request.headers.host?.startsWith(`${bucket}.`) === true;
    if (!isVirtual && path !== bucket && !path.startsWith(`${bucket}/`))
      return send(response, errorReply(404, "NoSuchBucket"));
    const key = isVirtual ? path : path.slice(bucket.length + 1);
    const { method = "", headers } = request;
    const asked: Asked = { method, key, query: url.searchParams, headers, body };
    const fault = this.#settings.fault?.(asked);
    if (fault?.kind === "latency") await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === "refuse") return send(response, errorReply(fault.status, fault.code));
    const reply = this.#answer(asked);
    if (fault?.kind === "answer_lost") return void request.socket.destroy();
    send(
      response,
      fault?.kind === "error_after_commit" ? errorReply(500, "InternalError") : reply,
      method,
    );
  }

  #answer(asked: Asked): Reply {
    const { method, key, query } = asked;
    if (key === "")
      return method === "GET" ? this.#list(query) : errorReply(405, "MethodNotAllowed");
    if (query.has("uploads") || query.has("uploadId")) return this.#onUpload(asked);
    if (method === "PUT") return this.#put(asked, asked.body, md5(asked.body), metadataOf(asked));
    if (method === "GET" || method === "HEAD") return this.#get(asked);
    if (method !== "DELETE") return errorReply(405, "MethodNotAllowed");
    this.objects.delete(key);
    return { status: 204 };
  }

  #put(
    { key, headers }: Asked,
    bytes: Buffer,
    tag: string,
    metadata: Readonly<Record<string, string>>,
  ): Reply {
    const old = this.objects.get(key);
    const refused = this.#settings.ignoresConditions ? undefined : conditionFlaw(headers, old);
    if (refused !== undefined) return refused;
    this.objects.set(key, { bytes, tag, metadata });
    return { status: 200, headers: { etag: tag } };
  }

  #get({ key, method, headers: { range } }: Asked): Reply {
    const object = this.objects.get(key);
    if (object === undefined) return errorReply(404, "NoSuchKey");
    const { bytes, tag, metadata } = object;
    const headers = { ...metadata, etag: tag };
    const found = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
    if (found === null || method === "HEAD") return { status: 200, headers, body: bytes };
    const first = Number(found[1]);
    if (first >= bytes.length) return errorReply(416, "InvalidRange");
    const last = Math.min(found[2] === "" ? bytes.length : Number(found[2]), bytes.length - 1);
    return {
      status: 206,
      headers: { ...headers, "content-range": `bytes ${first}-${last}/${bytes.length}` },
      body: bytes.subarray(first, last + 1),
    };
  }

  #list(query: URLSearchParams): Reply {
    if (query.get("list-type") !== "2") return errorReply(400, "InvalidArgument");
    const prefix = query.get("prefix") ?? "";
    const countMax = Math.min(Number(query.get("max-keys") ?? pageKeysMax), pageKeysMax);
    const token = query.get("continuation-token");
    // Opaque to the client: characters that an address and XML have to escape are in it.
    const after = token === null ? "" : Buffer.from(token.slice(3), "base64").toString();
    const keys = [...this.objects.keys()].sort().filter((k) => k.startsWith(prefix) && k > after);
    const page = keys.slice(0, countMax);
    const contents = page.map(
      (key) =>
        `<Contents><Key>${key}</Key><Size>${this.objects.get(key)!.bytes.length}</Size></Contents>`,
    );
    const isCut = page.length < keys.length;
    const next = `&<+${Buffer.from(page.at(-1) ?? "").toString("base64")}`;
    const escaped = next.replace(/&/g, "&amp;").replace(/</g, "&lt;");
    const body =
      `<?xml version="1.0" encoding="UTF-8"?>\n` +
      `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${isCut}</IsTruncated>` +
      `${contents.join("")}${isCut ? `<NextContinuationToken>${escaped}</NextContinuationToken>` : ""}` +
      "</ListBucketResult>";
    return { status: 200, headers: { "content-type": "application/xml" }, body };
  }

  #onUpload(asked: Asked): Reply {
    const { method, key, query, body } = asked;
    if (method === "POST" && query.has("uploads")) {
      const id = randomUUID();
      this.#uploads.set(id, { key, metadata: metadataOf(asked), parts: new Map() });
      return {
        status: 200,
        body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      };
    }
    const id = query.get("uploadId") ?? "";
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.key !== key) return errorReply(404, "NoSuchUpload");
    if (method === "PUT") {
      const tag = md5(body);
      upload.parts.set(Number(query.get("partNumber")), { bytes: body, tag });
      return { status: 200, headers: { etag: tag } };
    }
    if (method === "POST") return this.#complete(asked, id, upload);
    this.#uploads.delete(id);
    return { status: 204 };
  }

  /** The object appears as a whole, under the conditions of this request. */
  #complete(asked: Asked, id: string, { parts, metadata }: Upload): Reply {
    const named = [...asked.body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part!)?.[1]),
      tag: /<ETag>([^<]*)</.exec(part!)?.[1]?.replaceAll("&quot;", '"'),
    }));
    if (named.some(({ number }, i) => i > 0 && number <= named[i - 1]!.number))
      return errorReply(400, "InvalidPartOrder");
    if (named.length === 0 || named.some(({ number, tag }) => parts.get(number)?.tag !== tag))
      return errorReply(400, "InvalidPart");
    const pieces = named.map(({ number }) => parts.get(number)!.bytes);
    if (pieces.slice(0, -1).some(({ length }) => length < partBytesMin))
      return errorReply(400, "EntityTooSmall");
    const sums = Buffer.concat(pieces.map((piece) => createHash("md5").update(piece).digest()));
    const tag = md5(sums).replace(/"$/, `-${pieces.length}"`);
    const reply = this.#put(asked, Buffer.concat(pieces), tag, metadata);
    if (reply.status !== 200) return reply;
    this.#uploads.delete(id);
    return {
      status: 200,
      body: `<CompleteMultipartUploadResult><ETag>${tag}</ETag></CompleteMultipartUploadResult>`,
    };
  }
}

/** Amazon: If-None-Match takes `*` only; If-Match on a missing key is 404, on another tag 412. */
function conditionFlaw(
  headers: IncomingMessage["headers"],
  old: StoredBody | undefined,
): Reply | undefined {
  const unless = headers["if-none-match"];
  if (unless !== undefined && unless !== "*") return errorReply(501, "NotImplemented");
  if (unless === "*" && old !== undefined) return errorReply(412, "PreconditionFailed");
  const only = headers["if-match"];
  if (only === undefined) return undefined;
  if (old === undefined) return errorReply(404, "NoSuchKey");
  return only === old.tag ? undefined : errorReply(412, "PreconditionFailed");
}

function metadataOf({ headers }: Asked): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
}

const md5 = (bytes: Uint8Array): string => `"${createHash("md5").update(bytes).digest("hex")}"`;

const errorReply = (status: number, code: string): Reply => ({
  status,
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`,
});

function send(response: ServerResponse, { status, headers, body = "" }: Reply, method = ""): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(method === "HEAD" ? undefined : body);
}
