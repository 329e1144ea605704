// Who belongs to the cluster: a table of nodes that every node keeps a copy of, and whom this node
// hears. The table is a lattice of its own: per node the highest incarnation wins, and of one
// incarnation the state that is further on (alive, left, forgotten), so copies that were exchanged
// in any order are equal.
//
// Every `pingMs` each peer gets a hash of the table; who holds another one sends his. Suspicion is
// local and a hint: a node that was not heard for `suspectMs` is shown as failing, nothing else
// depends on it. This node's own pauses are not held against the others.
//
// Left out: authentication. Whoever reaches the peer port and knows the cluster's name is believed.

import { ByteReader, type Bytes, ByteWriter, compareText, MalformedBytes } from "../base/bytes.js";
import { hash32 } from "../keyspace/digest.js";
import type { NodeId, ShardReads } from "./messages.js";

/** The position is the code on the wire and the order of the lattice: append, never reorder. */
const states = ["alive", "left", "forgotten"] as const;

export type MemberState = (typeof states)[number];

export interface MemberEntry {
  readonly name: NodeId;
  /** Tells this process from earlier ones of the same node; the later is the greater. */
  readonly incarnation: number;
  readonly state: MemberState;
  /** `host:port` where its peers reach it, and its clients; empty: nobody said. */
  readonly peerAddress: string;
  readonly clientAddress: string;
}

/** What a node tells every peer all the time. */
export interface Ping {
  readonly type: "ping";
  readonly tableHash: number;
  /** The epoch of its consensus configuration; 0 while it has none. */
  readonly epoch: number;
  /** The incarnation in which the state of its registers began. */
  readonly stateIncarnation: number;
  /** Whether it is an acceptor of that epoch that may vote. */
  readonly isVoting: boolean;
  /** Whether it also knows what was chosen before that epoch. */
  readonly isSettled: boolean;
  /** A hash over the names of the nodes that are to found the cluster; 0: it founds none. */
  readonly founders: number;
  /** Whether it has seen what the others had when it came, and serves clients. */
  readonly isServing: boolean;
  /** What it holds of each shard (node/placing.ts); empty where every node holds all. */
  readonly holdings: Uint8Array;
  /** Commands per second on its shards, where they are placed. */
  readonly operationRate: number;
  /** Its most read shards (node/hot-shards.ts). */
  readonly reads: readonly ShardReads[];
}

export interface Members {
  readonly type: "members";
  readonly entries: readonly MemberEntry[];
  readonly wantsReply: boolean;
}

export type MembershipMessage = Ping | Members;

/** Entries that a table may have, forgotten nodes included; further names are refused. */
export const memberCountMax = 256;
export const nodeNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;
const addressLengthMax = 300;
export const pingMs = 500;
export const suspectMs = 2_000;
/** A gap between two looks that is longer than this is our own pause. */
const pauseMs = 3 * pingMs;

interface Heard {
  ms: number;
  ping: Ping | undefined;
  incarnation: number;
}

export interface MembershipPort {
  send(to: NodeId, message: MembershipMessage): void;
  /** The table has changed. */
  changed(): void;
  /** What to tell in the next ping, the hash of the table apart. */
  status(): Omit<Ping, "type" | "tableHash">;
}

export class Membership {
  readonly self: MemberEntry;
  refusedEntryCount = 0;
  /** Somebody speaks of a later process under this node's name. */
  isReplaced = false;
  readonly #port: MembershipPort;
  readonly #entries = new Map<NodeId, MemberEntry>();
  readonly #heard = new Map<NodeId, Heard>();
  #hash = 0;
  #pingDueMs: number;
  #lookedMs: number;

  constructor(self: MemberEntry, port: MembershipPort, nowMs: number) {
    this.self = self;
    this.#port = port;
    this.#entries.set(self.name, self);
    this.#hash = hashOf(this.entries());
    this.#pingDueMs = nowMs;
    this.#lookedMs = nowMs;
  }

  /** Of the table; whoever holds the same has told it. */
  get hash(): number {
    return this.#hash;
  }

