// The change function of linearizable registers: a register's value is the encoded entries of its
// keys, and any command of the table whose keys lie in the register is a function on it. The
// command runs through the same dispatcher and the same command functions as everywhere, on a
// scratch keyspace that holds only that register.
//
// Encoded operation: protocol (2 or 3), database, arguments. Outcome: the reply bytes. Encoded
// state: the dictionary of replica names, then keys in byte order with their entries.

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
import { DictionaryCodec } from "../lattice/replica-codec.js";
import type { CommandTable } from "./command-table.js";
import { Dispatcher } from "./dispatcher.js";

/** Arguments as they travel: each a byte string of its own. */
export interface RegisterOperation {
  readonly resp3: boolean;
  readonly database: number;
  readonly args: readonly Bytes[];
}

export function encodeOperation(operation: RegisterOperation): Bytes {
  const writer = new ByteWriter(64);
  writer
    .u8(operation.resp3 ? 3 : 2)
    .u8(operation.database)
    .varint(operation.args.length);
  for (const arg of operation.args) writer.bytes(arg);
  return writer.finish();
}

/** @throws MalformedBytes when the bytes are not an operation. */
export function decodeOperation(bytes: Bytes): RegisterOperation {
  const reader = new ByteReader(bytes);
  const resp3 = reader.u8() === 3;
  const database = reader.u8();
  const args: Bytes[] = [];
  for (let count = reader.count(); count > 0; count--) args.push(reader.bytes());
  reader.expectEnd();
  return { resp3, database, args };
}

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
    });
    this.#call = new Call(this.#keyspace, environment, this.#reply);
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
      const operation = decodeOperation(bytes);
      if (operation.database >= this.#keyspace.databases.length) return malformedReply;
      return this.#run(operation);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      return malformedReply;
    }
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
    const size = args.reduce((sum, arg) => sum + arg.length, 0);
    call.bytes = new Uint8Array(size);
    call.ranges = new Int32Array(args.length * 2);
    let at = 0;
    args.forEach((arg, index) => {
      call.bytes.set(arg, at);
      call.ranges[index * 2] = at;
      call.ranges[index * 2 + 1] = arg.length;
      at += arg.length;
    });
    call.first = 0;
    call.argc = args.length;
    call.hashed = false;
    call.mayBlock = false;
    call.session = session;
    call.outcome = outcome.done;
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
