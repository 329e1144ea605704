// A connection to a server that speaks Redis's protocol, for programs that write to it: requests go
// out one behind the other, replies are told in that order, and what waits for a reply is bounded.
//
// Replies are statuses and errors; anything else ends the connection. Left out: TLS.

import { connect, type Socket } from "node:net";
import { type Bytes, utf8 } from "../base/bytes.js";

/** Bytes and requests on their way; whoever pushes more waits. */
const pendingBytesMax = 4 * 1024 * 1024;
const pendingCountMax = 1000;
const replyBytesMax = 64 * 1024;

/** Why a request was refused: the server's words, or undefined when it was done. */
export type LinkReply = (error: string | undefined) => void;

interface Pending {
  readonly bytes: number;
  readonly reply: LinkReply;
}

export class RedisLink {
  readonly #socket: Socket;
  readonly #pending: Pending[] = [];
  #first = 0;
  #pendingBytes = 0;
  #input: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #waiting: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server has closed the connection")));
  }

  /** @throws the system's error when nobody listens there. */
  static connect(host: string, port: number): Promise<RedisLink> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new RedisLink(socket));
      });
    });
  }

  /** Sends a request; resolves when there is room for more. @throws when the connection is gone. */
  async push(argv: readonly Bytes[], reply: LinkReply): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const head = argv.map((argument) => utf8(`\r\n$${argument.length}\r\n`));
    const parts: Bytes[] = [utf8(`*${argv.length}`)];
    for (const [index, argument] of argv.entries()) parts.push(head[index]!, argument);
    parts.push(utf8("\r\n"));
    const request = Buffer.concat(parts);
    this.#pending.push({ bytes: request.length, reply });
    this.#pendingBytes += request.length;
    this.#socket.write(request);
    await this.#until(
      () => this.#pendingBytes <= pendingBytesMax && this.#pendingCount < pendingCountMax,
    );
  }

  /** One request and its reply. @throws when the connection is gone, or with the server's words. */
  async call(...argv: readonly string[]): Promise<void> {
    let refusal: string | undefined;
    await this.push(argv.map(utf8), (error) => {
      refusal = error;
    });
    await this.drain();
    if (refusal !== undefined) throw new Error(refusal);
  }

  /** Resolves once everything is answered. @throws when the connection is gone. */
  drain(): Promise<void> {
    return this.#until(() => this.#pendingCount === 0);
  }

  close(): void {
    this.#failure ??= new Error("the connection was closed");
    this.#socket.destroy();
  }

  get #pendingCount(): number {
    return this.#pending.length - this.#first;
  }

  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  #onData(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    let at = 0;
    for (let end = 0; ; at = end + 2) {
      end = this.#input.indexOf("\r\n", at);
      if (end < 0) break;
      const line = this.#input.toString("utf8", at, end);
      if (!/^[+:-]/.test(line)) {
        this.#fail(new Error(`the server answers ${JSON.stringify(line.slice(0, 40))}`));
        return;
      }
      this.#answer(line.startsWith("-") ? line.slice(1) : undefined);
    }
    this.#input = this.#input.subarray(at);
    if (this.#input.length > replyBytesMax) this.#fail(new Error("the server answers no line"));
    this.#wake();
  }

  #answer(error: string | undefined): void {
    const next = this.#pending[this.#first++];
    if (next === undefined) {
      this.#fail(new Error("the server answers what nobody asked"));
      return;
    }
    if (this.#first === pendingCountMax) this.#pending.splice(0, this.#first);
    this.#first %= pendingCountMax;
    this.#pendingBytes -= next.bytes;
    next.reply(error);
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