  /** All entries, in the order of names. */
  entries(): MemberEntry[] {
    return [...this.#entries.values()].sort((a, b) => compareText(a.name, b.name));
  }

  get(name: NodeId): MemberEntry | undefined {
    return this.#entries.get(name);
  }

  /** The other nodes that belong to the cluster now, heard or not. */
  peers(): MemberEntry[] {
    return this.entries().filter(({ name, state }) => state === "alive" && name !== this.self.name);
  }

  isSuspected(name: NodeId, nowMs: number): boolean {
    return name !== this.self.name && nowMs - this.heardMs(name) >= suspectMs;
  }

  heardMs(name: NodeId): number {
    return this.#heard.get(name)?.ms ?? Number.NEGATIVE_INFINITY;
  }

  /** The last ping of a node's present incarnation. */
  pingOf(name: NodeId): Ping | undefined {
    const heard = this.#heard.get(name);
    return heard?.incarnation === this.get(name)?.incarnation ? heard?.ping : undefined;
  }

  /** A peer introduced itself, or sent anything. */
  noteHeard(name: NodeId, incarnation: number, nowMs: number): void {
    const heard = this.#heard.get(name);
    if (heard === undefined) this.#heard.set(name, { ms: nowMs, incarnation, ping: undefined });
    else {
      heard.ms = nowMs;
      if (incarnation > heard.incarnation) heard.ping = undefined;
      heard.incarnation = Math.max(incarnation, heard.incarnation);
    }
  }

  /** Takes what somebody knows about nodes. */
  learn(entries: readonly MemberEntry[]): void {
    let isChanged = false;
    for (const entry of entries) {
      if (entry.name === this.self.name && entry.incarnation > this.self.incarnation)
        this.isReplaced = true;
      const known = this.#entries.get(entry.name);
      if (known === undefined && this.#entries.size >= memberCountMax) {
        this.refusedEntryCount++;
        continue;
      }
      if (known !== undefined && compareEntries(entry, known) <= 0) continue;
      this.#entries.set(entry.name, entry);
      isChanged = true;
    }
    if (!isChanged) return;
    this.#hash = hashOf(this.entries());
    this.#port.changed();
    for (const { name } of this.peers()) this.#tell(name, false);
  }

  /** Marks a node as gone for good: it left, or an operator forgets it. */
  retire(name: NodeId, state: "left" | "forgotten"): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.state !== "alive") return false;
    this.learn([{ ...entry, state }]);
    return true;
  }

  /** A peer can be reached from now on: it hears everything. */
  greet(name: NodeId): void {
    this.#tell(name, true);
    this.#ping(name);
  }

  onMessage(from: NodeId, incarnation: number, message: MembershipMessage): void {
    if (message.type === "members") {
      this.learn(message.entries);
      if (message.wantsReply) this.#tell(from, false);
      return;
    }
    const heard = this.#heard.get(from);
    if (heard !== undefined && incarnation === heard.incarnation) heard.ping = message;
    if (message.tableHash !== this.#hash) this.#tell(from, true);
  }

  tick(nowMs: number): void {
    const gap = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (gap > pauseMs) for (const heard of this.#heard.values()) heard.ms += gap;
    if (nowMs < this.#pingDueMs) return;
    this.#pingDueMs = nowMs + pingMs;
    for (const { name } of this.peers()) this.#ping(name);
  }

  nextDueMs(): number {
    return this.#pingDueMs;
  }

  /** Tells every peer at once what the next ping would. */
  pingAll(): void {
    for (const { name } of this.peers()) this.#ping(name);
  }

  #ping(to: NodeId): void {
    this.#port.send(to, { type: "ping", tableHash: this.#hash, ...this.#port.status() });
  }

  #tell(to: NodeId, wantsReply: boolean): void {
    this.#port.send(to, { type: "members", entries: this.entries(), wantsReply });
  }
}

/** The order of what can be known of one node: join takes the greater. */
function compareEntries(a: MemberEntry, b: MemberEntry): number {
  if (a.incarnation !== b.incarnation) return a.incarnation - b.incarnation;
  if (a.state !== b.state) return states.indexOf(a.state) - states.indexOf(b.state);
  return compareText(a.peerAddress, b.peerAddress) || compareText(a.clientAddress, b.clientAddress);
}

