// Reads back what the reply encoder wrote (RESP2), for faces of the process that ask the node in
// commands and do not speak RESP to their clients. The bytes are our own: what does not parse is a
// defect.

import { assert } from "../base/assert.js";
import { type Bytes, latin1 } from "../base/bytes.js";

export type ReplyValue =
  | { readonly kind: "simple"; readonly text: string }
  | { readonly kind: "error"; readonly text: string }
  /** As text: it may have 64 bits. */
  | { readonly kind: "integer"; readonly text: string }
  | { readonly kind: "bulk"; readonly bytes: Bytes }
  | { readonly kind: "nil" }
  | { readonly kind: "array"; readonly items: readonly ReplyValue[] };

export function decodeReply(bytes: Bytes): ReplyValue {
  const [value, end] = decodeAt(bytes, 0);
  assert(end === bytes.length, "bytes are left over behind a reply");
  return value;
}

/** What a pipeline of requests was answered. */
export function decodeReplies(bytes: Bytes): ReplyValue[] {
  const replies: ReplyValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [value, end] = decodeAt(bytes, at);
    replies.push(value);
    at = end;
  }
  return replies;
}

function decodeAt(bytes: Bytes, start: number): [ReplyValue, number] {
  const lineEnd = bytes.indexOf(13, start);
  assert(lineEnd > start, "a reply without a line end");
  const text = latin1(bytes, start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(bytes[start]!)) {
    case "+":
      return [{ kind: "simple", text }, end];
    case "-":
      return [{ kind: "error", text }, end];
    case ":":
      return [{ kind: "integer", text }, end];
    case "$":
      if (text === "-1") return [{ kind: "nil" }, end];
      return [
        { kind: "bulk", bytes: bytes.subarray(end, end + Number(text)) },
        end + Number(text) + 2,
      ];
    case "*":
      return text === "-1" ? [{ kind: "nil" }, end] : decodeItems(bytes, end, Number(text));
    default:
      throw new Error(`a reply begins with byte ${bytes[start]}`);
  }
}

function decodeItems(bytes: Bytes, start: number, count: number): [ReplyValue, number] {
  const items: ReplyValue[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const [item, end] = decodeAt(bytes, at);
    items.push(item);
    at = end;
  }
  return [{ kind: "array", items }, at];
}
