// A node behind a real listener, in this process, so that a planted bug is met as it is; and
// clients that see every byte and choose when to read.

import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { Drive } from "../../src/host/drive.js";
import { processFacts } from "../../src/host/process-facts.js";
import { TcpHost, type TcpHostOptions, type TcpHostSettings } from "../../src/host/tcp-host.js";
import { allTables } from "../../src/node/commands.js";
import type { NodeEffects } from "../../src/node/effects.js";
import { Node } from "../../src/node/node.js";

export type Reading = NonNullable<TcpHostOptions["reading"]>;

export interface TcpRigOptions {
  readonly reading?: Reading;
  readonly bind?: string | readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly host?: TcpHostSettings;
}

export class TcpRig {
  readonly host: TcpHost;
  readonly node: Node;
  port = 0;
  readonly #drive: Drive;
  readonly #options: TcpRigOptions;
  readonly #clients: TcpClient[] = [];

  private constructor(options: TcpRigOptions) {
    this.#options = options;
    const now = (): number => Date.now();
    this.host = new TcpHost(now, options.host);
    const effects: NodeEffects = Object.assign(this.host, {
      send: () => {},
      persist: (lsn: number) => this.node.persisted(lsn),
    });
    this.node = new Node(
      {
        name: "n1",
        members: ["n1"],
        incarnation: 1,
        consistency: { default: "eventual", prefixes: { "lin:": "linearizable" } },
        seed: 1,
        commands: allTables,
        settings: new SettingsStore({ "enable-debug-command": "yes", ...options.settings }),
        facts: processFacts({ version: "0", port: 0, configFile: "" }),
        measureMicros: () => performance.now() * 1000,
      },
      effects,
    );
    this.host.attach(this.node);
    this.#drive = new Drive(this.node, now);
    this.host.onTurn = () => this.#drive.turn();
  }

  static async start(options: TcpRigOptions = {}): Promise<TcpRig> {
    const rig = new TcpRig(options);
    rig.port = await rig.host.listen({
      bind: options.bind ?? "127.0.0.1",
      port: 0,
      portTries: 0,
      reading: options.reading ?? "auto",
    });
    rig.#drive.start();
    return rig;
  }

  async connect(): Promise<TcpClient> {
    const client = await TcpClient.connect(this.port);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    this.#drive.stop();
    for (const client of this.#clients) client.destroy();
    await this.host.stop();
  }

  get reading(): Reading {
    return this.#options.reading ?? "auto";
  }
}

const waitMsMax = 10_000;

/** A raw connection: bytes out, bytes in. */
export class TcpClient {
  readonly socket: Socket;
  received: Buffer[] = [];
  receivedBytes = 0;
  isClosed = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.received.push(chunk);
      this.receivedBytes += chunk.length;
      this.#wake?.();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake?.();
    });
  }

  static connect(port: number, host = "127.0.0.1"): Promise<TcpClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new TcpClient(socket));
      });
    });
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Everything received so far, as Latin-1 text; taken away. */
  take(): string {
    const text = Buffer.concat(this.received).toString("latin1");
    this.received = [];
    this.receivedBytes = 0;
    return text;
  }

  /** Waits until a condition holds. @throws after some seconds. */
  async until(isMet: (client: TcpClient) => boolean): Promise<void> {
    const deadline = Date.now() + waitMsMax;
    while (!isMet(this)) {
      if (Date.now() > deadline) throw new Error(`waited in vain; read ${this.take().slice(-300)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
  }

  /** Sends, and waits for so many bytes of reply. */
  async ask(bytes: string | Uint8Array, replyBytes: number): Promise<string> {
    this.send(bytes);
    await this.until(() => this.receivedBytes >= replyBytes || this.isClosed);
    return this.take();
  }

  closed(): Promise<void> {
    return this.until(() => this.isClosed);
  }

  destroy(): void {
    this.socket.destroy();
  }
}
