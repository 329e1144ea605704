// All commands in one table, found by name without making a string: open addressing over the
// upper-case bytes of the name, verified byte by byte.

import { assert } from "../base/assert.js";
import { type Command, type CommandSpec, toCommand } from "../commands/command.js";
import type { RequestBatch } from "./request-batch.js";

const upper = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) upper[byte] = byte >= 97 && byte <= 122 ? byte - 32 : byte;

export class CommandTable {
  readonly #commands: Command[] = [];
  /** The slot found last: clients send the same command many times. */
  #recent = 0;
  readonly #byName = new Map<string, Command>();
  readonly #mask: number;
  readonly #slots: (Command | undefined)[];
  readonly #names: (Uint8Array | undefined)[];

  constructor(tables: readonly (readonly CommandSpec[])[]) {
    const specs = tables.flat();
    let size = 64;
    while (size < specs.length * 4) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Array<Command | undefined>(size);
    this.#names = new Array<Uint8Array | undefined>(size);
    for (const spec of specs) this.#add(spec);
  }

  #add(spec: CommandSpec): void {
    assert(!this.#byName.has(spec.name), `two commands are called ${spec.name}`);
    const command = this.#register(spec, spec.name);
    const name = Uint8Array.from(Buffer.from(spec.name.toUpperCase(), "latin1"));
    let slot = hashName(name, 0, name.length) & this.#mask;
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = command;
    this.#names[slot] = name;
    for (const sub of spec.subcommands ?? []) this.#register(sub, `${spec.name}|${sub.name}`);
  }

  #register(spec: CommandSpec, fullName: string): Command {
    const command = toCommand({ ...spec, name: fullName }, this.#commands.length);
    this.#commands.push(command);
    this.#byName.set(fullName, command);
    return command;
  }

  /** The command whose name is `bytes[start, start + length)` in any letter case. */
  find(bytes: Uint8Array, start: number, length: number): Command | undefined {
    const recent = this.#names[this.#recent];
    if (recent !== undefined && recent.length === length) {
      let i = 0;
      while (i < length && upper[bytes[start + i]!] === recent[i]) i++;
      if (i === length) return this.#slots[this.#recent];
    }
    for (let slot = hashName(bytes, start, length) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const name = this.#names[slot];
      if (name === undefined) return undefined;
      if (name.length !== length) continue;
      let i = 0;
      while (i < length && upper[bytes[start + i]!] === name[i]) i++;
      if (i < length) continue;
      this.#recent = slot;
      return this.#slots[slot];
    }
  }

  /**
   * `find` for each command of a batch of several. A name of two to four letters is compared with
   * the one before as a word: behind it are at least the two bytes that end an argument.
   */
  findAll(batch: RequestBatch, data: DataView, found: (Command | undefined)[]): void {
    const { count, source, ranges, firsts } = batch;
    let command: Command | undefined;
    let word = 0;
    let size = 0;
    for (let i = 0; i < count; i++) {
      const start = ranges[firsts[i]!]!;
      const length = ranges[firsts[i]! + 1]!;
      const isShort = length >= 2 && length <= 4;
      if (!isShort || length !== size || data.getInt32(start, true) !== word) {
        command = this.find(source, start, length);
        size = isShort ? length : 0;
        if (isShort) word = data.getInt32(start, true);
      }
      // Nothing is stored that is there already: the collector wants to know of each store.
      if (found[i] !== command) found[i] = command;
    }
  }

  /** By lower-case full name, `config|get` for a subcommand. */
  get(name: string): Command | undefined {
    return this.#byName.get(name);
  }

  all(): readonly Command[] {
    return this.#commands;
  }
}

function hashName(bytes: Uint8Array, start: number, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + upper[bytes[start + i]!]!) | 0;
  return hash ^ (hash >>> 7);
}
