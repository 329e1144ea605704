// One value in RDB form, as Redis 7.0 writes it without compression: listpacks and intsets where
// its encoding is one, else element by element.

import { type Bytes, ByteWriter } from "../base/bytes.js";
import { writeStream } from "./stream.js";
import { type RdbEncoding, type RdbValue, rdbTypes } from "./value.js";
import { integer, length, listpack, string } from "./write.js";

/** A node of a list grows up to this; an element that is larger has one of its own. */
const nodeBytesMax = 8192;
/** The type byte and the value. `%.17g` of a score is the caller's to give: `formatScore`. */
export function encodeValue(
  writer: ByteWriter,
  value: RdbValue,
  encoding: RdbEncoding,
  formatScore: (score: number) => string,
): void {
  switch (value.kind) {
    case "string":
      writer.u8(rdbTypes.string);
      string(writer, value.text);
      break;
    case "list":
      writer.u8(rdbTypes.listQuicklist2);
      quicklist(writer, value.elements);
      break;
    case "set":
      if (encoding === "intset") {
        writer.u8(rdbTypes.setIntset);
        string(writer, intset(value.members));
      } else {
        writer.u8(rdbTypes.set);
        strings(writer, value.members, 1);
      }
      break;
    case "hash":
      writer.u8(encoding === "listpack" ? rdbTypes.hashListpack : rdbTypes.hash);
      if (encoding === "listpack") string(writer, listpack(value.pairs));
      else strings(writer, value.pairs, 2);
      break;
    case "stream":
      writer.u8(rdbTypes.streamListpacks2);
      writeStream(writer, value.stream);
      break;
    default:
      zset(writer, value.members, value.scores, encoding === "listpack", formatScore);
  }
}

function strings(writer: ByteWriter, elements: readonly Bytes[], each: number): void {
  length(writer, elements.length / each);
  for (const element of elements) string(writer, element);
}

function quicklist(writer: ByteWriter, elements: readonly Bytes[]): void {
  const nodes: Bytes[][] = [];
  let room = 0;
  for (const element of elements) {
    const size = element.length + 11; // Its head and its length behind it, at most.
    if (size > room) {
      nodes.push([]);
      room = nodeBytesMax;
    }
    nodes.at(-1)!.push(element);
    room -= size;
  }
  length(writer, nodes.length);
  for (const node of nodes) {
    length(writer, 2);
    string(writer, listpack(node));
  }
}

function zset(
  writer: ByteWriter,
  members: readonly Bytes[],
  scores: readonly number[],
  isPacked: boolean,
  formatScore: (score: number) => string,
): void {
  if (isPacked) {
    writer.u8(rdbTypes.zsetListpack);
    const pairs = members.flatMap((member, i) => [
      member,
      Buffer.from(formatScore(scores[i]!), "latin1"),
    ]);
    string(writer, listpack(pairs));
    return;
  }
  writer.u8(rdbTypes.zset2);
  length(writer, members.length);
  // The greatest first, as Redis does, which makes inserting them cheap there.
  for (let i = members.length - 1; i >= 0; i--) {
    string(writer, members[i]!);
    writer.f64(scores[i]!);
  }
}

// ---- intsets

function intset(members: readonly Bytes[]): Bytes {
  const values = members.map((member) => integer(member)!).sort((a, b) => (a < b ? -1 : 1));
  const fits = (bits: number): boolean =>
    values.every((value) => value === BigInt.asIntN(bits, value));
  const width = fits(16) ? 2 : fits(32) ? 4 : 8;
  const writer = new ByteWriter();
  writer.u32(width).u32(values.length);
  for (const value of values) {
    if (width === 2) writer.u16(Number(BigInt.asUintN(16, value)));
    else if (width === 4) writer.u32(Number(BigInt.asUintN(32, value)));
    else writer.i64(value);
  }
  return writer.finish();
}
