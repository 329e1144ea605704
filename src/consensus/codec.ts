// The bytes of consensus messages. Decoding trusts nothing: an unknown tag, a number out of range,
// a count that cannot fit or bytes left over throw `MalformedBytes`, and no allocation is larger
// than the input. Byte strings are copied out of the input, because they outlive the read buffer.

import {
  ByteReader,
  type Bytes,
  ByteWriter,
  fromLatin1,
  fromUtf8,
  latin1,
  MalformedBytes,
} from "../base/bytes.js";
import type { Ballot } from "./ballot.js";
import {
  type Configuration,
  growths,
  type Member,
  memberCountMax,
  type NodeId,
  newConfiguration,
} from "./configuration.js";
import type { Body, ConsensusMessage } from "./messages.js";
import type { AppliedEntry, RegisterValue } from "./register-value.js";

/** The position is the tag on the wire: append, never reorder. */
const types = [
  "heartbeat",
  "prepare",
  "promise",
  "accept",
  "accepted",
  "rejected",
  "read",
  "read_ok",
  "forward",
  "forward_ok",
  "forward_refused",
  "cancel",
  "configuration",
  "configuration_query",
  "erase",
  "copy",
  "copy_ok",
] as const satisfies readonly Body["type"][];

const tags = new Map<Body["type"], number>(types.map((type, tag) => [type, tag]));

/** Longest name of a node, in bytes. */
const nodeBytesMax = 256;

export function encodeMessage(message: ConsensusMessage): Bytes {
  const writer = new ByteWriter(128);
  writer.varint(message.epoch).varint(message.incarnation).u8(Number(message.votes));
  writer.u8(tags.get(message.body.type)!);
  writeBody(writer, message.body);
  return writer.finish();
}

/** Throws `MalformedBytes` on anything that `encodeMessage` cannot have written. */
export function decodeMessage(bytes: Bytes): ConsensusMessage {
  const reader = new ByteReader(bytes);
  const epoch = reader.varint();
  const incarnation = reader.varint();
  const votes = readFlag(reader);
  const type = types[reader.u8()];
  if (type === undefined) throw new MalformedBytes("unknown consensus message");
  const body = readBody(reader, type);
  reader.expectEnd();
  return { epoch, incarnation, votes, body };
}

function writeBody(writer: ByteWriter, body: Body): void {
  if ("register" in body) writeRegister(writer, body.register);
  switch (body.type) {
    case "heartbeat":
      writer.varint(body.wantedMs);
      return;
    case "prepare":
      writeBallot(writer, body.ballot);
      writeOptional(writer, body.known, writeBallot);
      return;
    case "promise":
      writeBallot(writer, body.ballot);
      writeOptional(writer, body.accepted, writeBallot);
      writeOptional(writer, body.value, writeValue);
      writeBallot(writer, body.floor);
      return;
    case "accept":
      writeBallot(writer, body.ballot);
      writeValue(writer, body.value);
      writeBallot(writer, body.next);
      writeFlag(writer, body.collects);
      return;
    case "accepted":
      writeBallot(writer, body.ballot);
      writeFlag(writer, body.isIdle);
      return;
    case "erase":
      writeBallot(writer, body.ballot);
      return;
    case "rejected":
      writeBallot(writer, body.ballot);
      writeFlag(writer, body.phase === "accept");
      writeBallot(writer, body.promised);
      return;
    case "read":
      writer.varint(body.id);
      writeOptional(writer, body.known, writeBallot);
      return;
    case "read_ok":
      writer.varint(body.id).varint(body.reader);
      writeOptional(writer, body.accepted, writeBallot);
      writeOptional(writer, body.value, writeValue);
      return;
    case "forward":
      writer.varint(body.home).varint(body.ttlMs).varint(body.seq);
      writeBallot(writer, body.born);
      writeList(writer, body.operations);
      return;
    case "forward_ok":
      writer.varint(body.origin).varint(body.seq);
      writeList(writer, body.outcomes);
      return;
    case "forward_refused":
      writer.varint(body.origin).varint(body.seq);
      writeOptional(writer, body.floor, writeBallot);
      return;
    case "cancel":
      writer.varint(body.home).varint(body.seq);
      return;
    case "configuration":
      writeConfiguration(writer, body.configuration);
      return;
    case "configuration_query":
      return;
    case "copy":
      writer.varint(body.id).varint(body.page);
      return;
    case "copy_ok":
      writer.varint(body.id).varint(body.page).varint(body.next).bytes(body.records);
      return;
  }
}

