// The change function of linearizable registers: a register's value is the encoded entries of its
// keys, and any command of the table whose keys lie in the register is a function on it. The
// command runs through the same dispatcher and the same command functions as everywhere, on a
// scratch keyspace that holds only that register.
//
// Encoded operation: kind and protocol, database, then what the kind needs. A command: its
// arguments. A transaction: what was watched, then its commands, which run together or not at all.
// Versions: keys, whose state is told as a hash; WATCH asks so. Outcome: the reply bytes. Encoded
// state: the dictionary of replica names, then keys in byte order with their entries.

import { createHash } from "node:crypto";
import {
  ByteReader,
  type Bytes,
  ByteWriter,
  compareBytes,
  emptyBytes,
  equalBytes,
  MalformedBytes,
  utf8,
} from "../base/bytes.js";
import { Call } from "../commands/call.js";
import type { Environment } from "../commands/environment.js";
import { Reply } from "../commands/reply.js";
import { outcome, Session } from "../commands/session.js";
import type { ChangedState } from "../consensus/register-value.js";
import type { Ref } from "../keyspace/arena.js";
import { hashBytes } from "../keyspace/hash.js";
import { Keyspace } from "../keyspace/keyspace.js";
import { KeyEntry } from "../lattice/key-entry.js";
import { DictionaryCodec, NameCodec } from "../lattice/replica-codec.js";
import type { CommandTable } from "./command-table.js";
import { Dispatcher } from "./dispatcher.js";

/** Arguments as they travel: each a byte string of its own. */
export interface RegisterOperation {
  readonly resp3: boolean;
  readonly database: number;
  readonly args: readonly Bytes[];
}

/** MULTI ... EXEC on one register. */
export interface RegisterTransaction {
  readonly resp3: boolean;
  readonly database: number;
  /** Keys watched, and what `encodeVersions` answered for them. */
  readonly watched: readonly { readonly keys: readonly Bytes[]; readonly version: Bytes }[];
  readonly commands: readonly (readonly Bytes[])[];
}

/** Added to the protocol in the first byte. */
const kinds = { command: 0, transaction: 10, versions: 20 } as const;

function writeList(writer: ByteWriter, items: readonly Bytes[]): void {
  writer.varint(items.length);
  for (const item of items) writer.bytes(item);
}

function readList(reader: ByteReader): Bytes[] {
  const items: Bytes[] = [];
  for (let count = reader.count(); count > 0; count--) items.push(reader.bytes());
  return items;
}

export function encodeOperation({ resp3, database, args }: RegisterOperation): Bytes {
  const writer = new ByteWriter(64);
  writer.u8(kinds.command + (resp3 ? 3 : 2)).u8(database);
  writeList(writer, args);
  return writer.finish();
}

export function encodeTransaction(transaction: RegisterTransaction): Bytes {
  const { resp3, database, watched, commands } = transaction;
  const writer = new ByteWriter(256);
  writer.u8(kinds.transaction + (resp3 ? 3 : 2)).u8(database);
  writer.varint(watched.length);
  for (const { keys, version } of watched) {
    writeList(writer, keys);
    writer.bytes(version);
  }
  writer.varint(commands.length);
  for (const args of commands) writeList(writer, args);
  return writer.finish();
}

/** Asks for a hash over the state of keys, which any write of one of them changes. */
export function encodeVersions(database: number, keys: readonly Bytes[]): Bytes {
  const writer = new ByteWriter(64);
  writer.u8(kinds.versions + 2).u8(database);
  writeList(writer, keys);
  return writer.finish();
}

/**
 * 64 kilobytes: only one register is loaded at a time, and a value longer than a slab has a slab of
 * its own.
 */
const slabUnits = 1 << 13;

const malformedReply = utf8("-ERR malformed operation\r\n");

interface LoadedKey {
  readonly database: number;
  readonly key: Bytes;
}

export class RegisterMachine {
  readonly #keyspace: Keyspace;
  readonly #dispatcher: Dispatcher;
  readonly #call: Call;
  readonly #reply = new Reply();
  readonly #session = new Session(0, "register", "register", 0);

