// The Redis listener: sockets in front of a node. One 64 KiB read buffer serves every connection,
// and each read's replies leave in one write (hot-path.md).
//
// Node's server offers no way to read into one's own buffer, but the handle of an accepted, still
// paused socket can be given to a new `net.Socket` that has `onread`. That leans on an undocumented
// field, so the ordinary `data` events are kept as a fallback, tested alike, and chosen when the
// field is missing or when told to.
//
// A connection that always has more to say gives way to the others after `fullReadsMax` reads. One
// that closes has `closingMsMax` to take what was written to it.

import { createServer, type Server, Socket } from "node:net";
import type { Session } from "../commands/session.js";
import type { ClientEffects } from "../node/effects.js";
import type { Node } from "../node/node.js";
import { ClientInput } from "../wire/client-input.js";
import { listenOnce, turnAway } from "./listening.js";
import { RawStream, RawStreams } from "./raw-stream.js";
import { type Reader, ReadModeration } from "./read-moderation.js";
import { InputStage, OutputStage } from "./turn-stage.js";

/** Size of the shared read buffer; also what Node reads at once for `data` events. */
const readBytesUsual = 64 * 1024;
/** Reads that fill the buffer, one after another, before the other connections have their turn. */
const fullReadsMax = 4;
/** Fewer reads in a turn than this are not worth staging; so many such turns in a row show it. */
const stagedReadsMin = 3;
const sparseTurnsMax = 4;
/** Reads worked on at once, before turns are looked at again. */
const directReads = 256;
/** A closing connection that takes nothing of its replies for so long is dropped. */
const closingMsMax = 10_000;
/** How long replies may leave after the node was told to stop. */
const stopMsMax = 1000;

export interface TcpHostOptions {
  /**
   * Addresses to listen on, all on one port. One with a dash before it is left out where the
   * machine does not have it.
   */
  readonly bind: string | readonly string[];
  readonly port: number;
  /** When the port is taken, try the next ones, up to this many. 0: fail. */
  readonly portTries: number;
  /**
   * "raw" reads and writes through the handle, "shared" reads through it, "events" by `data`
   * events, "auto" takes the first of them that works.
   */
  readonly reading?: "auto" | "raw" | "shared" | "events";
}

export interface TcpHostSettings {
  /** Size of the read buffer that all connections share. */
  readonly readBytes?: number;
  /** Unread replies beyond this close a connection, whatever `client-output-buffer-limit` says. */
  readonly outputBytesMax?: number;
}

interface HandleSocket extends Socket {
  _handle?: unknown;
}

/** Reads the clock: Unix milliseconds, with a fraction where it has one. */
export type Now = () => number;

interface Connection extends Reader {
  readonly session: Session;
  readonly socket: Socket;
  /** The socket's handle, where it can be used without the socket's own methods. */
  raw: RawStream | undefined;
  /** Its slot in the output stage while replies are staged; -1: none. */
  slot: number;
  /** Reads in a row that filled the buffer. */
  fullReads: number;
  /** While the connection closes: since when it has taken nothing, and what was left then. */
  closingSinceMs: number;
  closingBytes: number;
}

export class TcpHost implements ClientEffects {
  readonly #connections = new Map<number, Connection>();
  readonly #closing = new Set<Connection>();
  readonly #shared: Uint8Array;
  readonly #now: Now;
  readonly #options: TcpHostSettings;
  readonly #reads: InputStage<Connection>;
  readonly #output = new OutputStage<Connection>();
  readonly #moderation = new ReadModeration();
  /** Turns in a row with few reads, and how many reads are not staged because of them. */
  #sparseTurns = 0;
  #directLeft = 0;
  /** Replies are staged: reads are being worked on. */
  #isStaging = false;
  /** Reads of this turn that were worked on so far, and whether its end is waited for. */
  #turnReads = 0;
  #isTurnOpen = false;
  /** The connection that was read last: most replies are for it. */
  #current: Connection | undefined;
  #servers: Server[] = [];
  #node!: Node;
  #input!: ClientInput;
  #isShared = true;
  #raw: RawStreams | undefined;
  #careTimer: NodeJS.Timeout | undefined;
  onShutdown: ((save: boolean) => void) | undefined;
  /** Called after each read, while the node may have an open batch to close. */
  onTurn: (() => void) | undefined;
  /**
   * Connections turned away because there were too many, or because the system had no more files.
   */
  rejected = 0;
  failedAccepts = 0;

