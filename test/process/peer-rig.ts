// Nodes of a cluster in this process, each behind a real listener for peers, so that a planted bug
// is met as it is; and a stranger that speaks the peers' protocol as badly as a test wants.

import { connect, createServer, type Server, type Socket } from "node:net";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import type { Session } from "../../src/commands/session.js";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { Drive } from "../../src/host/drive.js";
import { PeerHost } from "../../src/host/peer-host.js";
import type { PeerTiming } from "../../src/host/peer-link.js";
import { processFacts } from "../../src/host/process-facts.js";
import type { ClusteringOptions } from "../../src/node/clustering.js";
import { allTables } from "../../src/node/commands.js";
import type { NodeEffects } from "../../src/node/effects.js";
import type { PeerMessage } from "../../src/node/messages.js";
import { Node } from "../../src/node/node.js";
import { ClientInput } from "../../src/wire/client-input.js";
import { encodeFrame, encodePeerMessage } from "../../src/wire/peer-codec.js";
import { FrameReader, withLength } from "../../src/wire/peer-frames.js";
import {
  decodeWelcome,
  encodeHello,
  type Hello,
  protocolVersion,
  type Welcome,
} from "../../src/wire/peer-handshake.js";

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a condition holds. @throws after some seconds. */
export async function until(isMet: () => boolean, withinMs = 15_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!isMet()) {
    if (Date.now() > deadline) throw new Error("waited in vain");
    await sleep(10);
  }
}

export interface PeerRigOptions {
  readonly seeds?: readonly string[];
  readonly founding?: ClusteringOptions["founding"];
  readonly timing?: Partial<PeerTiming>;
  readonly port?: number;
  /** Where others are told to reach it. */
  readonly advertise?: string;
}

const rigs = new Set<PeerRig>();
let lastIncarnation = Date.now();

export class PeerRig {
  readonly name: string;
  readonly incarnation = ++lastIncarnation;
  host!: PeerHost;
  node!: Node;
  port = 0;
  #drive!: Drive;
  #input!: ClientInput;
  readonly #outputs = new Map<Session, Buffer[]>();

  private constructor(name: string) {
    this.name = name;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  static async start(name: string, options: PeerRigOptions = {}): Promise<PeerRig> {
    const rig = new PeerRig(name);
    const { incarnation } = rig;
    const now = (): number => Date.now();
    const hello: Hello = {
      cluster: "test",
      shardCount: 8,
      replicationFactor: 0,
      name,
      incarnation,
      peerAddress: "",
      clientAddress: "127.0.0.1:1",
    };
    const timing = { pauseMsMin: 10, pauseMsMax: 100, beatMs: 100, silentMsMax: 500 };
    rig.host = new PeerHost({
      hello,
      now,
      random: Math.random,
      timing: { ...timing, ...options.timing },
    });
    rig.port = await rig.host.listen("127.0.0.1", options.port ?? 0);
    const peerAddress = options.advertise ?? rig.address;
    rig.host.hello = { ...hello, peerAddress };
    const effects: NodeEffects = {
      ...{ close() {}, pause() {}, resume() {}, stall() {}, shutdown() {} },
      write: (session, bytes, length) => {
        rig.#outputs.get(session)?.push(Buffer.from(bytes.slice(0, length)));
        return false;
      },
      send: rig.host.send,
      persist: (lsn) => rig.node.persisted(lsn),
    };
    rig.node = new Node(
      {
        name,
        members: [name],
        incarnation,
        shards: { shardCount: 8, clockSkewMsMax: 5_000 },
        cluster: {
          entry: { name, incarnation, state: "alive", peerAddress, clientAddress: "127.0.0.1:1" },
          seeds: options.seeds ?? [],
          founding: options.founding ?? "alone",
        },
        consistency: { default: "eventual", prefixes: { "lin:": "linearizable" } },
        seed: incarnation,
        commands: allTables,
        settings: new SettingsStore({}),
        facts: processFacts({ version: "0", port: 0, configFile: "" }),
        measureMicros: () => 0,
      },
      effects,
    );
    rig.#input = new ClientInput(rig.node, effects);
    rig.#drive = new Drive(rig.node, now);
    rig.host.onTurn = () => rig.#drive.turn();
    rig.host.attach(rig.node);
    rig.#drive.start();
    rigs.add(rig);
    // A node alone has nobody to catch up with.
    if ((options.founding ?? "alone") === "alone") await until(() => rig.isServing);
    return rig;
  }

  get isServing(): boolean {
    return this.node.clustering!.isServing;
  }

  /** Runs a command and answers its reply as text, once there is one. */
  async ask(...args: string[]): Promise<string> {
    this.node.beginTurn(Date.now());
    const reply = new Promise<string>((resolve) => {
      this.node.request(args.map(utf8), (bytes) =>
        resolve(typeof bytes === "string" ? bytes : fromUtf8(bytes)),
      );
    });
    this.#drive.turn();
    return reply;
  }

  /** A client that sends everything at once; answers all replies, once so many lines have come. */
  async pipeline(requests: readonly (readonly string[])[]): Promise<string[]> {
    const session = this.node.openSession("client", "node");
    const chunks: Buffer[] = [];
    this.#outputs.set(session, chunks);
    const text = requests.map((args) => `${args.join(" ")}\r\n`).join("");
    this.node.beginTurn(Date.now());
    this.#input.receive(session, utf8(text), 0, text.length);
    this.#drive.turn();
    const lines = (): string[] => Buffer.concat(chunks).toString("latin1").split("\r\n");
    await until(() => lines().length > requests.length);
    return lines().slice(0, -1);
  }

  async stop(): Promise<void> {
    rigs.delete(this);
    this.#drive.stop();
    await this.host.stop();
  }

  static async stopAll(): Promise<void> {
    await Promise.all([...rigs].map((rig) => rig.stop()));
  }
}

/** A program that dials a node's peer port. */
export class Stranger {
  readonly socket: Socket;
  isClosed = false;
  welcome: Welcome | undefined;

  constructor(rig: PeerRig) {
    const reader = new FrameReader(1_000_000);
    this.socket = connect(rig.port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.isClosed = true;
    });
    this.socket.on("data", (chunk: Buffer) =>
      reader.push(chunk, (frame) => {
        if (frame.length > 0) this.welcome = decodeWelcome(frame);
        return true;
      }),
    );
  }

  hello(parts: Partial<Hello> = {}, version = protocolVersion): this {
    const usual: Hello = {
      cluster: "test",
      shardCount: 8,
      replicationFactor: 0,
      name: "n9",
      incarnation: 77,
      peerAddress: "127.0.0.1:1",
      clientAddress: "127.0.0.1:1",
    };
    this.socket.write(withLength(encodeHello({ ...usual, ...parts }, version)));
    return this;
  }

  /** Says something as a node of the cluster would. @param as whose tables encode it */
  say(as: PeerRig, ...messages: PeerMessage[]): this {
    const frame = encodeFrame(messages.map((each) => encodePeerMessage(each, as.node.shards)));
    this.socket.write(withLength(frame));
    return this;
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed);
  }
}

/** A listener that lets a test do as it likes with whoever dials. */
export async function listener(onSocket: (socket: Socket) => void): Promise<{
  readonly address: string;
  readonly stop: () => void;
}> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    address: `127.0.0.1:${port}`,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
