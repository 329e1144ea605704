// Checks signature version 4 of a request as Amazon documents it ("Authenticating Requests: Using
// the Authorization Header"), written from that page and not from the package that signs. Left out:
// signatures in the query, chunked payloads.

import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac("sha256", key).update(text, "utf8").digest();
const sha256 = (bytes: string | Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The error code with which the request is refused, or undefined when it is signed rightly. */
export function signatureFlaw(
  request: IncomingMessage,
  body: Uint8Array,
  { accessKeyId, secretAccessKey }: Credentials,
): string | undefined {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    );
  if (found === null) return "AccessDenied";
  const [, id, day, region, signedHeaders, signature] = found as unknown as string[];
  if (id !== accessKeyId) return "InvalidAccessKeyId";
  const payloadHash = String(request.headers["x-amz-content-sha256"]);
  if (payloadHash !== "UNSIGNED-PAYLOAD" && payloadHash !== sha256(body))
    return "XAmzContentSHA256Mismatch";
  // Every header of Amazon's own has to be covered, or somebody on the way could change it.
  const signed = signedHeaders!.split(";");
  const own = Object.keys(request.headers).filter((name) => name.startsWith("x-amz-"));
  if (![...own, "host"].every((name) => signed.includes(name))) return "AccessDenied";
  const url = new URL(request.url!, "http://host");
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const headers = signed
    .map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
    .join("");
  const path = url.pathname
    .split("/")
    .map((part) => encode(decodeURIComponent(part)))
    .join("/");
  const canonical = [request.method, path, query, headers, signedHeaders, payloadHash].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const date = String(request.headers["x-amz-date"]);
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const dayKey = hmac(`AWS4${secretAccessKey}`, day!);
  const key = hmac(hmac(hmac(dayKey, region!), "s3"), "aws4_request");
  return hmac(key, text).toString("hex") === signature ? undefined : "SignatureDoesNotMatch";
}
