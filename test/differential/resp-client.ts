// The smallest RESP2/RESP3 client that judges can trust: raw bytes out, raw frames in. It shares no
// line with the server's own codec, so an error made there is not repeated here. Replies stay byte
// for byte as they arrived; `parseReply` makes a tree only for the few replies whose order or time
// may differ. Left out: pushes are ordinary frames, and streamed RESP3 strings do not exist in
// Redis 7.0.

import { connect, type Socket } from "node:net";

export type Argument = string | Buffer;
export type Argv = readonly Argument[];

const replyTimeoutMs = 20_000;
const cr = 0x0d;

/** One command as an array of bulk strings; text arguments are latin1, one character per byte. */
export function encodeCommand(argv: Argv): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${argv.length}\r\n`, "latin1")];
  for (const argument of argv) {
    const bytes = typeof argument === "string" ? Buffer.from(argument, "latin1") : argument;
    parts.push(Buffer.from(`$${bytes.length}\r\n`, "latin1"), bytes, crlf);
  }
  return Buffer.concat(parts);
}
const crlf = Buffer.from("\r\n");

/**
 * Index just behind the frame that starts at `at`, or -1 when its end has not arrived. Throws on
 * nonsense.
 */
export function frameEnd(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf("\r\n", at, "latin1");
  if (lineEnd < 0) return -1;
  const next = lineEnd + 2;
  const type = String.fromCharCode(bytes[at]!);
  if ("+-:,#_(".includes(type)) return next;
  const count = Number(bytes.toString("latin1", at + 1, lineEnd));
  if (!Number.isInteger(count) || count < -1)
    throw new Error(`malformed reply ${JSON.stringify(bytes.toString("latin1", at, at + 60))}`);
  if ("$!=".includes(type)) {
    if (count < 0) return next;
    if (bytes.length < next + count + 2) return -1;
    if (bytes[next + count] !== cr) throw new Error("a bulk reply does not end where it said");
    return next + count + 2;
  }
  // A map has two frames per entry; attributes are followed by the reply they describe.
  const frames = type === "%" ? 2 * count : type === "|" ? 2 * count + 1 : count;
  if (!"*~>%|".includes(type)) throw new Error(`unknown reply type ${JSON.stringify(type)}`);
  let end = next;
  for (let i = 0; i < frames; i++) {
    end = frameEnd(bytes, end);
    if (end < 0) return -1;
  }
  return end;
}

/** A reply as a tree: the type character, the text of a leaf, the items of an aggregate. */
export interface Reply {
  readonly type: string;
  /** Undefined for a null and for aggregates. */
  readonly text?: string;
  readonly items?: readonly Reply[];
}

export function parseReply(frame: Buffer): Reply {
  return parseAt(frame, 0).reply;
}

function parseAt(bytes: Buffer, at: number): { reply: Reply; end: number } {
  const type = String.fromCharCode(bytes[at]!);
  const lineEnd = bytes.indexOf("\r\n", at, "latin1");
  const line = bytes.toString("latin1", at + 1, lineEnd);
  const next = lineEnd + 2;
  if ("+-:,#(".includes(type)) return { reply: { type, text: line }, end: next };
  const count = Number(line);
  if (type === "_" || count < 0) return { reply: { type }, end: next };
  if ("$!=".includes(type)) {
    const text = bytes.toString("latin1", next, next + count);
    return { reply: { type, text }, end: next + count + 2 };
  }
  const items: Reply[] = [];
  let end = next;
  for (let i = 0; i < (type === "%" ? 2 * count : count); i++) {
    const item = parseAt(bytes, end);
    items.push(item.reply);
    end = item.end;
  }
  return { reply: { type, items }, end };
}

/** The connection ended or fell silent while replies were awaited. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

export class RespConnection {
  readonly #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #frames: Buffer[] = [];
  #wanted = 0;
  #wake: (() => void) | null = null;
  #ended: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("error", (error) => this.#onEnd(error));
    socket.on("close", () => this.#onEnd(new ConnectionLost("the server closed the connection")));
  }

  static connect(port: number, host = "127.0.0.1"): Promise<RespConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RespConnection(socket));
      });
    });
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next `count` replies as raw frames. One caller at a time. */
  async receive(count: number, timeoutMs = replyTimeoutMs): Promise<Buffer[]> {
    this.#wanted = count;
    if (this.#frames.length < count && this.#ended === null) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.#ended ??= new ConnectionLost(`no reply for ${timeoutMs} ms`);
          resolve();
        }, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    if (this.#frames.length < count) throw this.#ended ?? new ConnectionLost("woken too early");
    return this.#frames.splice(0, count);
  }

  /** Sends all commands in one write and returns their replies. */
  exchange(commands: readonly Argv[], timeoutMs?: number): Promise<Buffer[]> {
    this.send(Buffer.concat(commands.map(encodeCommand)));
    return this.receive(commands.length, timeoutMs);
  }

  async call(...argv: Argument[]): Promise<Reply> {
    return parseReply((await this.exchange([argv]))[0]!);
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    try {
      while (at < bytes.length) {
        const end = frameEnd(bytes, at);
        if (end < 0) break;
        this.#frames.push(bytes.subarray(at, end));
        at = end;
      }
    } catch (error) {
      this.#onEnd(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#pending = bytes.subarray(at);
    if (this.#frames.length >= this.#wanted) this.#wake?.();
  }

  #onEnd(error: Error): void {
    this.#ended ??= error;
    this.#socket.destroy();
    this.#wake?.();
  }
}
