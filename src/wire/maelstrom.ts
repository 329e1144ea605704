// The Maelstrom face: messages as parsed from JSON lines in, messages out (doc/protocol.md of
// Maelstrom). It checks envelopes and bodies, introduces the node (init), hands requests to their
// rows (maelstrom-workloads.ts) and carries what nodes say to each other in bodies of type
// "skerry".
//
// Answers to mistakes: no known type 10, wrong fields or a second init 12, a request before init
// 11, a message for another node 1. What names no sender or is itself a reply is counted and
// dropped, so no error answers an error.
//
// Order: the port's `begin` has remembered this start before `init_ok` leaves; the node that
// answers may crash at any later moment and will know that it lost its memory. Left out:
// Maelstrom's own services, which we do not ask.

import type { Bytes } from "../base/bytes.js";
import { type ErrorName, errors } from "../base/errors.js";
import { memberCountMax } from "../consensus/configuration.js";
import type { PeerEffects } from "../node/effects.js";
import type { PeerMessage } from "../node/messages.js";
import type { Node } from "../node/node.js";
import type { Collection, Exchange, Fields, WorkloadState } from "./maelstrom-exchange.js";
import { flawOfJson, type Json } from "./maelstrom-json.js";
import { type CheckName, type Checks, reasonOf } from "./maelstrom-schemas.js";
import { readCollection, workloads } from "./maelstrom-workloads.js";
import { decodeFrame, encodeFrame, encodePeerMessage } from "./peer-codec.js";
import { PeerOutbox } from "./peer-outbox.js";

/** A message as it leaves; what arrives has the same form once it is checked. */
export interface Envelope {
  readonly src: string;
  readonly dest: string;
  readonly body: Fields;
}

export interface Introduction {
  readonly name: string;
  readonly members: readonly string[];
  /** Which start of this node in this cluster it is, counted from 1. */
  readonly incarnation: number;
}

export interface MaelstromPorts {
  readonly checks: Checks;
  /** Writes one message as a line, in order. */
  emit(message: Envelope): void;
  /**
   * Remembers durably that the node starts, and answers which start it is. @param client who
   * introduces it.
   */
  begin(name: string, members: readonly string[], client: string): number;
  /**
   * Makes the node; `started` is called once, at once or later, when everything it serves is open.
   */
  start(
    introduction: Introduction,
    send: PeerEffects["send"],
    started: (result: Node | { readonly error: string }) => void,
  ): void;
  /** Runs `callback` once this turn's input is used up. */
  defer(callback: () => void): void;
  /** Begins a turn of the node and runs `callback`, after so many milliseconds. */
  after(ms: number, callback: () => void): void;
  /** A line for people. Bounded by the port. */
  log(line: string): void;
}

/** Longest name of a node, in characters. */
const nameLengthMax = 100;
/** Error texts quote what clients sent, which may be long. */
const textLengthMax = 300;
/** A keyless read waits so long for the first sign of what the cluster collects. */
export const holdMs = 1000;
/** Reads held at once; the next one is refused. */
const heldCountMax = 1024;
/**
 * Messages that arrive while the node starts; further ones are treated as if it had not been
 * initialised.
 */
const earlyCountMax = 4096;
/** Period of looking again at what is held. */
const holdCheckMs = 50;

export class Maelstrom {
  /** Lines that were no message, misdirected ones, and frames that could not be read. */
  readonly dropped = { malformed: 0, replies: 0, frames: 0 };
  /** Requests that have no answer yet. */
  pendingCount = 0;

  readonly #ports: MaelstromPorts;
  #phase: "new" | "starting" | "running" | "failed" = "new";
  #name = "";
  #members: ReadonlySet<string> = new Set();
  #node: Node | undefined;
  #outbox!: PeerOutbox;
  #state!: WorkloadState;
  #held: Exchange[] = [];
  /** What arrived between init and its answer. */
  #early: unknown[] = [];

  constructor(ports: MaelstromPorts) {
    this.#ports = ports;
  }

  /** Defined once init was answered. */
  get node(): Node | undefined {
    return this.#phase === "running" ? this.#node : undefined;
  }

  /** Takes one parsed line. The host has begun the node's turn. */
  receive(message: unknown): void {
    if (this.#phase === "starting" && this.#early.length < earlyCountMax) this.#early.push(message);
    else this.#receive(message);
  }

  #receive(message: unknown): void {
    const { envelope } = this.#ports.checks;
    if (!envelope(message)) {
      this.#drop(reasonOf(envelope));
      return;
    }
    const { src, dest, body } = message as Envelope;
    if (body.in_reply_to !== undefined) {
      this.dropped.replies++; // We ask nobody; and an error must not be answered by an error.
      return;
    }
    const type = body.type as string;
    if (type === "skerry") this.#receiveFrame(src, body);
    else this.#receiveRequest(src, dest, type, body);
  }