  constructor(now: Now, options: TcpHostSettings = {}) {
    this.#now = now;
    this.#options = options;
    this.#shared = new Uint8Array(options.readBytes ?? readBytesUsual);
    this.#reads = new InputStage(this.#shared);
  }

  attach(node: Node): void {
    this.#node = node;
    this.#input = new ClientInput(node, this, this.#options);
  }

  // ---- listening

  /** Listens; answers the port. @throws the system's error when no port could be had. */
  async listen(options: TcpHostOptions): Promise<number> {
    this.#isShared = options.reading !== "events";
    const mayBeRaw = this.#isShared && options.reading !== "shared";
    this.#raw = mayBeRaw ? RawStreams.find() : undefined;
    const addresses = typeof options.bind === "string" ? [options.bind] : options.bind;
    for (let tries = 0; ; tries++) {
      const port = options.port === 0 ? 0 : options.port + tries;
      try {
        return await this.#listenOn(addresses, port);
      } catch (error) {
        // A free port of the first address may be taken on the second.
        const triesMax = options.port === 0 ? addresses.length : options.portTries;
        const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!isTaken || tries >= triesMax || port >= 65_535) throw error;
      }
    }
  }

  async #listenOn(addresses: readonly string[], port: number): Promise<number> {
    const servers: Server[] = [];
    let own = port;
    try {
      for (const address of addresses) {
        const server = createServer({ pauseOnConnect: this.#isShared, noDelay: true }, (socket) =>
          this.#accept(socket),
        );
        const bound = await listenOnce(server, own, address, addresses.length > 1);
        if (bound === undefined) continue;
        servers.push(server);
        own = bound;
        // The system has no more files, say: one connection is lost, the node goes on.
        server.on("error", () => this.failedAccepts++);
      }
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
    this.#servers.push(...servers);
    return own;
  }

  #accept(accepted: Socket): void {
    const node = this.#node as Node | undefined;
    if (node === undefined) {
      turnAway(accepted, "-LOADING Skerry is reading what it had stored\r\n");
      return;
    }
    node.beginTurn(this.#now());
    const { settings, statistics } = node.environment;
    if (node.sessions.size >= settings.number("maxclients")) {
      this.rejected++;
      statistics.rejectedConnections++;
      turnAway(accepted, "-ERR max number of clients reached\r\n");
      return;
    }
    const address = `${accepted.remoteAddress}:${accepted.remotePort}`;
    const local = `${accepted.localAddress}:${accepted.localPort}`;
    this.#open(accepted, node.openSession(address, local));
  }

  #open(accepted: Socket, session: Session): void {
    const connection: Connection = {
      session,
      socket: this.#isShared ? this.#adopt(accepted, session.id) : accepted,
      raw: undefined,
      slot: -1,
      readWindow: 0,
      fullReads: 0,
      closingSinceMs: 0,
      closingBytes: 0,
    };
    const { socket } = connection;
    if (this.#raw !== undefined && this.#isShared) {
      connection.raw = RawStream.adopt(
        this.#raw,
        socket,
        (count) => this.#readRaw(connection, count),
        () => this.#drained(session),
      );
    }
    this.#connections.set(session.id, connection);
    const keepAliveS = this.#node.environment.settings.number("tcp-keepalive");
    if (keepAliveS > 0) socket.setKeepAlive(true, keepAliveS * 1000);
    socket.on("error", () => socket.destroy());
    socket.on("drain", () => this.#drained(session));
    // A client that has said all is gone, also when it could still listen.
    socket.on("end", () => this.close(session));
    socket.on("close", () => this.#closed(connection));
    if (socket === accepted) {
      socket.on("data", (chunk: Buffer) => this.#read(connection, chunk, chunk.length));
    }
    socket.resume();
  }

  /**
   * A socket on the same handle that reads into the shared buffer; the accepted one when that
   * cannot be.
   */
  #adopt(accepted: HandleSocket, id: number): Socket {
    const handle = accepted._handle;
    if (handle === undefined || handle === null) {
      this.#isShared = false;
      return accepted;
    }
    const options = {
      handle,
      noDelay: true,
      onread: {
        buffer: this.#shared,
        callback: (count: number, buffer: Uint8Array): boolean => {
          const connection = this.#connections.get(id);
          if (connection !== undefined) this.#read(connection, buffer, count);
          return true;
        },
      },
    };
    const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
    // The accepted socket must not close the handle that it no longer owns; destroyed, it no longer
    // counts as a connection of the server, which would wait for it when it stops.
    accepted._handle = null;
    accepted.destroy();
    return socket;
  }

  // ---- input

  /** Reads that wait for the end of the turn. */
  get hasReads(): boolean {
    return this.#reads.count > 0;
  }

  /**
   * A small read waits for the others of the turn. A large one is worked on at once, and only its
   * replies wait: who sleeps until it is answered is woken once for all its connections then.
   */
  #readRaw(connection: Connection, count: number): void {
    const reads = this.#reads;
    this.#moderation.note(connection, count, this.#node.nowMs);
    if (this.#directLeft > 0 && !this.#moderation.isBusy) {
      this.#directLeft--;
      this.#read(connection, this.#shared, count);
      return;
    }
    if (!this.#isTurnOpen) {
      this.#isTurnOpen = true;
      setImmediate(this.#endTurn);
    }
    if (reads.tryPush(connection, count)) return;
    this.#workOnReads();
    if (connection.closingSinceMs > 0) return;
    this.#isStaging = true;
    this.#read(connection, this.#shared, count);
    this.#isStaging = false;
    this.#turnReads++;
  }

  /** Works on the reads that wait; their replies are staged. */
  #workOnReads(): void {
    const reads = this.#reads;
    const { count } = reads;
    if (count === 0 || this.#isStaging) return;
    this.#isStaging = true;
    this.#node.beginTurn(this.#now());
    const { bytes, starts } = reads;
    this.#node.dispatcher.turn.load(this.#node.keyspace, bytes, reads.words, starts, count);
    for (let i = 0; i < count; i++) {
      const connection = reads.takeOrigin(i);
      connection.fullReads = 0;
      this.#current = connection;
      if (connection.session.closeAfterReply) continue;
      this.#input.receive(connection.session, bytes, starts[i]!, starts[i + 1]!);
    }
    reads.clear();
    this.#node.dispatcher.turn.end();
    this.#isStaging = false;
    this.#turnReads += count;
    if (this.onTurn !== undefined) this.onTurn();
  }

  /** Works on what is left of the turn, then sends its replies. */
  readonly #endTurn = (): void => {
    const waiting = this.#reads.count;
    this.#workOnReads();
    this.#isTurnOpen = false;
    const count = this.#turnReads;
    this.#turnReads = 0;
    if (count >= stagedReadsMin) this.#sparseTurns = 0;
    else if (++this.#sparseTurns >= sparseTurnsMax) {
      this.#sparseTurns = 0;
      this.#directLeft = directReads;
    }
    this.#sendStaged();
    if (waiting > 0 && this.#node.pace.mayRest) this.#moderation.rest(waiting, this.#node.nowMs);
  };

  #sendStaged(): void {
    const output = this.#output;
    for (let slot = 0; slot < output.count; slot++) this.#writeSlot(output.targetOf(slot));
    output.clear();
  }

  /** Sends what is staged for a connection. */
  #writeSlot(connection: Connection): void {
    const { slot, raw, session } = connection;
    if (slot < 0) return;
    connection.slot = -1;
    if (this.#output.isEmpty(slot) || raw === undefined) return;
    if (raw.writeView(this.#output.take(slot))) this.#output.replaceBytes();
    session.unreadBytes = raw.unsentBytes;
  }

  #read(connection: Connection, bytes: Uint8Array, count: number): void {
    this.#current = connection;
    this.#node.beginTurn(this.#now());
    this.#input.receive(connection.session, bytes, 0, count);
    if (this.onTurn !== undefined) this.onTurn();
    if (count < Math.min(this.#shared.length, readBytesUsual)) connection.fullReads = 0;
    else if (++connection.fullReads >= fullReadsMax) this.#giveWay(connection);
  }

  /** The other connections have their turn before this one is read again. */
  #giveWay(connection: Connection): void {
    connection.fullReads = 0;
    const { session, socket } = connection;
    socket.pause();
    setImmediate(() => {
      if (!session.isInputPaused && connection.closingSinceMs === 0) socket.resume();
    });
  }

  #drained(session: Session): void {
    this.#workOnReads();
    this.#sendStaged();
    this.#node.beginTurn(this.#now());
    this.#input.drained(session);
    this.onTurn?.();
  }

  #closed(connection: Connection): void {
    this.#closing.delete(connection);
    if (this.#current === connection) this.#current = undefined;
    if (!this.#connections.delete(connection.session.id)) return;
    this.#node.beginTurn(this.#now());
    this.#node.closeSession(connection.session);
    this.onTurn?.();
  }

  // ---- effects

  write(session: Session, bytes: Uint8Array, length: number): boolean {
    let connection = this.#current;
    if (connection === undefined || connection.session !== session) {
      connection = this.#connections.get(session.id);
      if (connection === undefined) return false;
    }
    const { statistics } = this.#node.environment;
    statistics.writesProcessed++;
    statistics.outputBytes += length;
    const { raw } = connection;
    if (raw === undefined) return writeThrough(connection, bytes, length);
    if (connection.closingSinceMs > 0) return false;
    if (this.#isStaging) {
      if (connection.slot < 0) connection.slot = this.#output.tryOpen(connection, bytes, length);
      else if (!this.#output.tryAppend(connection.slot, bytes, length)) this.#writeSlot(connection);
      if (connection.slot >= 0) return false;
    } else this.#writeSlot(connection);
    const isKept = raw.write(bytes, length);
    session.unreadBytes = raw.unsentBytes;
    return isKept;
  }

  close(session: Session, atOnce = false): void {
    const connection = this.#connections.get(session.id);
    if (connection === undefined) return;
    const { socket } = connection;
    this.#writeSlot(connection);
    if (atOnce) socket.destroy();
    if (atOnce || connection.closingSinceMs > 0) return;
    connection.closingSinceMs = Math.max(1, this.#node.nowMs);
    session.closeAfterReply = true;
    // What else the client sends is refused by the system once the socket is gone.
    socket.pause();
    socket.destroySoon();
    if (socket.destroyed) return;
    this.#closing.add(connection);
    connection.closingBytes = unsentBytes(connection);
    this.#careTimer ??= setInterval(() => this.#careForClosing(), closingMsMax / 10);
  }

  /** Connections that close and take nothing any more are dropped. */
  #careForClosing(): void {
    const nowMs = this.#now();
    for (const connection of this.#closing) {
      const { socket } = connection;
      const unsent = unsentBytes(connection);
      if (unsent !== connection.closingBytes) {
        connection.closingBytes = unsent;
        connection.closingSinceMs = nowMs;
      } else if (nowMs - connection.closingSinceMs >= closingMsMax) socket.destroy();
    }
    if (this.#closing.size > 0) return;
    clearInterval(this.#careTimer);
    this.#careTimer = undefined;
  }

  pause(session: Session): void {
    this.#connections.get(session.id)?.socket.pause();
  }

  resume(session: Session): void {
    this.#connections.get(session.id)?.socket.resume();
  }

  stall(micros: number): void {
    // DEBUG SLEEP means that the node, all of it, does nothing.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, micros / 1000);
  }

  shutdown(save: boolean): void {
    this.onShutdown?.(save);
  }

  /** Takes no more connections and reads no more: what was read is answered. */
  quiesce(): void {
    for (const server of this.#servers) server.close();
    for (const { socket } of this.#connections.values()) socket.pause();
  }

  /** Stops listening, lets written replies leave for a short while, then ends every connection. */
  async stop(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    this.#servers = [];
    const giveUp = setTimeout(() => {
      for (const { socket } of this.#connections.values()) socket.destroy();
    }, stopMsMax);
    const gone = [...this.#connections.values()].map(({ session, socket }) => {
      this.close(session);
      return new Promise<void>((resolve) => socket.once("close", () => resolve()));
    });
    await Promise.all([...closed, ...gone]);
    clearTimeout(giveUp);
    clearInterval(this.#careTimer);
  }
}

/** Writes by the socket's own method; answers whether the bytes must be left alone. */
function writeThrough({ socket, session }: Connection, bytes: Uint8Array, length: number): boolean {
  if (!socket.writable) return false;
  if (socket.writableLength > 0) {
    // Queued behind what is there: a copy of its own size, not a whole reply buffer, may wait.
    socket.write(bytes.slice(0, length));
    session.unreadBytes = socket.writableLength;
    return false;
  }
  // As a Buffer, for a stream makes one of anything else.
  socket.write(Buffer.from(bytes.buffer, bytes.byteOffset, length));
  session.unreadBytes = socket.writableLength;
  return session.unreadBytes > 0;
}

/** What was written to a connection and has not left. */
const unsentBytes = ({ socket, raw }: Connection): number =>
  raw === undefined ? socket.writableLength : raw.unsentBytes;