  constructor(main: Keyspace, table: CommandTable, environment: Environment) {
    this.#keyspace = new Keyspace({
      replicas: main.replicas,
      // One writer at a time: all proposers write under one name, so a counter never needs a second
      // row.
      self: "register",
      databaseCount: main.databases.length,
      slabCapacity: slabUnits,
    });
    this.#call = new Call(this.#keyspace, environment, this.#reply);
    this.#call.isRegister = true;
    this.#dispatcher = new Dispatcher(table, this.#call, { measureMicros: () => 0 });
  }

  /** `ConsensusPort.change`: runs operations in order on a state. */
  change(state: Bytes, operations: readonly Bytes[], atMs: number): ChangedState {
    this.#load(state, atMs);
    const outcomes = operations.map((operation) => this.#runEncoded(operation));
    const after = this.#unload();
    return { state: after, outcomes, changed: !equalBytes(after, state) };
  }

  /** `ConsensusPort.query`: runs one read. */
  query(state: Bytes, operation: Bytes, atMs: number): Bytes {
    this.#load(state, atMs);
    const reply = this.#runEncoded(operation);
    this.#unload();
    return reply;
  }

  /** A peer's bytes that are no operation change nothing and are answered as an error. */
  #runEncoded(bytes: Bytes): Bytes {
    try {
      const reader = new ByteReader(bytes);
      const first = reader.u8();
      const resp3 = first % 10 === 3;
      const database = reader.u8();
      if (database >= this.#keyspace.databases.length) return malformedReply;
      switch (first - (resp3 ? 3 : 2)) {
        case kinds.command:
          return this.#runCommand(reader, resp3, database);
        case kinds.transaction:
          return this.#runTransaction(reader, resp3, database);
        case kinds.versions:
          return this.#versionOf(database, readList(reader));
        default:
          return malformedReply;
      }
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      return malformedReply;
    }
  }

  #runCommand(reader: ByteReader, resp3: boolean, database: number): Bytes {
    const args = readList(reader);
    reader.expectEnd();
    return this.#run({ resp3, database, args });
  }

  #runTransaction(reader: ByteReader, resp3: boolean, database: number): Bytes {
    let isUnchanged = true;
    for (let count = reader.count(2); count > 0; count--) {
      const version = this.#versionOf(database, readList(reader));
      if (!equalBytes(version, reader.bytes())) isUnchanged = false;
    }
    const commands: Bytes[][] = [];
    for (let count = reader.count(); count > 0; count--) commands.push(readList(reader));
    reader.expectEnd();
    if (!isUnchanged) return utf8(resp3 ? "_\r\n" : "*-1\r\n");
    const writer = new ByteWriter(256);
    writer.raw(utf8(`*${commands.length}\r\n`));
    for (const args of commands) writer.raw(this.#run({ resp3, database, args }));
    return writer.finish();
  }

  #versionOf(database: number, keys: readonly Bytes[]): Bytes {
    const keyspace = this.#keyspace;
    const db = keyspace.databases[database]!;
    const writer = new ByteWriter(256);
    const codec = new NameCodec(keyspace.replicas);
    for (const key of keys) {
      const ref = db.keys.find(hashBytes(key, 0, key.length), key, 0, key.length);
      const isThere = ref !== 0 && !keyspace.isExpired(ref);
      writer.u8(isThere ? 1 : 0);
      if (isThere) keyspace.entryOf(ref).encode(writer, codec, keyspace.replicas);
    }
    return createHash("sha1").update(writer.view()).digest();
  }

  #run(operation: RegisterOperation): Bytes {
    const call = this.#call;
    const session = this.#session;
    const { args } = operation;
    this.#reply.clear();
    this.#reply.resp3 = operation.resp3;
    session.resp3 = operation.resp3;
    session.database = operation.database;
    session.waiting = outcome.done;
    call.fill(args, session);
    const command = this.#dispatcher.table.find(call.bytes, 0, args[0]?.length ?? 0);
    if (command === undefined) this.#reply.error("ERR unknown command");
    else this.#dispatcher.run(command, session);
    return this.#reply.bytes.slice(0, this.#reply.length);
  }

  #load(state: Bytes, atMs: number): void {
    this.#keyspace.beginTurn(atMs);
    this.#keyspace.endBatch();
    if (state.length === 0) return;
    const reader = new ByteReader(state);
    const codec = new DictionaryCodec(this.#keyspace.replicas);
    codec.readNames(reader);
    this.#keyspace.clock.observe(reader.f64());
    for (let count = reader.count(); count > 0; count--) {
      const db = this.#keyspace.databases[reader.u8()]!;
      const key = reader.bytes().slice();
      const entry = KeyEntry.decode(reader, codec);
      entry.isTracked = false;
      this.#keyspace.storeEntry(db, hashBytes(key, 0, key.length), key, entry);
    }
  }

  /** Encodes what is in the scratch keyspace and empties it. */
  #unload(): Bytes {
    const keyspace = this.#keyspace;
    const loaded: LoadedKey[] = [];
    for (const db of keyspace.databases) {
      db.keys.forEach((ref: Ref) => {
        loaded.push({ database: db.index, key: keyspace.keyOf(ref) });
      });
    }
    loaded.sort((a, b) => a.database - b.database || compareBytes(a.key, b.key));
    const codec = new DictionaryCodec(keyspace.replicas);
    const body = new ByteWriter(128);
    for (const { database, key } of loaded) {
      const db = keyspace.databases[database]!;
      const hash = hashBytes(key, 0, key.length);
      const ref = db.keys.find(hash, key, 0, key.length);
      const entry = keyspace.entryOf(ref);
      body.u8(database).bytes(key);
      entry.encode(body, codec, keyspace.replicas);
      keyspace.storeEntry(db, hash, key, new KeyEntry());
    }
    if (loaded.length === 0) return emptyBytes;
    const writer = new ByteWriter(body.length + 64);
    codec.writeNames(writer);
    // The highest time used: the next change is stamped above it, whichever node proposes it.
    writer.f64(keyspace.clock.last).varint(loaded.length).raw(body.view());
    return writer.finish();
  }
}
