// What DUMP answers and RESTORE takes: a value in RDB form, the version in two bytes, and the
// checksum of all that in eight (Redis 7.0, cluster.c).

import { type Bytes, ByteWriter } from "../base/bytes.js";
import { Crc64 } from "./crc64.js";
import { decodeValue } from "./decode.js";
import { encodeValue } from "./encode.js";
import { RdbReader } from "./reader.js";
import { type RdbEncoding, type RdbValue, rdbVersion } from "./value.js";

const footerBytes = 10;

export function sealValue(
  value: RdbValue,
  encoding: RdbEncoding,
  formatScore: (score: number) => string,
): Bytes {
  const writer = new ByteWriter();
  encodeValue(writer, value, encoding, formatScore);
  writer.u16(rdbVersion);
  writer.raw(new Crc64().update(writer.view()).digest());
  return writer.finish();
}

/** The payload of a value that stands in a file in that form. */
export function sealEncoded(type: number, encoded: Bytes): Bytes {
  const writer = new ByteWriter(1 + encoded.length + footerBytes);
  writer.u8(type).raw(encoded).u16(rdbVersion);
  writer.raw(new Crc64().update(writer.view()).digest());
  return writer.finish();
}

/** Whether version and checksum are right. */
export function isSealed(payload: Bytes): boolean {
  if (payload.length < footerBytes) return false;
  const footer = payload.length - footerBytes;
  const version = payload[footer]! | (payload[footer + 1]! << 8);
  if (version > rdbVersion) return false;
  const checksum = new Crc64().update(payload, 0, footer + 2).digest();
  return checksum.every((byte, i) => byte === payload[footer + 2 + i]);
}

/** @throws MalformedBytes when a sealed payload is no value. What stands behind one is not read. */
export function openValue(payload: Bytes): RdbValue {
  const reader = new RdbReader(payload, 0, payload.length - footerBytes);
  return decodeValue(reader, reader.u8());
}
