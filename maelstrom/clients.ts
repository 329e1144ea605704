// The clients of a run: each sends one request at a time and waits for the reply to it, up to a
// time-out. A reply to a request that was given up on is ignored, as in Maelstrom.

import type { Json } from "../src/check/canonical.js";
import type { Message, Network } from "./network.js";
import type { Timer, Timers } from "./timers.js";

export type RequestBody = { readonly type: string; readonly [key: string]: Json };

/** A reply's body as it came, or the time-out. */
export type Answer =
  | { readonly kind: "reply"; readonly body: Message["body"] }
  | { readonly kind: "timeout" };

export class Client {
  readonly id: string;
  readonly #network: Network;
  readonly #timers: Timers;
  #lastMessageId = 0;
  #pending: { messageId: number; timer: Timer; onAnswer: (answer: Answer) => void } | undefined;

  constructor(id: string, network: Network, timers: Timers) {
    this.id = id;
    this.#network = network;
    this.#timers = timers;
    network.addLocal(id, (message) => this.#onMessage(message));
  }

  /** Sends to `dest`; `onAnswer` is called exactly once. One request at a time. */
  request(
    dest: string,
    body: RequestBody,
    timeoutMs: number,
    onAnswer: (answer: Answer) => void,
  ): void {
    if (this.#pending !== undefined) throw new Error(`${this.id} already waits for a reply`);
    const messageId = ++this.#lastMessageId;
    const timer = this.#timers.after(timeoutMs, () => this.#finish({ kind: "timeout" }));
    this.#pending = { messageId, timer, onAnswer };
    const { type, ...fields } = body;
    // A node that is down does not answer: the request times out, as over a real network.
    this.#network.sendFromLocal({
      src: this.id,
      dest,
      body: { type, msg_id: messageId, ...fields },
    });
  }

  #onMessage({ body }: Message): void {
    if (this.#pending === undefined || body.in_reply_to !== this.#pending.messageId) return;
    this.#finish({ kind: "reply", body });
  }

  #finish(answer: Answer): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    this.#timers.cancel(pending.timer);
    pending.onAnswer(answer);
  }
}