function hashOf(entries: readonly MemberEntry[]): number {
  const writer = new ByteWriter(256);
  for (const entry of entries) writeEntry(writer, entry);
  return hash32(writer.view(), 0) >>> 0;
}

/** A hash over names, in any order; never 0. */
export function hashOfNames(names: readonly NodeId[]): number {
  const writer = new ByteWriter(64);
  for (const name of [...names].sort(compareText)) writer.text(name);
  return hash32(writer.view(), 0) >>> 0 || 1;
}

// ---- bytes

export function encodeMembership(message: MembershipMessage): Bytes {
  const writer = new ByteWriter(64);
  if (message.type === "ping") {
    const { tableHash, epoch, stateIncarnation, founders } = message;
    const { isVoting, isSettled, isServing } = message;
    writer.u8(0).u32(tableHash).varint(epoch).varint(stateIncarnation).u32(founders);
    writer
      .u8(isVoting ? 1 : 0)
      .u8(isSettled ? 1 : 0)
      .u8(isServing ? 1 : 0)
      .bytes(message.holdings)
      .varint(message.operationRate)
      .varint(message.reads.length);
    for (const { shard, perSecond } of message.reads) writer.varint(shard).varint(perSecond);
    return writer.finish();
  }
  writer
    .u8(1)
    .u8(message.wantsReply ? 1 : 0)
    .varint(message.entries.length);
  for (const entry of message.entries) writeEntry(writer, entry);
  return writer.finish();
}

/** @throws MalformedBytes on anything that `encodeMembership` cannot have written. */
export function decodeMembership(bytes: Bytes): MembershipMessage {
  const reader = new ByteReader(bytes);
  const message = readMessage(reader);
  reader.expectEnd();
  return message;
}

function readMessage(reader: ByteReader): MembershipMessage {
  const tag = reader.u8();
  if (tag === 0) {
    const tableHash = reader.u32();
    const epoch = reader.varint();
    const stateIncarnation = reader.varint();
    const founders = reader.u32();
    const isVoting = readFlag(reader);
    const isSettled = readFlag(reader);
    const isServing = readFlag(reader);
    const holdings = reader.bytes().slice();
    const operationRate = reader.varint();
    const reads: ShardReads[] = [];
    for (let count = reader.count(2); count > 0; count--)
      reads.push({ shard: reader.varint(), perSecond: reader.varint() });
    return {
      type: "ping",
      tableHash,
      epoch,
      stateIncarnation,
      founders,
      isVoting,
      isSettled,
      isServing,
      holdings,
      operationRate,
      reads,
    };
  }
  if (tag !== 1) throw new MalformedBytes("unknown message about members");
  const wantsReply = readFlag(reader);
  const entries: MemberEntry[] = [];
  for (let count = reader.count(5); count > 0; count--) entries.push(readEntry(reader));
  return { type: "members", wantsReply, entries };
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new MalformedBytes(`${flag} is no flag`);
  return flag === 1;
}

function writeEntry(writer: ByteWriter, entry: MemberEntry): void {
  writer.text(entry.name).varint(entry.incarnation).u8(states.indexOf(entry.state));
  writer.text(entry.peerAddress).text(entry.clientAddress);
}

function readEntry(reader: ByteReader): MemberEntry {
  const name = readNodeName(reader);
  const incarnation = reader.varint();
  const state = states[reader.u8()];
  if (state === undefined) throw new MalformedBytes("unknown state of a node");
  const peerAddress = readAddress(reader);
  return { name, incarnation, state, peerAddress, clientAddress: readAddress(reader) };
}

export function readNodeName(reader: ByteReader): NodeId {
  const name = reader.text();
  if (!nodeNamePattern.test(name)) throw new MalformedBytes("not a name of a node");
  return name;
}

export function readAddress(reader: ByteReader): string {
  const address = reader.text();
  if (address.length > addressLengthMax) throw new MalformedBytes("an address is too long");
  return address;
}
