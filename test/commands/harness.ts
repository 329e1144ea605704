// Runs commands against a keyspace without a node around it: an argument vector in, a parsed reply
// out. Replies become what a reader of tests expects: text (latin1), numbers, null, arrays, `Error`
// lines, maps as pairs.

import { ByteWriter, fromLatin1, latin1 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Call } from "../../src/commands/call.js";
import { type Command, type CommandSpec, toCommand } from "../../src/commands/command.js";
import { dataCommands } from "../../src/commands/data-commands.js";
import type { Environment, Statistics } from "../../src/commands/environment.js";
import { Reply } from "../../src/commands/reply.js";
import { Session } from "../../src/commands/session.js";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";

export type Answer = string | number | bigint | null | ErrorAnswer | Answer[];

/** An error reply. */
export interface ErrorAnswer {
  readonly error: string;
}

export const isError = (answer: Answer): answer is ErrorAnswer =>
  typeof answer === "object" && answer !== null && "error" in answer;

export const startMs = 1_800_000_000_000;

export class Bench {
  readonly keyspace: Keyspace;
  readonly session = new Session(1, "127.0.0.1:1", "127.0.0.1:2", startMs);
  readonly settings = new SettingsStore();
  readonly #call: Call;
  readonly #commands = new Map<string, Command>();

  constructor(
    keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n1/test" }),
    specs: readonly CommandSpec[] = dataCommands,
  ) {
    this.keyspace = keyspace;
    keyspace.beginTurn(startMs);
    const prng = new Prng(1);
    const environment = {
      random: () => prng.float(),
      randomBits: () => prng.bits(),
      settings: this.settings,
      statistics: {} as Statistics,
      facts: { heapBytes: 0, residentBytes: 0, peakResidentBytes: 0 },
    } as unknown as Environment;
    this.#call = new Call(keyspace, environment, new Reply());
    for (const spec of specs) {
      this.#commands.set(spec.name, toCommand(spec, this.#commands.size));
      for (const sub of spec.subcommands ?? []) {
        const name = `${spec.name}|${sub.name}`;
        this.#commands.set(name, toCommand({ ...sub, name }, this.#commands.size));
      }
    }
  }

  get resp3(): boolean {
    return this.#call.reply.resp3;
  }

  set resp3(value: boolean) {
    this.#call.reply.resp3 = value;
  }

  /** Runs one command; arguments are latin1 text or numbers. Every run is a batch of its own. */
  run(...argv: (string | number)[]): Answer {
    const answer = this.runInBatch(...argv);
    if (this.keyspace.capture === undefined) this.keyspace.endBatch();
    return answer;
  }

  /** Runs one command in the batch that is open, or opens one. */
  runInBatch(...argv: (string | number)[]): Answer {
    const call = this.#call;
    const command = this.#find(argv.map(String));
    load(call, argv.map(String));
    call.command = command;
    call.session = this.session;
    call.db = this.keyspace.databases[this.session.database]!;
    call.reply.length = 0;
    const { arity } = command;
    if (arity > 0 ? call.argc !== arity : call.argc < -arity) {
      return { error: `ERR wrong number of arguments for '${command.name}' command` };
    }
    command.run(call);
    return this.#parse();
  }

  /** Lets time pass. */
  wait(ms: number): void {
    this.keyspace.beginTurn(this.keyspace.nowMs + ms);
  }

  #find(argv: readonly string[]): Command {
    const name = argv[0]!.toLowerCase();
    const command = this.#commands.get(`${name}|${argv[1]?.toLowerCase()}`);
    const found = command ?? this.#commands.get(name);
    if (found === undefined) throw new Error(`the harness has no command ${name}`);
    return found;
  }

  #parse(): Answer {
    const reader = new AnswerReader(this.#call.reply.bytes, this.#call.reply.length);
    const answer = reader.next();
    if (reader.at !== this.#call.reply.length) throw new Error("more than one reply");
    return answer;
  }
}

/** Puts an argument vector into a call, with other bytes around it so that a wrong offset shows. */
function load(call: Call, argv: readonly string[]): void {
  const parts = argv.map(fromLatin1);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 2, 3)).fill(88);
  const ranges = new Int32Array(argv.length * 2 + 2);
  let at = 3;
  parts.forEach((part, index) => {
    bytes.set(part, at);
    ranges[index * 2 + 2] = at;
    ranges[index * 2 + 3] = part.length;
    at += part.length + 2;
  });
  call.bytes = bytes;
  call.ranges = ranges;
  call.first = 2;
  call.argc = argv.length;
  call.hashed = false;
}

class AnswerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at = 0;

  constructor(bytes: Uint8Array, end: number) {
    this.#bytes = bytes;
    this.#end = end;
  }

  #line(): string {
    const end = this.#bytes.indexOf(13, this.at);
    if (end < 0 || end >= this.#end) throw new Error("a reply without an end");
    const text = latin1(this.#bytes, this.at, end);
    this.at = end + 2;
    return text;
  }

  next(): Answer {
    const line = this.#line();
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
      case ",":
      case "#":
        return rest;
      case "-":
        return { error: rest };
      case ":":
        return Number.isSafeInteger(Number(rest)) ? Number(rest) : BigInt(rest);
      case "_":
        return null;
      case "$":
      case "=":
        return this.#bulk(Number(rest));
      case "*":
      case "~":
      case ">":
        return this.#array(Number(rest));
      case "%":
        return this.#array(Number(rest) * 2);
      default:
        throw new Error(`not a reply: ${line}`);
    }
  }

  #bulk(length: number): string | null {
    if (length < 0) return null;
    const text = latin1(this.#bytes, this.at, this.at + length);
    this.at += length + 2;
    return text;
  }

  #array(count: number): Answer[] | null {
    if (count < 0) return null;
    const answers: Answer[] = [];
    for (let index = 0; index < count; index++) answers.push(this.next());
    return answers;
  }
}

/** Every stored key in its canonical form, by database and name. */
export function dump(keyspace: Keyspace): Map<string, string> {
  const keys: [string, string][] = [];
  for (const db of keyspace.databases)
    db.keys.forEach((ref) => {
      const writer = new ByteWriter();
      const codec = new NameCodec(keyspace.replicas);
      keyspace.entryOf(ref).encode(writer, codec, keyspace.replicas);
      keys.push([`${db.index} ${latin1(keyspace.keyOf(ref))}`, latin1(writer.finish())]);
    });
  return new Map(keys.sort(([a], [b]) => (a < b ? -1 : 1)));
}