  #receiveRequest(src: string, dest: string, type: string, body: Fields): void {
    const exchange = this.#exchange(src, dest, type, body);
    if (this.#name !== "" && dest !== this.#name) {
      exchange.fail("node_not_found", `this is ${this.#name}, not ${dest}`);
      return;
    }
    if (type !== "init" && !Object.hasOwn(workloads, type)) {
      exchange.fail("not_supported", `no request has the type ${type.slice(0, 100)}`);
      return;
    }
    const check = this.#ports.checks[type as CheckName];
    const flaw = check(body) ? flawOfJson(body) : reasonOf(check);
    if (flaw !== undefined) {
      exchange.fail("malformed_request", `${type}: ${flaw}`);
    } else if (type === "init") {
      this.#introduce(exchange, src);
    } else if (this.#phase !== "running") {
      exchange.fail("temporarily_unavailable", "the node is not initialised");
    } else {
      workloads[type]!(exchange);
    }
  }

  #exchange(src: string, dest: string, type: string, body: Fields): Exchange {
    const face = this;
    const source = this.#name === "" ? dest : this.#name;
    const id = body.msg_id;
    let isAnswered = false;
    this.pendingCount++;
    const answer = (fields: Fields): void => {
      if (isAnswered) return;
      isAnswered = true;
      this.pendingCount--;
      // Who sends no id waits for no answer.
      if (Number.isInteger(id)) this.#ports.emit({ src: source, dest: src, body: fields });
    };
    return {
      body,
      get node() {
        return face.#node!;
      },
      get state() {
        return face.#state;
      },
      ok: (fields) => answer({ type: `${type}_ok`, in_reply_to: id!, ...fields }),
      fail: (error, text) => answer(errorBody(id!, error, text)),
    };
  }

  #drop(reason: string): void {
    this.dropped.malformed++;
    this.#ports.log(`dropped a line that is no message: ${reason}`);
  }

  // ---- init

  #introduce(exchange: Exchange, client: string): void {
    const name = exchange.body.node_id as string;
    const members = exchange.body.node_ids as readonly string[];
    const flaw = this.#phase === "new" ? flawOfMembers(name, members) : "a second init";
    if (flaw !== undefined) {
      exchange.fail("malformed_request", `init: ${flaw}`);
      return;
    }
    this.#name = name;
    this.#members = new Set(members);
    this.#phase = "starting";
    const incarnation = this.#ports.begin(name, members, client);
    this.#outbox = new PeerOutbox(
      (to, frame) => this.#sendFrame(to, frame),
      this.#ports.defer,
      encodeFrame,
    );
    this.#state = this.#newState(incarnation);
    const send: PeerEffects["send"] = (to, message) => this.#send(to, message);
    this.#ports.start({ name, members, incarnation }, send, (result) => {
      if ("error" in result) {
        this.#phase = "failed";
        exchange.fail("abort", result.error);
      } else {
        this.#node = result;
        this.#phase = "running";
        exchange.ok();
      }
      const early = this.#early;
      this.#early = [];
      for (const message of early) this.#receive(message);
    });
  }

  #newState(incarnation: number): WorkloadState {
    let count = 0;
    return {
      collection: undefined as Collection | undefined,
      segments: new Map(),
      nextId: () => `${this.#name}-${incarnation}-${++count}`,
      hold: (exchange) => this.#hold(exchange),
    };
  }

  // ---- reads that wait for a meaning

  #hold(exchange: Exchange): void {
    if (this.#held.length >= heldCountMax) {
      refuseHeld(exchange);
      return;
    }
    this.#held.push(exchange);
    if (this.#held.length === 1) this.#ports.after(holdCheckMs, () => this.#checkHeld());
    this.#ports.after(holdMs, () => {
      if (!this.#held.includes(exchange)) return;
      this.#held = this.#held.filter((other) => other !== exchange);
      refuseHeld(exchange);
    });
  }

  #checkHeld(): void {
    this.#held = this.#held.filter((exchange) => !readCollection(exchange));
    if (this.#held.length > 0) this.#ports.after(holdCheckMs, () => this.#checkHeld());
  }

  // ---- peers

  #send(to: string, message: PeerMessage): void {
    if (this.#node !== undefined)
      this.#outbox.push(to, encodePeerMessage(message, this.#node.shards));
  }

  #sendFrame(to: string, frame: Bytes): void {
    const body = { type: "skerry", frame: Buffer.from(frame).toString("base64") };
    this.#ports.emit({ src: this.#name, dest: to, body });
  }

  /**
   * Before init frames are dropped: we do not know yet who we are, and peers repeat what matters.
   */
  #receiveFrame(from: string, body: Fields): void {
    if (this.#phase !== "running") return;
    const node = this.#node!;
    const { skerry } = this.#ports.checks;
    if (!this.#members.has(from) || from === this.#name || !skerry(body)) {
      this.dropped.frames++;
      return;
    }
    const frame = decodeFrame(Buffer.from(body.frame as string, "base64"), node.shards);
    if (!frame.ok) {
      this.dropped.frames++;
      this.#ports.log(`dropped a frame of ${from}: ${frame.error}`);
      return;
    }
    for (const message of frame.value) node.receivePeer(from, message);
  }
}

const errorBody = (id: Json, error: ErrorName, text: string): Fields => ({
  type: "error",
  in_reply_to: id,
  code: errors[error].code,
  text: text.slice(0, textLengthMax),
});

function refuseHeld(exchange: Exchange): void {
  const text = "nothing was collected yet, so it is not known what to read";
  exchange.fail("temporarily_unavailable", text);
}

function flawOfMembers(name: string, members: readonly string[]): string | undefined {
  if (!members.includes(name)) return "node_ids lacks node_id";
  if (new Set(members).size < members.length) return "node_ids names a node twice";
  if (members.length > memberCountMax) return `more than ${memberCountMax} nodes`;
  const isNamed = members.every((some) => some.length > 0 && some.length <= nameLengthMax);
  return isNamed ? undefined : `names have 1 to ${nameLengthMax} characters`;
}
