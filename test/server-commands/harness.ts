// A whole node without a host: requests go in as bytes, replies come out as the bytes a client
// would read. Time stands still unless a test moves it.

import type { Session } from "../../src/commands/session.js";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { allTables } from "../../src/node/commands.js";
import type { ConsistencyRules } from "../../src/node/consistency.js";
import type { NodeEffects } from "../../src/node/effects.js";
import type { PeerMessage } from "../../src/node/messages.js";
import { Node, type NodeOptions } from "../../src/node/node.js";
import { ClientInput } from "../../src/wire/client-input.js";

export const startMs = 1_700_000_000_000;

export class Client {
  readonly session: Session;
  isClosed = false;
  output = "";
  readonly #rig: Rig;

  constructor(rig: Rig, session: Session) {
    this.#rig = rig;
    this.session = session;
  }

  /** Sends one request and answers what came back, as Latin-1 text. */
  send(...args: (string | number)[]): string {
    this.output = "";
    this.#rig.receive(this, requestOf(args.map(String)));
    return this.output;
  }

  /** The lines of a bulk or verbatim reply, without its header. */
  lines(...args: (string | number)[]): string[] {
    const reply = this.send(...args);
    const body = reply.slice(reply.indexOf("\r\n") + 2).replace(/^txt:/, "");
    return body.split(/\r?\n/).filter((line) => line !== "");
  }

  /** The strings and integers of a reply, one after another, without their framing. */
  words(...args: (string | number)[]): string[] {
    const words: string[] = [];
    const reply = this.send(...args);
    let at = 0;
    while (at < reply.length) {
      const end = reply.indexOf("\r\n", at);
      const kind = reply[at]!;
      const rest = reply.slice(at + 1, end);
      at = end + 2;
      if (kind === "$" && rest !== "-1") {
        words.push(reply.slice(at, at + Number(rest)));
        at += Number(rest) + 2;
      } else if (!"*%~>".includes(kind)) words.push(rest);
    }
    return words;
  }

  /** A reply of names and values as a map. */
  pairs(...args: (string | number)[]): Map<string, string> {
    const words = this.words(...args);
    const pairs = new Map<string, string>();
    for (let i = 0; i + 1 < words.length; i += 2) pairs.set(words[i]!, words[i + 1]!);
    return pairs;
  }

  /** The fields of INFO. */
  info(...sections: string[]): Map<string, string> {
    const fields = this.lines("INFO", ...sections).filter((line) => !line.startsWith("#"));
    return new Map(
      fields.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1)];
      }),
    );
  }
}

function requestOf(args: readonly string[]): Buffer {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg, "latin1")}\r\n${arg}\r\n`);
  return Buffer.from(`*${args.length}\r\n${parts.join("")}`, "latin1");
}

export class Rig {
  readonly settings: SettingsStore;
  readonly node: Node;
  nowMs = startMs;
  stalledMicros = 0;
  shutdowns: boolean[] = [];
  /** What the node said to peers. */
  readonly sent: { readonly to: string; readonly message: PeerMessage }[] = [];
  readonly #clients = new Map<Session, Client>();
  readonly #input: ClientInput;
  #ports = 50_000;

  constructor(
    settings: Readonly<Record<string, string>> = {},
    consistency: ConsistencyRules = { default: "eventual", prefixes: {} },
    members: readonly [self: string, ...others: string[]] = ["n1"],
    timing: NodeOptions["timing"] = {},
  ) {
    this.settings = new SettingsStore({
      "enable-debug-command": "yes",
      "enable-protected-configs": "yes",
      save: "",
      ...settings,
    });
    const effects: NodeEffects = {
      write: (session, bytes, length) => {
        const client = this.#clients.get(session);
        if (client !== undefined) {
          client.output += Buffer.from(bytes.subarray(0, length)).toString("latin1");
        }
        return false;
      },
      close: (session) => {
        const client = this.#clients.get(session);
        if (client !== undefined) client.isClosed = true;
        this.node.closeSession(session);
      },
      pause: () => {},
      resume: () => {},
      stall: (micros) => {
        this.stalledMicros += micros;
      },
      shutdown: (save) => {
        this.shutdowns.push(save);
      },
      send: (to, message) => this.sent.push({ to, message }),
      persist: (lsn) => this.node.persisted(lsn),
    };
    this.node = new Node(
      {
        name: members[0],
        members,
        incarnation: 1,
        consistency,
        seed: 1,
        commands: allTables,
        settings: this.settings,
        facts: {
          processId: 4711,
          nodeVersion: "v20.18.0",
          operatingSystem: "Linux 6 x64",
          architecture: "x64",
          executable: "/usr/bin/node",
          configFile: "",
          version: "0.1.0",
          startedMs: startMs,
          port: 6379,
          runId: "a".repeat(40),
          residentBytes: 50_000_000,
          peakResidentBytes: 50_000_000,
          heapBytes: 8_000_000,
          startMemoryBytes: 7_000_000,
          totalMemoryBytes: 16_000_000_000,
          cpuUserSeconds: 1.5,
          cpuSystemSeconds: 0.25,
        },
        measureMicros: () => 0,
        timing,
      },
      effects,
    );
    this.#input = new ClientInput(this.node, effects);
    this.node.beginTurn(this.nowMs);
  }

  connect(): Client {
    const session = this.node.openSession(`127.0.0.1:${this.#ports++}`, "127.0.0.1:6379");
    const client = new Client(this, session);
    this.#clients.set(session, client);
    return client;
  }

  receive(client: Client, bytes: Uint8Array): void {
    this.receivePart(client, bytes, bytes.length);
  }

  /** A read that has brought `length` bytes into a buffer which later reads use again. */
  receivePart(client: Client, buffer: Uint8Array, length: number): void {
    this.node.beginTurn(this.nowMs);
    this.#input.receive(client.session, buffer, 0, length);
    this.#endTurn();
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.node.beginTurn(this.nowMs);
  }

  /** Lets time pass, with what is due in it. */
  advance(ms: number): void {
    this.wait(ms);
    this.node.tick();
    this.#endTurn();
  }
  /** As the host does; the batch of a node alone ends with each input. */
  #endTurn(): void {
    if (this.node.replicator === undefined || this.node.wantsEndTurn) this.node.endTurn();
  }
}
