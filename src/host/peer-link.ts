// One way out to a peer: dials an address, says hello, and from the welcome on carries frames. It
// dials again for as long as it is wanted, after a pause that doubles up to `pauseMsMax` and is
// drawn at random around that, so that a cluster does not dial in step after a cut.
//
// Every `beatMs` an empty frame goes out and must come back: a link that is silent for
// `silentMsMax` is given up, for TCP alone would notice a cut after many minutes. What the peer
// does not take is bounded by `queueBytesMax`; a frame beyond that is dropped and counted, and
// repair brings what it carried.

import { lookup } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import type { Bytes } from "../base/bytes.js";
import { FrameReader, lengthPrefix, signOfLife, withLength } from "../wire/peer-frames.js";
import {
  decodeWelcome,
  handshakeBytesMax,
  type Refusal,
  type Welcome,
} from "../wire/peer-handshake.js";

export interface PeerTiming {
  readonly connectMsMax: number;
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  readonly beatMs: number;
  readonly silentMsMax: number;
}

export const defaultPeerTiming: PeerTiming = {
  connectMsMax: 2_000,
  pauseMsMin: 50,
  pauseMsMax: 1_000,
  beatMs: 500,
  silentMsMax: 2_500,
};

/** What may wait for a peer that does not take it. */
export const queueBytesMax = 16 * 1024 * 1024;
/** Up to this size copying a frame is cheaper than writing its length apart. */
const copiedBytesMax = 16 * 1024;

export interface LinkCounters {
  dials: number;
  failedDials: number;
  /** Dials that reached a node which would not have us. */
  refusedDials: number;
  lastRefusal: string;
  silentLinks: number;
  droppedFrames: number;
  sentFrames: number;
  sentBytes: number;
}

export interface LinkPorts {
  readonly hello: () => Bytes;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly timing: PeerTiming;
  readonly counters: LinkCounters;
  /** A node answered. False: there is another link to it, or it is this node itself. */
  readonly opened: (link: PeerLink, name: string, incarnation: number) => boolean;
  readonly closed: (link: PeerLink) => void;
  /** A node answered that it will not have this one. */
  readonly refused: (link: PeerLink, reason: Refusal) => void;
}

export class PeerLink {
  readonly address: string;
  /** Whom the link reaches, once that is known. */
  name = "";
  incarnation = 0;
  isOpen = false;
  /** The address leads to this node itself: there is nobody to talk to. */
  isSelf = false;
  readonly #ports: LinkPorts;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #attempts = 0;
  #heardMs = 0;
  #lookedMs = 0;
  #isStopped = false;

  constructor(address: string, ports: LinkPorts) {
    this.address = address;
    this.#ports = ports;
    this.#dialAfter(0);
  }

  get waitingBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  /**
   * Sends a frame that is in pieces; false when it cannot. @param done called when the bytes are
   * needed no more, sent or not.
   */
  send(pieces: readonly Bytes[], done: () => void): boolean {
    const socket = this.#socket;
    const { counters } = this.#ports;
    if (socket === undefined || !this.isOpen || socket.writableLength > queueBytesMax) return false;
    counters.sentFrames++;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    counters.sentBytes += length + signOfLife.length;
    if (pieces.length === 1 && length <= copiedBytesMax) {
      socket.write(withLength(pieces[0]!));
      done();
      return true;
    }
    socket.cork();
    socket.write(lengthPrefix(length));
    pieces.forEach((piece, i) => {
      socket.write(piece, i === pieces.length - 1 ? done : undefined);
    });
    socket.uncork();
    return true;
  }

  // ---- dialling

  #dialAfter(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#dial(), ms);
  }

  #pauseMs(): number {
    const { pauseMsMin, pauseMsMax } = this.#ports.timing;
    const usual = Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(this.#failures, 16));
    return usual * (0.5 + this.#ports.random());
  }

  async #dial(): Promise<void> {
    const cut = this.address.lastIndexOf(":");
    const name = this.address.slice(0, cut).replace(/^\[|\]$/g, "");
    this.#ports.counters.dials++;
    try {
      // Several nodes may have one name: each attempt takes the next address.
      const found = await lookup(name, { all: true });
      if (this.#isStopped) return;
      const host = found[this.#attempts++ % found.length]?.address ?? name;
      this.#connect(host, Number(this.address.slice(cut + 1)));
    } catch {
      this.#fail();
    }
  }

  #fail(): void {
    this.#ports.counters.failedDials++;
    this.#failures++;
    this.#dialAfter(this.#pauseMs());
  }

  #connect(host: string, port: number): void {
    const { timing, hello } = this.#ports;
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    const reader = new FrameReader(handshakeBytesMax);
    // Until the welcome the dial as a whole has its time; afterwards signs of life count.
    const giveUp = setTimeout(() => socket.destroy(), timing.connectMsMax);
    socket.on("error", () => socket.destroy());
    socket.on("connect", () => socket.write(withLength(hello())));
    socket.on("data", (chunk: Buffer) => {
      this.#heardMs = this.#ports.now();
      reader.push(chunk, (frame) => {
        if (this.isOpen) return frame.length === 0;
        clearTimeout(giveUp);
        return this.#onWelcome(socket, decodeWelcome(frame));
      });
      if (reader.isBroken) socket.destroy();
    });
    socket.on("close", () => {
      clearTimeout(giveUp);
      this.#onClose();
    });
  }

  #onWelcome(socket: Socket, welcome: Welcome): boolean {
    const { counters, now } = this.#ports;
    if (welcome.kind === "refused") {
      counters.refusedDials++;
      counters.lastRefusal = `${this.address} ${welcome.reason}`;
      this.#failures = Math.max(this.#failures, 4);
      this.#ports.refused(this, welcome.reason);
      return false;
    }
    this.name = welcome.name;
    this.incarnation = welcome.incarnation;
    if (!this.#ports.opened(this, welcome.name, welcome.incarnation)) {
      // Looked at again now and then: another node may answer here.
      this.#failures = Math.max(this.#failures, 8);
      return false;
    }
    this.#failures = 0;
    this.isOpen = true;
    this.#heardMs = now();
    this.#lookedMs = this.#heardMs;
    socket.setKeepAlive(true, 10_000);
    return true;
  }

  #onClose(): void {
    this.#socket = undefined;
    if (this.isOpen) {
      this.isOpen = false;
      this.#ports.closed(this);
      this.#dialAfter(this.#pauseMs());
      return;
    }
    if (this.#isStopped) return;
    if (this.isSelf) this.stop();
    else this.#fail();
  }

  /** To be called every `beatMs`. */
  beat(nowMs: number): void {
    const socket = this.#socket;
    if (socket === undefined || !this.isOpen) return;
    const { timing, counters } = this.#ports;
    // A late call is this process's own pause, during which it could not hear.
    const gapMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (gapMs > 2 * timing.beatMs) this.#heardMs = nowMs;
    if (nowMs - this.#heardMs > timing.silentMsMax) {
      counters.silentLinks++;
      socket.destroy();
    } else if (socket.writableLength <= queueBytesMax) socket.write(signOfLife);
  }
}
