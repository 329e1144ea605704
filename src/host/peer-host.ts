// The TCP side of a cluster: listens for peers, keeps a link to each node that the node wants to
// talk to (peer-link.ts), and hands over what arrives. Connections are told apart by the node at
// their other end, never by address.
//
// Nothing that arrives is trusted: a connection that does not begin with a hello of this cluster is
// told why and closed; a frame that cannot be read, or that speaks in another node's name, closes
// its connection. Each is counted, none has an effect.

import { createServer, type Server, type Socket } from "node:net";
import type { Bytes } from "../base/bytes.js";
import { LeasedMemory } from "../base/leased-memory.js";
import type { Shards } from "../keyspace/shards.js";
import type { PeerMessage } from "../node/messages.js";
import type { Node } from "../node/node.js";
import {
  decodeFrame,
  type EncodedMessage,
  encodeFramePieces,
  encodePeerMessage,
} from "../wire/peer-codec.js";
import { FrameReader, signOfLife, withLength } from "../wire/peer-frames.js";
import {
  decodeHello,
  encodeHello,
  encodeWelcome,
  type Hello,
  handshakeBytesMax,
  type Refusal,
  type Welcome,
} from "../wire/peer-handshake.js";
import { frameBytesHigh, messageBytesMax, PeerOutbox } from "../wire/peer-outbox.js";
import { defaultPeerTiming, type LinkCounters, PeerLink, type PeerTiming } from "./peer-link.js";

/** Connections from peers at once, those without a hello included. */
const connectionCountMax = 512;
/** A new connection has so long to say hello. */
const helloMsMax = 3_000;
/** A peer that says nothing at all for so long is gone. */
const idleMsMax = 10_000;
/** Signs of life that may wait for a peer that does not read. */
const echoBytesMax = 4_096;
/** A frame holds what one turn had to say: one message of any size, or several small ones. */
const frameBytesMax = frameBytesHigh + messageBytesMax + 1_024;

export interface PeerHostOptions {
  readonly hello: Hello;
  readonly now: () => number;
  readonly random: () => number;
  readonly timing?: Partial<PeerTiming>;
  /** Told when a node at an address will not have this one. */
  readonly onRefused?: (address: string, reason: Refusal, isServing: boolean) => void;
}

interface Frame {
  readonly pieces: readonly Bytes[];
  readonly messages: readonly EncodedMessage[];
}

interface Guest {
  readonly socket: Socket;
  readonly reader: FrameReader;
  hello: Hello | undefined;
  isRefused: boolean;
  heardMs: number;
}

export interface PeerCounters extends LinkCounters {
  acceptedConnections: number;
  /** Connections without a hello that could be honoured, by reason. */
  readonly refused: Partial<Record<Refusal, number>>;
  /** Frames that could not be read; their connection is closed. */
  malformedFrames: number;
  /** Messages in another node's name; likewise. */
  forgedMessages: number;
  idleConnections: number;
  receivedFrames: number;
  receivedBytes: number;
}

