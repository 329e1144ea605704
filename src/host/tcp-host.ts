// The Redis listener: sockets in front of a node. One 64 KiB read buffer serves every connection, and each read's
// replies leave in one write (hot-path.md).
//
// Node's server offers no way to read into one's own buffer, but the handle of an accepted, still paused socket can
// be given to a new `net.Socket` that has `onread`. That leans on an undocumented field, so the ordinary `data`
// events are kept as a fallback, tested alike, and chosen when the field is missing or when told to.

import { createServer, type Server, Socket } from "node:net";
import { outcome, type Session } from "../commands/session.js";
import type { ClientEffects } from "../node/effects.js";
import type { Node } from "../node/node.js";
import { ClientInput } from "../wire/client-input.js";

/** Size of the shared read buffer. */
export const readBytes = 64 * 1024;

export interface TcpHostOptions {
  readonly bind: string;
  readonly port: number;
  /** When the port is taken, try the next ones, up to this many. 0: fail. */
  readonly portTries: number;
  /** "shared" reads through the handle, "events" by `data` events, "auto" takes what works. */
  readonly reading?: "auto" | "shared" | "events";
}

interface HandleSocket extends Socket {
  _handle?: unknown;
}

/** Reads the clock: Unix milliseconds. */
export type Now = () => number;

export class TcpHost implements ClientEffects {
  readonly #sockets = new Map<number, Socket>();
  readonly #shared = new Uint8Array(readBytes);
  readonly #now: Now;
  readonly #servers: Server[] = [];
  #node!: Node;
  #input!: ClientInput;
  #isShared = true;
  onShutdown: ((save: boolean) => void) | undefined;
  /** Called after each read, while the node may have an open batch to close. */
  onTurn: (() => void) | undefined;
  rejected = 0;

  constructor(now: Now) {
    this.#now = now;
  }

  attach(node: Node): void {
    this.#node = node;
    this.#input = new ClientInput(node, this);
  }

  /** Listens; answers the port. @throws the system's error when no port could be had. */
  async listen(options: TcpHostOptions): Promise<number> {
    this.#isShared = options.reading !== "events";
    const server = createServer({ pauseOnConnect: this.#isShared, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
    this.#servers.push(server);
    for (let tries = 0; ; tries++) {
      try {
        return await listenOnce(server, options.port + tries, options.bind);
      } catch (error) {
        const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!isTaken || tries >= options.portTries) throw error;
      }
    }
  }

  #accept(accepted: Socket): void {
    const node = this.#node;
    node.beginTurn(this.#now());
    if (node.sessions.size >= node.environment.settings.number("maxclients")) {
      this.rejected++;
      node.environment.statistics.rejectedConnections++;
      accepted.end("-ERR max number of clients reached\r\n");
      return;
    }
    const address = `${accepted.remoteAddress}:${accepted.remotePort}`;
    const local = `${accepted.localAddress}:${accepted.localPort}`;
    const session = node.openSession(address, local);
    const socket = this.#isShared ? this.#adopt(accepted, session) : accepted;
    if (socket === accepted) {
      accepted.on("data", (chunk: Buffer) => this.#read(session, chunk, chunk.length));
      accepted.resume();
    }
    this.#sockets.set(session.id, socket);
    socket.setKeepAlive(true, 300_000);
    socket.on("error", () => socket.destroy());
    socket.on("drain", () => this.#drained(session));
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#closed(session));
  }

  /** A socket on the same handle that reads into the shared buffer; the accepted one when that cannot be. */
  #adopt(accepted: HandleSocket, session: Session): Socket {
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
          this.#read(session, buffer, count);
          return session.waiting === outcome.done || session.tailLength < readBytes;
        },
      },
    };
    const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
    // The accepted socket must not close the handle that it no longer owns.
    accepted._handle = null;
    socket.resume();
    return socket;
  }

  #read(session: Session, bytes: Uint8Array, count: number): void {
    this.#node.beginTurn(this.#now());
    this.#input.receive(session, bytes, 0, count);
    if (this.onTurn !== undefined) this.onTurn();
  }

  #drained(session: Session): void {
    this.#node.beginTurn(this.#now());
    this.#input.drained(session);
    this.onTurn?.();
  }

  #closed(session: Session): void {
    if (!this.#sockets.delete(session.id)) return;
    this.#node.beginTurn(this.#now());
    this.#node.closeSession(session);
    this.onTurn?.();
  }

  // ---- effects

  write(session: Session, bytes: Uint8Array, length: number): boolean {
    const socket = this.#sockets.get(session.id);
    if (socket === undefined || socket.destroyed) return false;
    this.#node.environment.statistics.outputBytes += length;
    if (socket.writableLength > 0) {
      // It will queue behind what is there: a copy of its own size, not a whole reply buffer, may wait.
      socket.write(bytes.slice(0, length));
      session.unreadBytes = socket.writableLength;
      return false;
    }
    socket.write(bytes.subarray(0, length));
    if (socket.writableLength === 0) return false;
    session.unreadBytes = socket.writableLength;
    return true;
  }

  close(session: Session): void {
    this.#sockets.get(session.id)?.end();
  }

  pause(session: Session): void {
    this.#sockets.get(session.id)?.pause();
  }

  resume(session: Session): void {
    this.#sockets.get(session.id)?.resume();
  }

  stall(micros: number): void {
    // DEBUG SLEEP means that the node, all of it, does nothing.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, micros / 1000);
  }

  shutdown(save: boolean): void {
    this.onShutdown?.(save);
  }

  /** Stops listening, then ends every connection. */
  async stop(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const socket of this.#sockets.values()) socket.destroySoon();
    await Promise.all(closed);
  }
}

function listenOnce(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: 511 }, () => {
      server.removeListener("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