function readBody(reader: ByteReader, type: Body["type"]): Body {
  if (type === "heartbeat") return { type, wantedMs: reader.varint() };
  if (type === "configuration") return { type, configuration: readConfiguration(reader) };
  if (type === "configuration_query") return { type };
  if (type === "copy") return { type, id: reader.varint(), page: reader.varint() };
  if (type === "copy_ok") {
    const [id, page, next] = [reader.varint(), reader.varint(), reader.varint()];
    return { type, id, page, next, records: reader.bytes().slice() };
  }
  const register = readRegister(reader);
  switch (type) {
    case "prepare":
      return {
        type,
        register,
        ballot: readBallot(reader),
        known: readOptional(reader, readBallot),
      };
    case "promise":
      return {
        type,
        register,
        ballot: readBallot(reader),
        ...readReport(reader),
        floor: readBallot(reader),
      };
    case "accept": {
      const ballot = readBallot(reader);
      const value = readValue(reader);
      const next = readBallot(reader);
      return { type, register, ballot, value, next, collects: readFlag(reader) };
    }
    case "accepted":
      return { type, register, ballot: readBallot(reader), isIdle: readFlag(reader) };
    case "erase":
      return { type, register, ballot: readBallot(reader) };
    case "rejected": {
      const ballot = readBallot(reader);
      const phase = readFlag(reader) ? "accept" : "prepare";
      return { type, register, ballot, phase, promised: readBallot(reader) };
    }
    case "read":
      return { type, register, id: reader.varint(), known: readOptional(reader, readBallot) };
    case "read_ok": {
      const id = reader.varint();
      return { type, register, id, reader: reader.varint(), ...readReport(reader) };
    }
    case "forward": {
      const home = reader.varint();
      const ttlMs = reader.varint();
      const seq = reader.varint();
      const born = readBallot(reader);
      return { type, register, home, ttlMs, seq, born, operations: readList(reader) };
    }
    case "forward_ok": {
      const origin = reader.varint();
      const seq = reader.varint();
      return { type, register, origin, seq, outcomes: readList(reader) };
    }
    case "forward_refused": {
      const origin = reader.varint();
      const seq = reader.varint();
      return { type, register, origin, seq, floor: readOptional(reader, readBallot) };
    }
    case "cancel":
      return { type, register, home: reader.varint(), seq: reader.varint() };
  }
}

/** A register's name is a string of one character per byte; see `latin1`. */
export const writeRegister = (writer: ByteWriter, register: string): void => {
  writer.bytes(fromLatin1(register));
};

export const readRegister = (reader: ByteReader): string => latin1(reader.bytes());

export function writeBallot(writer: ByteWriter, ballot: Ballot): void {
  writer.varint(ballot.epoch).varint(ballot.round).text(ballot.node).varint(ballot.incarnation);
}

export function readBallot(reader: ByteReader): Ballot {
  const epoch = reader.varint();
  const round = reader.varint();
  const node = readNode(reader);
  return { epoch, round, node, incarnation: reader.varint() };
}

export function writeValue(writer: ByteWriter, value: RegisterValue): void {
  writer.bytes(value.state).varint(value.applied.length);
  for (const { origin, incarnation, seq, outcomes } of value.applied) {
    writer.text(origin).varint(incarnation).varint(seq);
    writeList(writer, outcomes);
  }
  writeBallot(writer, value.floor);
}

export function readValue(reader: ByteReader): RegisterValue {
  const state = reader.bytes().slice();
  const count = reader.count(4);
  const applied: AppliedEntry[] = [];
  for (let i = 0; i < count; i++) {
    const origin = readNode(reader);
    const incarnation = reader.varint();
    const seq = reader.varint();
    applied.push({ origin, incarnation, seq, outcomes: readList(reader) });
  }
  return { state, applied, floor: readBallot(reader) };
}

export function writeConfiguration(writer: ByteWriter, configuration: Configuration): void {
  const { epoch, growth, members } = configuration;
  writer.varint(epoch).u8(growths.indexOf(growth)).varint(members.length);
  for (const member of members) writer.text(member.node).varint(member.incarnation);
}

export function readConfiguration(reader: ByteReader): Configuration {
  const epoch = reader.varint();
  const growth = growths[reader.u8()];
  if (growth === undefined) throw new MalformedBytes("a configuration that grew in no known way");
  const count = reader.count(2);
  if (epoch === 0 || count === 0 || count > memberCountMax)
    throw new MalformedBytes("a configuration without epoch or members, or with too many");
  const members: Member[] = [];
  const names = new Set<NodeId>();
  for (let i = 0; i < count; i++) {
    const node = readNode(reader);
    if (names.has(node)) throw new MalformedBytes("a node is a member twice");
    names.add(node);
    members.push({ node, incarnation: reader.varint() });
  }
  return newConfiguration(epoch, members, growth);
}

function readNode(reader: ByteReader): NodeId {
  const bytes = reader.bytes();
  if (bytes.length > nodeBytesMax) throw new MalformedBytes("a node's name is too long");
  return fromUtf8(bytes);
}

function writeList(writer: ByteWriter, items: readonly Bytes[]): void {
  writer.varint(items.length);
  for (const item of items) writer.bytes(item);
}

function readList(reader: ByteReader): Bytes[] {
  const count = reader.count();
  const items: Bytes[] = [];
  for (let i = 0; i < count; i++) items.push(reader.bytes().slice());
  return items;
}

const writeFlag = (writer: ByteWriter, flag: boolean): void => {
  writer.u8(flag ? 1 : 0);
};

function writeOptional<T>(
  writer: ByteWriter,
  value: T | undefined,
  write: (writer: ByteWriter, value: T) => void,
): void {
  writeFlag(writer, value !== undefined);
  if (value !== undefined) write(writer, value);
}

const readOptional = <T>(reader: ByteReader, read: (reader: ByteReader) => T): T | undefined =>
  readFlag(reader) ? read(reader) : undefined;

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new MalformedBytes("a flag is 0 or 1");
  return flag === 1;
}

/** A value without the ballot it was accepted with says nothing. */
function readReport(reader: ByteReader): {
  accepted: Ballot | undefined;
  value: RegisterValue | undefined;
} {
  const accepted = readOptional(reader, readBallot);
  const value = readOptional(reader, readValue);
  if (accepted === undefined && value !== undefined)
    throw new MalformedBytes("a value without a ballot");
  return { accepted, value };
}
