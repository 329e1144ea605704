// A proxy in front of redis-server that tells one lie, for the self-test of the differential test:
// a judge that has never convicted anybody proves nothing. Each lie is one that a real server has
// told.

import { connect, createServer, type Server, type Socket } from "node:net";
import { frameEnd } from "./resp-client.js";

export interface Lie {
  readonly name: string;
  /** Changes a reply; requests pass untouched. */
  reply?(frame: Buffer): Buffer;
  /** Changes a request (one whole command). */
  request?(frame: Buffer): Buffer;
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const upper = (frame: Buffer): string => frame.toString("latin1").toUpperCase();

export const lies: readonly Lie[] = [
  {
    name: "a missing key reads as the empty string",
    reply: (frame) => (frame.equals(bytes("$-1\r\n")) ? bytes("$0\r\n\r\n") : frame),
  },
  {
    name: "a length beyond twenty is one too large",
    reply: (frame) => {
      const value = Number(/^:(\d+)\r\n$/.exec(frame.toString("latin1"))?.[1] ?? Number.NaN);
      return value > 20 && value < 1000 ? bytes(`:${value + 1}\r\n`) : frame;
    },
  },
  {
    name: "an error says it in other words",
    reply: (frame) =>
      frame[0] === 0x2d
        ? bytes(frame.toString("latin1").replace("not an integer", "no integer"))
        : frame,
  },
  {
    name: "an error of syntax is taken for a success",
    reply: (frame) => (frame.equals(bytes("-ERR syntax error\r\n")) ? bytes("+OK\r\n") : frame),
  },
  {
    name: "KEEPTTL is forgotten, which only the final state shows",
    request: (frame) =>
      upper(frame).includes("KEEPTTL")
        ? bytes(
            frame.toString("latin1").replace("$7\r\nKEEPTTL\r\n", "$2\r\nPX\r\n$5\r\n70000\r\n"),
          )
        : frame,
  },
  {
    name: "MSETNX acts although a key exists",
    request: (frame) =>
      bytes(frame.toString("latin1").replace("$6\r\nMSETNX\r\n", "$4\r\nMSET\r\n")),
  },
  {
    name: "the reply to APPEND is sent twice",
    request: (frame) =>
      upper(frame).includes("$6\r\nAPPEND\r\n")
        ? Buffer.concat([frame, bytes("*2\r\n$6\r\nSTRLEN\r\n$1\r\na\r\n")])
        : frame,
  },
];

/**
 * Cuts a stream into frames and passes each through `change`. Requests and replies share the
 * framing.
 */
function relay(from: Socket, to: Socket, change: (frame: Buffer) => Buffer): void {
  let pending = Buffer.alloc(0);
  from.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    const changed: Buffer[] = [];
    for (;;) {
      const end = pending.length === 0 ? -1 : frameEnd(pending, 0);
      if (end < 0) break;
      changed.push(change(pending.subarray(0, end)));
      pending = pending.subarray(end);
    }
    if (changed.length > 0) to.write(Buffer.concat(changed));
  });
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroy());
}

export interface Proxy {
  readonly port: number;
  close(): void;
}

export function startProxy(target: number, lie: Lie): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
    }
    relay(client, upstream, lie.request ?? ((frame) => frame));
    relay(upstream, client, lie.reply ?? ((frame) => frame));
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
