// What an acceptor writes to the log (consensus-rules 2: persisted before the reply). The log
// belongs to the host; a record is one opaque byte string, replayed in order at start.

import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { Ballot } from "./ballot.js";
import {
  readBallot,
  readConfiguration,
  readRegister,
  readValue,
  writeBallot,
  writeConfiguration,
  writeRegister,
  writeValue,
} from "./codec.js";
import type { Configuration } from "./configuration.js";
import type { RegisterValue } from "./register-value.js";

/** A vote, a promise or a floor: what one acceptor may have to tell another. */
export type AcceptorRecord =
  /** The register is blank again; the floor stands for all blank registers (rule 14). */
  | { readonly kind: "erased"; readonly register: string; readonly floor: Ballot }
  | { readonly kind: "promised"; readonly register: string; readonly ballot: Ballot }
  | {
      readonly kind: "accepted";
      readonly register: string;
      readonly ballot: Ballot;
      readonly value: RegisterValue;
      readonly next: Ballot;
    };

export type DurableRecord =
  | AcceptorRecord
  /** The configuration that the node follows, and whether it holds what a member must hold (15). */
  | {
      readonly kind: "configuration";
      readonly configuration: Configuration;
      readonly isReady: boolean;
    };

/** The position is the tag in the log: append, never reorder. */
const kinds = [
  "erased",
  "promised",
  "accepted",
  "configuration",
] as const satisfies readonly DurableRecord["kind"][];

export function encodeRecord(record: DurableRecord): Bytes {
  const writer = new ByteWriter(128);
  writer.u8(kinds.indexOf(record.kind));
  if (record.kind === "configuration") {
    writeConfiguration(writer, record.configuration);
    return writer.u8(record.isReady ? 1 : 0).finish();
  }
  writeRegister(writer, record.register);
  writeBallot(writer, record.kind === "erased" ? record.floor : record.ballot);
  if (record.kind === "accepted") {
    writeValue(writer, record.value);
    writeBallot(writer, record.next);
  }
  return writer.finish();
}

/** Throws `MalformedBytes`: the host's checksum should have found it first. */
export function decodeRecord(bytes: Bytes): DurableRecord {
  const reader = new ByteReader(bytes);
  const kind = kinds[reader.u8()];
  if (kind === undefined) throw new MalformedBytes("unknown consensus record");
  if (kind === "configuration") {
    const configuration = readConfiguration(reader);
    const isReady = reader.u8() === 1;
    reader.expectEnd();
    return { kind, configuration, isReady };
  }
  const register = readRegister(reader);
  const ballot = readBallot(reader);
  if (kind !== "accepted") {
    reader.expectEnd();
    return kind === "erased" ? { kind, register, floor: ballot } : { kind, register, ballot };
  }
  const value = readValue(reader);
  const next = readBallot(reader);
  reader.expectEnd();
  return { kind, register, ballot, value, next };
}
