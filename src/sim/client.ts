// A client: one RESP connection, one request at a time. When no reply comes in time it gives up,
// does not know what became of its request, and goes on at another node under another process
// number (Jepsen's rule: after an indefinite operation a process asks nothing more).

import { type Bytes, fromUtf8, utf8 } from "../base/bytes.js";
import { errors } from "../base/errors.js";
import type { Prng } from "../base/prng.js";
import type { Session } from "../commands/session.js";
import { decodeReplies, type ReplyValue } from "../wire/reply-decoder.js";
import type { History } from "./history.js";
import { type OperationLog, seenBy, type Told } from "./operation-log.js";
import type { SimulatedHost } from "./simulated-host.js";
import type { Life } from "./simulated-life.js";
import { drawGap, type Simulation } from "./simulation.js";
import type { Request } from "./workload.js";

/** As Maelstrom's clients. The node answers before, if it can. */
const timeoutUs = 1_000_000;
/** One way, between a client and its node. */
const linkUs = [50, 1500] as const;
/** Before a client tries again to reach a node. */
const reconnectUs = 50_000;

/** What the clients of a run share. */
export interface ClientWorld {
  readonly simulation: Simulation;
  readonly log: OperationLog;
  readonly history: History;
  /** The next request of a client; undefined: it has nothing more to ask. */
  readonly next: (client: Client) => Request | undefined;
  /** Called with each reply, or undefined when none came. */
  readonly onDone?: (client: Client, request: Request, reply: ReplyValue | undefined) => void;
}

export class Client {
  readonly prng: Prng;
  /** Connections made so far: what a node knows of a session goes with its connection. */
  connectionCount = 0;
  readonly #world: ClientWorld;
  readonly #thinkUs: number;
  readonly #mayMove: boolean;
  readonly #repeats: boolean;
  #host: SimulatedHost;
  #session: Session | undefined;
  #process = 0;
  #serial = 0;
  #open:
    | {
        readonly request: Request;
        readonly record: number;
        readonly serial: number;
        readonly replies: ReplyValue[];
        /** What it has written, as the log of operations has it. */
        told: readonly Told[];
      }
    | undefined;
  /** What it was sent on with, and whether it is just asking that. */
  #again: Request | undefined;
  #isAgain = false;
  /** Replies on a connection come in order. */
  #lastReplyUs = 0;

  /**
   * @param mayMove whether it goes to another node when its own does not answer
   * @param repeats whether it asks the same again where it is sent to; else something else
   */
  constructor(
    world: ClientWorld,
    host: SimulatedHost,
    prng: Prng,
    options: { thinkMs: number; mayMove: boolean; repeats?: boolean },
  ) {
    this.#world = world;
    this.#host = host;
    this.prng = prng;
    this.#thinkUs = options.thinkMs * 1000;
    this.#mayMove = options.mayMove;
    this.#repeats = options.repeats ?? true;
    this.#process = world.history.newProcess();
    this.#later();
  }

  get isWaiting(): boolean {
    return this.#open !== undefined;
  }

  get host(): SimulatedHost {
    return this.#host;
  }

