// What a node has to say to its peers in this turn: one frame per peer, sent when the turn's input
// is used up. The fewer messages a network counts, the better; and what belongs together arrives
// together.

import type { Bytes } from "../base/bytes.js";
import type { EncodedMessage } from "./peer-codec.js";

/** A frame that has grown to this leaves before the turn ends. */
export const frameBytesHigh = 1024 * 1024;
/** A single message above this is dropped and counted: no peer would read so long a line. */
export const messageBytesMax = 8 * 1024 * 1024;

interface Waiting {
  messages: EncodedMessage[];
  bytes: number;
}

/** @typeParam Frame what the way to a peer takes: bytes, or pieces of them. */
export class PeerOutbox<Frame = Bytes> {
  oversized = 0;
  readonly #send: (to: string, frame: Frame) => void;
  readonly #defer: (callback: () => void) => void;
  readonly #encode: (messages: readonly EncodedMessage[]) => Frame;
  /** In the order in which peers were first spoken to in this turn. */
  #waiting = new Map<string, Waiting>();

  constructor(
    send: (to: string, frame: Frame) => void,
    defer: (callback: () => void) => void,
    encode: (messages: readonly EncodedMessage[]) => Frame,
  ) {
    this.#send = send;
    this.#defer = defer;
    this.#encode = encode;
  }

  push(to: string, encoded: EncodedMessage): void {
    const { length } = encoded.bytes;
    if (length > messageBytesMax) {
      this.oversized++;
      return;
    }
    if (this.#waiting.size === 0) this.#defer(() => this.flush());
    let waiting = this.#waiting.get(to);
    if (waiting === undefined) {
      waiting = { messages: [], bytes: 0 };
      this.#waiting.set(to, waiting);
    } else if (waiting.bytes + length > frameBytesHigh) {
      this.#send(to, this.#encode(waiting.messages));
      waiting.messages = [];
      waiting.bytes = 0;
    }
    waiting.messages.push(encoded);
    waiting.bytes += length;
  }

  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    let last: readonly EncodedMessage[] = [];
    let frame: Frame | undefined;
    for (const [to, { messages }] of waiting) {
      // Peers that are told the same get the same bytes.
      if (frame === undefined || !isSame(messages, last)) frame = this.#encode(messages);
      last = messages;
      this.#send(to, frame);
    }
  }
}

const isSame = (a: readonly EncodedMessage[], b: readonly EncodedMessage[]): boolean =>
  a.length === b.length && a.every((message, i) => message === b[i]);