export class PeerHost {
  readonly counters: PeerCounters = {
    dials: 0,
    failedDials: 0,
    refusedDials: 0,
    lastRefusal: "",
    silentLinks: 0,
    droppedFrames: 0,
    sentFrames: 0,
    sentBytes: 0,
    acceptedConnections: 0,
    refused: {},
    malformedFrames: 0,
    forgedMessages: 0,
    idleConnections: 0,
    receivedFrames: 0,
    receivedBytes: 0,
  };
  hello: Hello;
  /** Called after each input, as for the clients' host. */
  onTurn: (() => void) | undefined;
  readonly outbox: PeerOutbox<Frame>;
  readonly #options: PeerHostOptions;
  readonly #timing: PeerTiming;
  readonly #guests = new Set<Guest>();
  /** By address. */
  readonly #links = new Map<string, PeerLink>();
  /** Open links by the name of the node they reach. */
  readonly #open = new Map<string, PeerLink>();
  /** Of long messages until the system has taken them, and of long frames while they come. */
  readonly #memory = new LeasedMemory();
  #lastMessage: PeerMessage["message"] | undefined;
  #lastEncoded: EncodedMessage | undefined;
  #node: Node | undefined;
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PeerHostOptions) {
    this.#options = options;
    this.hello = options.hello;
    this.#timing = { ...defaultPeerTiming, ...options.timing };
    this.outbox = new PeerOutbox(
      (to, frame) => this.#sendFrame(to, frame),
      (callback) => setImmediate(callback),
      (messages) => ({ pieces: encodeFramePieces(messages), messages }),
    );
  }

  /** Listens; answers the port. @throws the system's error. */
  listen(host: string, port: number): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.removeListener("error", reject);
        server.on("error", () => {}); // One connection is lost, say; its peer dials again.
        this.#server = server;
        const bound = server.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : port);
      });
    });
  }

  attach(node: Node): void {
    this.#node = node;
    const clustering = node.clustering;
    if (clustering !== undefined) {
      clustering.onTargets = (addresses) => this.#dial(addresses);
      clustering.linkOf = (address) => {
        const link = this.#links.get(address);
        if (link === undefined) return undefined;
        return { name: link.name, isSelf: link.isSelf, isOpen: link.isOpen };
      };
      clustering.transport = () => this.#status();
    }
    this.#timer = setInterval(() => this.#beat(), this.#timing.beatMs);
    this.#dial(clustering?.targets() ?? []);
  }

  /** `NodeEffects.send`. */
  send = (to: string, message: PeerMessage): void => {
    if (this.#node === undefined || !this.#open.has(to)) {
      this.counters.droppedFrames++;
      return;
    }
    const encoded = this.#encode(message, this.#node.shards);
    encoded.lease?.hold();
    this.outbox.push(to, encoded);
  };

  /** What goes to several peers is encoded once. */
  #encode(message: PeerMessage, shards: Shards): EncodedMessage {
    if (message.kind !== "replication") return encodePeerMessage(message, shards);
    const isSame = this.#lastMessage === message.message;
    if (this.#lastEncoded === undefined || !isSame || this.#lastEncoded.lease?.isOver) {
      this.#lastMessage = message.message;
      this.#lastEncoded = encodePeerMessage(message, shards, this.#memory);
      // The next one is another one: nothing is kept alive beyond the turn.
      setImmediate(this.#forgetEncoded);
    }
    return this.#lastEncoded;
  }

  readonly #forgetEncoded = (): void => {
    this.#lastMessage = undefined;
    this.#lastEncoded = undefined;
  };

  #sendFrame(to: string, { pieces, messages }: Frame): void {
    const release = (): void => {
      for (const { lease } of messages) lease?.release();
    };
    const link = this.#open.get(to);
    if (link?.send(pieces, release)) return;
    this.counters.droppedFrames++;
    release();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.outbox.flush();
    for (const link of this.#links.values()) link.stop();
    for (const { socket } of this.#guests) socket.destroy();
    const server = this.#server;
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  // ---- links

  /** Keeps a link to each of these addresses and to no other. */
  #dial(addresses: readonly string[]): void {
    const wanted = new Set(addresses);
    for (const [address, link] of this.#links) {
      if (wanted.has(address)) continue;
      this.#links.delete(address);
      link.stop();
    }
    for (const address of wanted) {
      if (this.#links.has(address)) continue;
      const link = new PeerLink(address, {
        hello: () => encodeHello(this.hello),
        now: this.#options.now,
        random: this.#options.random,
        timing: this.#timing,
        counters: this.counters,
        opened: (each, name, incarnation) => this.#onOpened(each, name, incarnation),
        closed: (each) => this.#onClosed(each),
        refused: (each, reason) => this.#onRefused(each, reason),
      });
      this.#links.set(address, link);
    }
  }

  #onOpened(link: PeerLink, name: string, incarnation: number): boolean {
    if (name === this.hello.name) {
      // Ourselves; another process of our name is a mistake that membership shows.
      link.isSelf = incarnation === this.hello.incarnation;
      return false;
    }
    if (this.#open.has(name)) return false;
    this.#open.set(name, link);
    // Only once the link is marked as open can the node speak through it.
    setImmediate(() =>
      this.#turn((node) => {
        if (link.isOpen) node.clustering?.onLinked(name, incarnation, node.nowMs);
      }),
    );
    return true;
  }

  #onRefused({ address }: PeerLink, reason: Refusal): void {
    const isServing = this.#node?.clustering?.isServing ?? false;
    this.#options.onRefused?.(address, reason, isServing);
    if (reason !== "older_incarnation") return;
    setImmediate(() => this.#turn((node) => node.clustering?.onReplaced()));
  }

  #onClosed(link: PeerLink): void {
    if (this.#open.get(link.name) === link) this.#open.delete(link.name);
  }

  #beat(): void {
    const nowMs = this.#options.now();
    for (const link of this.#links.values()) link.beat(nowMs);
    for (const guest of this.#guests) {
      const limitMs = guest.hello === undefined ? helloMsMax : idleMsMax;
      if (nowMs - guest.heardMs <= limitMs) continue;
      this.counters.idleConnections++;
      guest.socket.destroy();
    }
  }

  // ---- guests: peers that dialled this node

  #accept(socket: Socket): void {
    this.counters.acceptedConnections++;
    socket.on("error", () => socket.destroy());
    const reader = new FrameReader(handshakeBytesMax, this.#memory);
    const guest: Guest = { socket, reader, hello: undefined, isRefused: false, heardMs: 0 };
    guest.heardMs = this.#options.now();
    if (this.#guests.size >= connectionCountMax) {
      this.#refuse(guest, "too_many");
      return;
    }
    this.#guests.add(guest);
    socket.on("close", () => this.#guests.delete(guest));
    socket.on("data", (chunk: Buffer) => this.#read(guest, chunk));
  }

  #read(guest: Guest, chunk: Buffer): void {
    guest.heardMs = this.#options.now();
    this.counters.receivedBytes += chunk.length;
    this.#turn((node) => {
      guest.reader.push(chunk, (frame) => {
        if (guest.hello === undefined) return this.#greet(node, guest, frame);
        if (frame.length === 0) this.#echo(guest);
        else return this.#receive(node, guest.hello, frame);
        return true;
      });
    });
    if (!guest.reader.isBroken) return;
    if (guest.hello !== undefined) guest.socket.destroy();
    else if (!guest.isRefused) this.#refuse(guest, "malformed");
  }

  #greet(node: Node, guest: Guest, frame: Bytes): boolean {
    const hello = decodeHello(frame);
    const refusal = typeof hello === "string" ? hello : this.#objection(node, hello);
    if (typeof hello === "string" || refusal !== undefined) {
      this.#refuse(guest, refusal ?? "malformed");
      return false;
    }
    // A node has one process: what an earlier one still has to say is void.
    for (const other of this.#guests) if (other.hello?.name === hello.name) other.socket.destroy();
    guest.hello = hello;
    guest.reader.frameBytesMax = frameBytesMax;
    const { name, incarnation } = this.hello;
    this.#answer(guest, { kind: "welcome", name, incarnation });
    if (name !== hello.name) node.clustering?.onHello(hello, node.nowMs);
    return true;
  }

  #objection(node: Node, hello: Hello): Refusal | undefined {
    const own = this.hello;
    if (hello.cluster !== own.cluster) return "other_cluster";
    if (hello.shardCount !== own.shardCount) return "other_shard_count";
    if (hello.replicationFactor !== own.replicationFactor) return "other_replication_factor";
    // A node that dials itself must learn that from the welcome.
    if (hello.name === own.name)
      return hello.incarnation === own.incarnation ? undefined : "own_name";
    const known = node.clustering?.membership.get(hello.name)?.incarnation ?? 0;
    return hello.incarnation < known ? "older_incarnation" : undefined;
  }

  #refuse(guest: Guest, reason: Refusal): void {
    guest.isRefused = true;
    const { refused } = this.counters;
    refused[reason] = (refused[reason] ?? 0) + 1;
    this.#answer(guest, { kind: "refused", reason });
    guest.socket.destroySoon();
  }

  #answer({ socket }: Guest, welcome: Welcome): void {
    socket.write(withLength(encodeWelcome(welcome)));
  }

  #echo({ socket }: Guest): void {
    if (socket.writableLength <= echoBytesMax) socket.write(signOfLife);
  }

  #receive(node: Node, hello: Hello, frame: Bytes): boolean {
    this.counters.receivedFrames++;
    const decoded = decodeFrame(frame, node.shards);
    if (!decoded.ok) {
      this.counters.malformedFrames++;
      return false;
    }
    for (const message of decoded.value) {
      if (!node.receivePeer(hello.name, message, hello.incarnation)) {
        this.counters.forgedMessages++;
        return false;
      }
    }
    return true;
  }

  #turn(work: (node: Node) => void): void {
    const node = this.#node;
    if (node === undefined) return;
    node.beginTurn(this.#options.now());
    work(node);
    this.onTurn?.();
  }

  #status(): Record<string, string | number> {
    const { refused, ...figures } = this.counters;
    const refusals = Object.entries(refused).map(([reason, count]) => `${reason}=${count}`);
    let waiting = 0;
    for (const link of this.#links.values()) waiting += link.waitingBytes;
    return {
      open_links: this.#open.size,
      guests: this.#guests.size,
      waiting_bytes: waiting,
      oversized_messages: this.outbox.oversized,
      ...figures,
      refused_connections: refusals.join(","),
    };
  }
}