  #later(us = drawGap(this.prng, this.#thinkUs)): void {
    this.#world.simulation.queue.after(us, () => this.#ask());
  }

  #ask(): void {
    const { simulation, history } = this.#world;
    const session = this.#session ?? this.#connect();
    if (session === "timed out") {
      this.#move();
      this.#later(timeoutUs);
      return;
    }
    if (session === undefined) {
      this.#move();
      this.#later(reconnectUs);
      return;
    }
    this.#isAgain = this.#again !== undefined;
    const request = this.#again ?? this.#world.next(this);
    this.#again = undefined;
    if (request === undefined) return;
    const record = history.invoke(this.#process, request, this.#host.name);
    const serial = ++this.#serial;
    this.#open = { request, record, serial, replies: [], told: [] };
    if (simulation.isTraced)
      simulation.trace(this.#host.index, `ask p${this.#process} ${request.args.join(" ")}`);
    const host = this.#host;
    simulation.queue.after(this.prng.between(...linkUs), () =>
      host.receiveBytes(session, encodeAll(request), (life, run) =>
        this.#serve(life, request, session, run),
      ),
    );
    simulation.queue.after(timeoutUs, () => {
      if (this.#open?.serial !== serial) return;
      simulation.sometimes.add("client_timed_out");
      this.#giveUp();
    });
  }

  /**
   * The bytes have reached the node. An eventual write is logged as it happens, which is later
   * where the node puts writes off.
   */
  #serve(life: Life, request: Request, session: Session, run: () => void): void {
    if (request.family !== "logged" || request.write === undefined) {
      run();
      return;
    }
    const { write } = request;
    const { log, simulation } = this.#world;
    const { node, input } = life;
    const replies: ReplyValue[] = [];
    let isPutOff = false;
    input.listen(session, (bytes) => {
      replies.push(...decodeReplies(bytes));
      // Of a transaction MULTI may be answered at once, and EXEC be put off.
      if (replies.length < replyCountOf(request)) return;
      input.listen(session, undefined);
      if (isPutOff) simulation.sometimes.add("write_put_off");
      const told = log.addTogether(node, write(replies.at(-1)!), (key) => seenBy(node, key));
      if (this.#open?.request === request) this.#open.told = told;
    });
    run();
    isPutOff = true;
  }

  #connect(): Session | "timed out" | undefined {
    const host = this.#host;
    if (this.#world.simulation.happens("network_connect_timeout", host.index)) return "timed out";
    const { queue } = this.#world.simulation;
    const session: Session | undefined = host.connect({
      onReply: (bytes) => {
        const serial = this.#serial;
        const atUs = queue.nowUs + this.prng.between(...linkUs);
        this.#lastReplyUs = Math.max(this.#lastReplyUs, atUs);
        queue.at(this.#lastReplyUs, () => this.#onReply(serial, bytes));
      },
      onClose: () => {
        if (this.#session !== session) return;
        this.#session = undefined;
        if (this.#open !== undefined) this.#giveUp();
      },
    });
    this.#session = session;
    if (session !== undefined) this.connectionCount++;
    return session;
  }

  #onReply(serial: number, bytes: Bytes): void {
    const { simulation, history, onDone } = this.#world;
    if (this.#open?.serial !== serial) return; // It came too late.
    const { request, record, replies, told } = this.#open;
    replies.push(...decodeReplies(bytes));
    if (replies.length < replyCountOf(request)) return;
    this.#open = undefined;
    for (const write of told) write.isTold = true;
    // Of a transaction the last reply is that of EXEC.
    const reply = replies.at(-1)!;
    if (simulation.isTraced)
      simulation.trace(this.#host.index, `tell p${this.#process} ${textOfReply(reply)}`);
    const outcome = history.complete(record, request, replies);
    if (outcome === "indefinite") this.#process = history.newProcess();
    onDone?.(this, request, reply);
    this.#follow(request, replies);
    this.#later();
  }

  /** A node that does not serve the key names one that does: the request goes there next. */
  #follow(request: Request, replies: readonly ReplyValue[]): void {
    const { simulation } = this.#world;
    const moved = replies.map(textOfReply).find((text) => text.startsWith("MOVED "));
    const name = moved?.split(" ")[2]?.split(":")[0];
    const host = simulation.members.find((member) => member.name === name);
    if (host === undefined || !this.#mayMove) return;
    simulation.sometimes.add("client_sent_on");
    this.#leave();
    this.#host = host;
    // Sent on and on: it asks something else.
    if (this.#repeats && !this.#isAgain) this.#again = request;
  }

  /** No reply, and none will be heard. */
  #giveUp(): void {
    const { simulation, history, onDone } = this.#world;
    const { request, record } = this.#open!;
    this.#open = undefined;
    if (simulation.isTraced) simulation.trace(this.#host.index, `lost p${this.#process}`);
    history.abandon(record, request, errors.timeout.code);
    this.#process = history.newProcess();
    this.#leave();
    this.#move();
    onDone?.(this, request, undefined);
    this.#later();
  }

  /** Goes to another node, between two requests. */
  reconnect(): void {
    this.#leave();
    this.#move();
  }

  #leave(): void {
    const { life } = this.#host;
    const session = this.#session;
    this.#session = undefined;
    if (life !== undefined && session !== undefined) this.#host.disconnect(life, session);
  }

  #move(): void {
    if (this.#mayMove) this.#host = this.prng.pick(this.#world.simulation.members);
  }
}

/** A transaction is several requests in one. */
function requestsOf({ args, transaction, watched = [] }: Request): readonly (readonly string[])[] {
  if (transaction === undefined) return [args];
  const before = watched.flatMap((key) => [
    ["WATCH", key],
    ["GET", key],
  ]);
  return [...before, ["MULTI"], ...transaction, ["EXEC"]];
}

const replyCountOf = (request: Request): number => requestsOf(request).length;

const encodeAll = (request: Request): Bytes =>
  utf8(requestsOf(request).map(textOfRequest).join(""));

export const encodeRequest = (args: readonly string[]): Bytes => utf8(textOfRequest(args));

function textOfRequest(args: readonly string[]): string {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${parts.join("")}`;
}

export function textOfReply(reply: ReplyValue): string {
  switch (reply.kind) {
    case "bulk":
      return fromUtf8(reply.bytes);
    case "nil":
      return "(nil)";
    case "array":
      return `[${reply.items.map(textOfReply).join(" ")}]`;
    default:
      return reply.text;
  }
}
