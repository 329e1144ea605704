// The S3 of the tests is itself tested where the adapter does not go: multipart uploads, conditions
// at their end, requests that are signed wrongly; and the address that a bucket has in each style.

import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bucketAddress } from "../../src/host/object-store-s3.js";
import { S3Server } from "./s3-server.js";

const credentials = { accessKeyId: "AKID", secretAccessKey: "secret" };
const client = new AwsClient({ ...credentials, service: "s3", region: "us-east-1", retries: 0 });
const server = new S3Server({ bucket: "b", credentials });
let address = "";
beforeAll(async () => {
  address = await server.listen();
});
afterAll(() => server.close());

const partBytes = 5 * 2 ** 20;

async function ask(method: string, path: string, body?: string, headers = {}) {
  const response = await client.fetch(`${address}/b/${path}`, {
    method,
    body: body ?? null,
    headers,
  });
  const text = await response.text();
  return { status: response.status, text, tag: response.headers.get("etag") ?? "" };
}

async function begin(key: string): Promise<string> {
  const { text } = await ask("POST", `${key}?uploads=`);
  return /<UploadId>(.*)<\/UploadId>/.exec(text)![1]!;
}

const completion = (parts: readonly (readonly [number, string])[]): string =>
  `<CompleteMultipartUpload>${parts
    .map(([number, tag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${tag}</ETag></Part>`)
    .join("")}</CompleteMultipartUpload>`;

test("multipart: an object appears when it is complete, under its condition", async () => {
  const id = await begin("big");
  const first = await ask("PUT", `big?partNumber=1&uploadId=${id}`, "x".repeat(partBytes));
  const second = await ask("PUT", `big?partNumber=2&uploadId=${id}`, "end");
  expect((await ask("GET", "big")).status).toBe(404);
  const all = completion([
    [1, first.tag],
    [2, second.tag],
  ]);
  const done = await ask("POST", `big?uploadId=${id}`, all, { "if-none-match": "*" });
  expect(done).toMatchObject({ status: 200, text: expect.stringMatching(/-2"<\/ETag>/) });
  const found = await ask("GET", "big", undefined, { range: `bytes=${partBytes - 1}-` });
  expect(found).toMatchObject({ status: 206, text: "xend" });
  const again = await begin("big");
  const part = await ask("PUT", `big?partNumber=1&uploadId=${again}`, "other");
  const end = completion([[1, part.tag]]);
  const refused = await ask("POST", `big?uploadId=${again}`, end, { "if-none-match": "*" });
  expect(refused.status).toBe(412);
  expect((await ask("DELETE", `big?uploadId=${again}`)).status).toBe(204);
  expect((await ask("POST", `big?uploadId=${again}`, end)).text).toContain("NoSuchUpload");
});

test("multipart: parts out of order, unknown or too small are refused", async () => {
  const id = await begin("p");
  const one = await ask("PUT", `p?partNumber=1&uploadId=${id}`, "small");
  const two = await ask("PUT", `p?partNumber=2&uploadId=${id}`, "end");
  const complete = async (...parts: (readonly [number, string])[]) =>
    (await ask("POST", `p?uploadId=${id}`, completion(parts))).text;
  expect(await complete([2, two.tag], [1, one.tag])).toContain("InvalidPartOrder");
  expect(await complete([1, two.tag])).toContain("InvalidPart");
  expect(await complete([1, one.tag], [2, two.tag])).toContain("EntityTooSmall");
  expect(await complete([1, one.tag])).toContain("<ETag>");
});

test("conditions: as Amazon documents them", async () => {
  const first = await ask("PUT", "c", "one", { "if-none-match": "*" });
  expect(first.status).toBe(200);
  expect((await ask("PUT", "c", "two", { "if-none-match": "*" })).status).toBe(412);
  expect((await ask("PUT", "c", "two", { "if-none-match": first.tag })).status).toBe(501);
  expect((await ask("PUT", "c", "two", { "if-match": '"other"' })).status).toBe(412);
  expect((await ask("PUT", "c", "two", { "if-match": first.tag })).status).toBe(200);
  const absent = await ask("PUT", "absent", "x", { "if-match": first.tag });
  expect(absent).toMatchObject({ status: 404, text: expect.stringContaining("NoSuchKey") });
});

test("signature: what was not signed, or signed and changed, is refused", async () => {
  const url = `${address}/b/s`;
  expect((await fetch(url, { method: "PUT", body: "x" })).status).toBe(403);
  const signed = await client.sign(url, {
    method: "PUT",
    body: "x",
    headers: { "if-match": '"a"' },
  });
  const headers = Object.fromEntries(signed.headers);
  const changed = { ...headers, "if-match": '"b"' };
  expect((await fetch(url, { method: "PUT", body: "x", headers: changed })).status).toBe(403);
  expect((await fetch(`${url}2`, { method: "PUT", body: "x", headers })).status).toBe(403);
  const added = { ...headers, "x-amz-meta-a": "1" };
  expect((await fetch(url, { method: "PUT", body: "x", headers: added })).status).toBe(403);
});

test("address: the bucket in the path or before the host", () => {
  const options = { endpoint: "https://s3.example.org:9000/", bucket: "b" };
  expect(bucketAddress({ ...options, style: "path" })).toBe("https://s3.example.org:9000/b");
  expect(bucketAddress({ ...options, style: "virtual" })).toBe("https://b.s3.example.org:9000");
});
