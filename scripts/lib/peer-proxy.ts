// A TCP proxy in front of one node's peer port, so that a test can cut the network without any
// privilege. It reads the hello of each connection to learn who dials, and asks for each pair of
// nodes whether they may talk. A cut freezes what is there, as a network that swallows packets
// does: connections stay open and nothing passes.

import { connect, createServer, type Server, type Socket } from "node:net";
import { FrameReader } from "../../src/wire/peer-frames.js";
import { decodeHello, handshakeBytesMax } from "../../src/wire/peer-handshake.js";

interface Passage {
  readonly inside: Socket;
  readonly outside: Socket;
  source: string;
}

export class PeerProxy {
  port = 0;
  /** Bytes that passed, both ways. */
  bytes = 0;
  readonly #name: string;
  readonly #targetPort: number;
  readonly #mayTalk: (from: string, to: string) => boolean;
  readonly #passages = new Set<Passage>();
  #server: Server | undefined;

  /** @param name of the node behind the proxy */
  constructor(name: string, targetPort: number, mayTalk: (from: string, to: string) => boolean) {
    this.#name = name;
    this.#targetPort = targetPort;
    this.#mayTalk = mayTalk;
  }

  listen(): Promise<number> {
    const server = createServer({ noDelay: true }, (outside) => this.#accept(outside));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        this.port = typeof address === "object" && address !== null ? address.port : 0;
        resolve(this.port);
      });
    });
  }

  #accept(outside: Socket): void {
    const inside = connect({ port: this.#targetPort, host: "127.0.0.1", noDelay: true });
    const passage: Passage = { inside, outside, source: "" };
    this.#passages.add(passage);
    const end = (): void => {
      this.#passages.delete(passage);
      inside.destroy();
      outside.destroy();
    };
    for (const socket of [inside, outside]) socket.on("error", end).on("close", end);
    const reader = new FrameReader(handshakeBytesMax);
    outside.on("data", (chunk: Buffer) => {
      if (passage.source === "") {
        reader.push(chunk, (frame) => {
          const hello = decodeHello(frame);
          passage.source = typeof hello === "string" ? "?" : hello.name;
          return false;
        });
        this.#regulate(passage);
      }
      this.#pass(chunk, inside);
    });
    inside.on("data", (chunk: Buffer) => this.#pass(chunk, outside));
  }

  #pass(chunk: Buffer, to: Socket): void {
    this.bytes += chunk.length;
    to.write(chunk);
  }

  /** Whoever may not talk is not read any more; what it sends waits in its own buffers. */
  #regulate({ inside, outside, source }: Passage): void {
    const isOpen = source === "" || this.#mayTalk(source, this.#name);
    for (const socket of [inside, outside]) {
      if (isOpen) socket.resume();
      else socket.pause();
    }
  }

  /** The rules have changed. */
  update(): void {
    for (const passage of this.#passages) this.#regulate(passage);
  }

  async stop(): Promise<void> {
    for (const { inside, outside } of this.#passages) {
      inside.destroy();
      outside.destroy();
    }
    await new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
  }
}
