// What an acceptor writes to the log (consensus-rules 2: persisted before the reply). The log
// belongs to the host; a record is one opaque byte string, replayed in order at start.

import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { Ballot } from "./ballot.js";
import {
  readBallot,
  readRegister,
  readValue,
  writeBallot,
  writeRegister,
  writeValue,
} from "./codec.js";
import type { RegisterValue } from "./register-value.js";

export type DurableRecord =
  | { readonly kind: "promised"; readonly register: string; readonly ballot: Ballot }
  | {
      readonly kind: "accepted";
      readonly register: string;
      readonly ballot: Ballot;
      readonly value: RegisterValue;
      readonly next: Ballot;
    };

export function encodeRecord(record: DurableRecord): Bytes {
  const writer = new ByteWriter(128);
  writer.u8(record.kind === "promised" ? 1 : 2);
  writeRegister(writer, record.register);
  writeBallot(writer, record.ballot);
  if (record.kind === "accepted") {
    writeValue(writer, record.value);
    writeBallot(writer, record.next);
  }
  return writer.finish();
}

/** Throws `MalformedBytes`: the host's checksum should have found it first. */
export function decodeRecord(bytes: Bytes): DurableRecord {
  const reader = new ByteReader(bytes);
  const tag = reader.u8();
  if (tag !== 1 && tag !== 2) throw new MalformedBytes("unknown consensus record");
  const register = readRegister(reader);
  const ballot = readBallot(reader);
  if (tag === 1) {
    reader.expectEnd();
    return { kind: "promised", register, ballot };
  }
  const value = readValue(reader);
  const next = readBallot(reader);
  reader.expectEnd();
  return { kind: "accepted", register, ballot, value, next };
}
