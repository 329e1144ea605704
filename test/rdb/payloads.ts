// Values in the forms that older Redis wrote, for tests of reading them: ziplist, zipmap, lists of
// quicklist nodes, scores as digits. Written from the formats' descriptions, not by the code that
// reads them.

import { type Bytes, ByteWriter, fromLatin1, latin1 } from "../../src/base/bytes.js";
import { Crc64 } from "../../src/rdb/crc64.js";
import { rdbTypes } from "../../src/rdb/value.js";
import { length, listpack, string } from "../../src/rdb/write.js";

const concat = (...parts: readonly (Bytes | readonly number[])[]): Bytes =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff);

/** Type byte and value, with version and checksum. */
export function seal(body: Bytes, version = 10): Bytes {
  const open = concat(body, little(version, 2));
  return concat(open, new Crc64().update(open).digest());
}

function ziplistEntry(text: string): Bytes {
  const bytes = fromLatin1(text);
  const isInteger = /^(0|-?[1-9]\d{0,8})$/.test(text);
  const value = Number(text);
  if (isInteger && value >= 0 && value <= 12) return Uint8Array.of(0xf1 + value);
  if (isInteger && value >= -128 && value < 128) return Uint8Array.of(0xfe, value & 0xff);
  if (isInteger && value >= -32768 && value < 32768) return concat([0xc0], little(value, 2));
  if (isInteger && value >= -(2 ** 23) && value < 2 ** 23) return concat([0xf0], little(value, 3));
  if (isInteger) return concat([0xd0], little(value, 4));
  const size = bytes.length;
  if (size < 64) return concat([size], bytes);
  if (size < 16384) return concat([0x40 | (size >> 8), size & 0xff], bytes);
  return concat([0x80], little(size, 4).reverse(), bytes);
}

export function ziplist(elements: readonly string[]): Bytes {
  const entries: Bytes[] = [];
  let at = 10;
  let tail = at;
  let before = 0;
  for (const element of elements) {
    const head = before < 254 ? [before] : [0xfe, ...little(before, 4)];
    const entry = concat(head, ziplistEntry(element));
    tail = at;
    at += entry.length;
    before = entry.length;
    entries.push(entry);
  }
  const header = [...little(at + 1, 4), ...little(tail, 4), ...little(elements.length, 2)];
  return concat(header, ...entries, [0xff]);
}

export function zipmap(pairs: readonly string[]): Bytes {
  const parts: Bytes[] = [];
  for (const [i, text] of pairs.entries()) {
    const size = text.length < 254 ? [text.length] : [254, ...little(text.length, 4)];
    const spare = i % 4 === 3 ? 2 : 0;
    parts.push(concat(size, i % 2 === 1 ? [spare] : [], fromLatin1(text), Array(spare).fill(7)));
  }
  return concat([Math.min(pairs.length / 2, 254)], ...parts, [0xff]);
}

export function intset(values: readonly number[], width: 2 | 4): Bytes {
  return concat(
    little(width, 4),
    little(values.length, 4),
    ...values.map((value) => little(value, width)),
  );
}

type Write = (writer: ByteWriter) => void;

const body = (type: number, write: Write): Bytes => {
  const writer = new ByteWriter();
  writer.u8(type);
  write(writer);
  return writer.finish();
};

const all =
  (texts: readonly string[]): Write =>
  (writer) => {
    for (const text of texts) string(writer, fromLatin1(text));
  };

const counted =
  (texts: readonly string[], each = 1): Write =>
  (writer) => {
    length(writer, texts.length / each);
    all(texts)(writer);
  };

const asText = (score: string): readonly number[] => {
  if (score === "inf") return [254];
  return score === "-inf" ? [255] : [score.length, ...fromLatin1(score)];
};

/** Names of forms, each with how it is written from elements (or pairs of them). */
export const forms: Readonly<Record<string, (elements: readonly string[]) => Bytes>> = {
  list: (e) => body(rdbTypes.list, counted(e)),
  set: (e) => body(rdbTypes.set, counted(e)),
  hash: (e) => body(rdbTypes.hash, counted(e, 2)),
  listZiplist: (e) => body(rdbTypes.listZiplist, (w) => string(w, ziplist(e))),
  hashZiplist: (e) => body(rdbTypes.hashZiplist, (w) => string(w, ziplist(e))),
  zsetZiplist: (e) => body(rdbTypes.zsetZiplist, (w) => string(w, ziplist(e))),
  hashZipmap: (e) => body(rdbTypes.hashZipmap, (w) => string(w, zipmap(e))),
  hashListpack: (e) => body(rdbTypes.hashListpack, (w) => string(w, packed(e))),
  zsetListpack: (e) => body(rdbTypes.zsetListpack, (w) => string(w, packed(e))),
  listQuicklist: (e) =>
    body(rdbTypes.listQuicklist, (w) => {
      const half = e.length >> 1;
      length(w, 2);
      string(w, ziplist(e.slice(0, half)));
      string(w, ziplist(e.slice(half)));
    }),
  listQuicklist2: (e) =>
    body(rdbTypes.listQuicklist2, (w) => {
      const half = e.length >> 1;
      length(w, e.length - half + 1);
      length(w, 2);
      string(w, packed(e.slice(0, half)));
      for (const plain of e.slice(half)) {
        length(w, 1);
        string(w, fromLatin1(plain));
      }
    }),
  zset: (e) =>
    body(rdbTypes.zset, (w) => {
      length(w, e.length / 2);
      for (let i = 0; i < e.length; i += 2) {
        string(w, fromLatin1(e[i]!));
        w.raw(Uint8Array.from(asText(e[i + 1]!)));
      }
    }),
};

const packed = (elements: readonly string[]): Bytes => listpack(elements.map(fromLatin1));

export const texts = (parts: readonly Bytes[]): string[] => parts.map((part) => latin1(part));
