// Causal sessions and their judge. A session carries its token from node to node, over reconnects
// and crashes, and demands the four guarantees (Terry and others 1994) of what it reads:
//
//  read your writes      one's own key is not older than one's last write
//  monotonic reads       no key is older than it was read before
//  writes follow reads   who reads a write also finds what its writer had read
//  monotonic writes      follows from these, because each key has one writer who counts up
//
// What a session wrote and lost again before a token told of it does not bind its later writes:
// they are concurrent, and either may win. Such numbers are `loose`, and may be read at any time.
//
// A value is `own number:number of the neighbour's key that its writer had read`. All keys share a
// shard, where the guarantees hold without further tokens. What an error answers says nothing; a
// token that names what a crash has lost is refused for good, and the session begins anew.

import { fromUtf8 } from "../base/bytes.js";
import type { ReplyValue } from "../wire/reply-decoder.js";
import { Client, type ClientWorld } from "./client.js";
import { causalPrefix, type SimulatedHost } from "./simulated-host.js";
import type { Simulation } from "./simulation.js";
import type { Request } from "./workload.js";

const keyOf = (index: number): string => `${causalPrefix}{s}${index}`;
/** Chance that a session goes to another node before it asks again. */
const moveChance = 0.2;

interface Value {
  readonly number: number;
  readonly saw: number;
}

interface Session {
  readonly index: number;
  token: string;
  /** The connection to which the token was given. */
  connection: number;
  asked: { readonly what: "take" | "tell" | "read" | "write"; readonly key: number } | undefined;
  written: number;
  /** By key: no older may be read. */
  least: number[];
}

export class CausalSessions {
  readonly #simulation: Simulation;
  readonly #sessions = new Map<Client, Session>();
  readonly #count: number;
  /** By key. */
  readonly #loose: readonly Set<number>[];

  /** @param world of which `next` says whether clients may still ask. */
  constructor(
    simulation: Simulation,
    world: Omit<ClientWorld, "next" | "onDone">,
    mayAsk: () => boolean,
    hosts: readonly SimulatedHost[],
    thinkMs: number,
  ) {
    this.#simulation = simulation;
    this.#count = hosts.length;
    this.#loose = hosts.map(() => new Set());
    const own: ClientWorld = {
      ...world,
      next: (client) => (mayAsk() ? this.#next(client) : undefined),
      onDone: (client, _request, reply) => this.#onDone(client, reply),
    };
    // Elsewhere it must first say what it has seen.
    const options = { thinkMs, mayMove: true, repeats: false };
    for (const [index, host] of hosts.entries()) {
      const client = new Client(own, host, simulation.prng.fork(), options);
      this.#sessions.set(client, {
        index,
        ...{ token: "", connection: 0, asked: undefined, written: 0 },
        least: hosts.map(() => 0),
      });
    }
  }

  #next(client: Client): Request {
    const session = this.#sessions.get(client)!;
    const { prng } = client;
    const ask = (what: NonNullable<Session["asked"]>["what"], key: number, ...args: string[]) => {
      session.asked = { what, key };
      return { family: "mixed", args } as const;
    };
    if (session.connection !== client.connectionCount) {
      session.connection = client.connectionCount;
      this.#forgetUntold(session);
      if (session.token !== "") return ask("take", 0, "SKERRY.SESSION", session.token);
    }
    const choice = prng.float();
    const neighbour = (session.index + 1) % this.#count;
    if (choice < 0.3) return ask("tell", 0, "SKERRY.SESSION");
    if (choice < 0.75) {
      const key = prng.below(this.#count);
      return ask("read", key, "GET", keyOf(key));
    }
    const value = `${++session.written}:${session.least[neighbour]}`;
    return ask("write", session.index, "SET", keyOf(session.index), value);
  }

  #onDone(client: Client, reply: ReplyValue | undefined): void {
    const session = this.#sessions.get(client)!;
    const { asked } = session;
    session.asked = undefined;
    if (asked === undefined || reply === undefined) {
      // Nobody knows what the node had answered; what was not told to the client binds nobody.
      this.#forgetUntold(session);
      return;
    }
    if (reply.kind === "error") {
      this.#onError(client, session, asked.what, reply.text);
      return;
    }
    if (asked.what === "tell" && reply.kind === "bulk") this.#onToken(client, session, reply);
    else if (asked.what === "write") this.#raise(session, asked.key, session.written);
    else if (asked.what === "read") this.#onRead(session, asked.key, reply);
  }

  /** The token holds all that the session has seen; now it may go elsewhere. */
  #onToken(client: Client, session: Session, reply: ReplyValue): void {
    if (reply.kind !== "bulk") return;
    session.token = fromUtf8(reply.bytes);
    this.#told.set(session, { least: [...session.least], written: session.written });
    if (!client.prng.chance(moveChance)) return;
    client.reconnect();
    this.#simulation.sometimes.add("session_moved");
  }

  readonly #told = new Map<
    Session,
    { readonly least: readonly number[]; readonly written: number }
  >();

  /** A connection ended without a token: what was done on it since the last one is not carried. */
  #forgetUntold(session: Session): void {
    const told = this.#told.get(session);
    session.least = told === undefined ? session.least.map(() => 0) : [...told.least];
    for (let number = session.written; number > (told?.written ?? 0); number--)
      this.#loose[session.index]!.add(number);
  }

  #onError(client: Client, session: Session, what: string, text: string): void {
    if (text.startsWith("TRYAGAIN")) {
      this.#simulation.sometimes.add("session_waited_in_vain");
      // Another node may have seen it.
      if (what === "read") client.reconnect();
      if (what === "take") session.connection = 0;
      return;
    }
    if (text.startsWith("OOM") || text.startsWith("MOVED")) return;
    if (text.startsWith("LOADING") || text.startsWith("CLUSTERDOWN")) {
      client.reconnect();
      return;
    }
    session.token = "";
    this.#told.delete(session);
    this.#forgetUntold(session);
    this.#simulation.sometimes.add("session_lost");
    client.reconnect();
  }

  #onRead(session: Session, key: number, reply: ReplyValue): void {
    const { number, saw } = valueIn(reply);
    const least = session.least[key]!;
    if (number < least && !this.#loose[key]!.has(number))
      this.#simulation.violate(
        `session ${session.index}: ${keyOf(key)} is ${number}, was ${least}`,
      );
    this.#raise(session, key, number);
    this.#raise(session, (key + 1) % this.#count, saw);
  }

  #raise(session: Session, key: number, number: number): void {
    session.least[key] = Math.max(session.least[key]!, number);
  }
}

function valueIn(reply: ReplyValue): Value {
  if (reply.kind !== "bulk") return { number: 0, saw: 0 };
  const [number, saw] = fromUtf8(reply.bytes).split(":").map(Number);
  return { number: number!, saw: saw! };
}
