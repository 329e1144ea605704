// Nodes with logs on disks that forget, in virtual time: production nodes, clients, peers' frames
// and recovery; crashes of a machine, kills of a process, full and failing disks. A seed decides
// all.

import { Prng } from "../../src/base/prng.js";
import type { HostFacts } from "../../src/commands/environment.js";
import type { Session } from "../../src/commands/session.js";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { allTables } from "../../src/node/commands.js";
import type { NodeEffects } from "../../src/node/effects.js";
import { keepJournal, recoverNode } from "../../src/node/keep-journal.js";
import { keepStream } from "../../src/node/keep-stream.js";
import { Node } from "../../src/node/node.js";
import { SimulatedDisk } from "../../src/sim/disk.js";
import type { ObjectStore } from "../../src/storage/object-store.js";
import { plainPacker } from "../../src/storage/packer.js";
import { type Examined, Recovery } from "../../src/storage/recovery.js";
import { nextStart } from "../../src/storage/start-record.js";
import { type Claimed, claimStore, whyTooShort } from "../../src/storage/store-claim.js";
import { forgetMark, type Restored } from "../../src/storage/store-restore.js";
import type { StreamOptions } from "../../src/storage/store-stream.js";
import { storeInTurns, type TurnPort } from "../../src/storage/turn-store.js";
import type { SyncPolicy } from "../../src/storage/wal.js";
import { ClientInput } from "../../src/wire/client-input.js";
import { decodeFrame, encodeFrame, encodePeerMessage } from "../../src/wire/peer-codec.js";
import { PeerOutbox } from "../../src/wire/peer-outbox.js";
import { type Argv, encodeCommand, frameEnd } from "../differential/resp-client.js";

const startMs = 1_800_000_000_000;
const shardCount = 8;
const databaseCount = 2;
/** So small that a few dozen commands change the file. */
const segmentBytes = 4096;
const cronMs = 100;

export interface WorldOptions {
  readonly seed: number;
  readonly nodeCount?: number;
  readonly policy: SyncPolicy;
  readonly isSalvage?: boolean;
  /** The object store of each node, and how it is streamed to. */
  readonly store?: StoreWish;
}

interface StoreWish {
  readonly objects: ObjectStore | ((node: string) => ObjectStore);
  readonly stream: StreamOptions & { readonly lagBytesMax?: number };
}

export class World {
  readonly prng: Prng;
  readonly options: WorldOptions;
  readonly names: readonly string[];
  readonly nodes: DurableNode[];
  nowMs = 0;
  #events: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;
  /** Links that carry nothing, as `from>to`. */
  readonly cut = new Set<string>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.prng = new Prng(options.seed);
    this.names = Array.from({ length: options.nodeCount ?? 1 }, (_, index) => `n${index + 1}`);
    // Nodes with an object store come one after another, by whoever tries them.
    const names = options.store === undefined ? this.names : [];
    this.nodes = names.map((name) => new DurableNode(this, name));
    for (const node of this.nodes) node.start();
  }

  after(ms: number, run: () => void): void {
    this.#events.push({ atMs: this.nowMs + ms, order: this.#order++, run });
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      let next = -1;
      this.#events.forEach((event, index) => {
        if (event.atMs > untilMs) return;
        const best = this.#events[next];
        if (best === undefined || event.atMs < best.atMs) next = index;
      });
      const event = this.#events[next];
      if (event === undefined) break;
      this.#events.splice(next, 1);
      this.nowMs = Math.max(this.nowMs, event.atMs);
      event.run();
    }
    this.nowMs = untilMs;
  }

  node(name: string): DurableNode {
    return this.nodes[this.names.indexOf(name)]!;
  }
}

interface Life {
  readonly node: Node;
  readonly input: ClientInput;
}

export class DurableNode {
  readonly name: string;
  disk: SimulatedDisk;
  readonly #world: World;
  life: Life | undefined;
  starts = 0;
  /** What the last start found. */
  examined: Examined | undefined;
  syncMs = 2;
  /** Why the last start was refused by the object store. */
  refusal: string | undefined;
  mayRebase = false;
  /** What an object store brought back last. */
  restored: Restored | undefined;
  readonly said: string[] = [];
  readonly clients = new Map<Session, Client>();
  #isTurnOpen = false;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.disk = this.#newDisk();
  }

  #newDisk(): SimulatedDisk {
    const world = this.#world;
    const prng = world.prng.fork();
    return new SimulatedDisk(prng, (run) => {
      const { life } = this;
      world.after(this.syncMs * (0.5 + prng.float()), () => this.#turn(life, run));
    });
  }

  get node(): Node {
    return this.life!.node;
  }

  // ---- the process

  /** @throws RecoveryError when the log is damaged. */
  start(): void {
    const { store } = this.#world.options;
    this.starts++;
    if (store === undefined) this.#boot(undefined);
    else this.#claim(storeOf(store, this.name));
  }

  /** What the object store answers comes as turns of the life that asked, if it still lives. */
  #claim(objects: ObjectStore): void {
    const world = this.#world;
    const start = this.starts;
    const port: TurnPort = { run: (work) => start === this.starts && work() };
    const store = storeInTurns(objects, port);
    this.refusal = undefined;
    claimStore(
      {
        ...{ store, packer: plainPacker, disk: this.disk, mayRebase: this.mayRebase },
        writer: `${this.name}-${world.prng.below(2 ** 32)}`,
        later: (ms, run) => world.after(ms, () => port.run(run)),
        onRestored: (restored) => {
          this.restored = restored;
        },
      },
      (result) => {
        if (!result.ok) {
          this.refusal = result.error;
          return;
        }
        this.#boot(result.value);
        const { life } = this;
        port.run = (work) => start === this.starts && this.#turn(life, work);
      },
    );
  }

  #boot(claimed: Claimed | undefined): void {
    const world = this.#world;
    const { policy, isSalvage = false, store } = world.options;
    const recovery = new Recovery(this.disk, { isSalvage, keepsCovered: store !== undefined });
    const examined = recovery.examine();
    this.examined = examined;
    const hasPeers = world.names.length > 1;
    const wish = { node: this.name, incarnation: 1, policy, hasPeers, shardCount, databaseCount };
    const objection = claimed && whyTooShort(claimed, examined.nextLsn - 1);
    if (objection !== undefined) throw new Error(objection);
    const isDamaged = examined.isDamaged || claimed?.isRestored === true;
    const start = nextStart(examined.start, { ...examined, isDamaged }, wish);
    const node = this.#newNode(start, examined);
    node.beginTurn(startMs + world.nowMs);
    const parts = { disk: this.disk, recovery, examined, start, segmentBytes };
    const journal = keepJournal(node, parts, recoverNode(node, parts));
    forgetMark(this.disk);
    if (claimed !== undefined)
      keepStream(node, journal, claimed, {
        ...{ lagBytesMax: 0, ...store!.stream },
        say: (line) => this.said.push(line),
      });
    this.#isTurnOpen = false;
    this.#afterTurn();
    this.#cron(this.life!);
  }

  #newNode(start: ReturnType<typeof nextStart>, { replicas }: Examined): Node {
    const world = this.#world;
    const life = (): Life | undefined => this.life;
    const outbox: PeerOutbox = new PeerOutbox(
      (to, frame) => this.#sendFrame(to, frame.slice()),
      (callback) => world.after(0, callback),
      encodeFrame,
    );
    const effects: NodeEffects = {
      write: (session, bytes, length) => {
        this.clients.get(session)?.onReply(Buffer.from(bytes.slice(0, length)));
        return false;
      },
      close: (session) => this.clients.get(session)?.onClose(),
      pause() {},
      resume() {},
      stall() {},
      shutdown() {},
      send: (to, message) => {
        outbox.push(to, encodePeerMessage(message, life()!.node.shards));
      },
      persist: () => {
        throw new Error("the log was passed by");
      },
    };
    const { incarnation, replica, stateIncarnation } = start;
    const node: Node = new Node(
      {
        ...{ name: this.name, members: world.names, incarnation, databaseCount },
        past: { replicas, replica, stateIncarnation },
        consistency: { default: "eventual", prefixes: { "lin:": "linearizable" } },
        seed: world.prng.below(2 ** 32),
        commands: allTables,
        settings: new SettingsStore({ "auto-aof-rewrite-min-size": "20000" }),
        facts: newFacts(),
        slabCapacity: 1 << 14,
        shards: { shardCount },
        measureMicros: () => 0,
      },
      effects,
    );
    this.life = { node, input: new ClientInput(node, effects) };
    return node;
  }

  /** The machine goes down. */
  crash(): void {
    this.disk.crash();
    this.#end();
  }

  /** The machine is gone with its disk; the process may go on elsewhere, on a new one. */
  lose(): void {
    this.#end();
    this.disk = this.#newDisk();
  }

  /** The process alone. */
  kill(): void {
    this.disk.killProcess();
    this.#end();
  }

  /** The process ends in order. */
  stop(): void {
    const { life } = this;
    while (life!.node.journal!.wal.isSyncing) this.#world.run(5);
    life!.node.journal!.end();
    this.kill();
  }

  #end(): void {
    this.starts++;
    this.life = undefined;
    for (const client of [...this.clients.values()]) client.onClose();
  }

  // ---- inputs

  connect(): Client {
    const client = new Client(this, this.node.openSession("client", "node"));
    this.clients.set(client.session, client);
    return client;
  }

  receive(session: Session, bytes: Uint8Array): void {
    this.#turn(this.life, () => this.life!.input.receive(session, bytes, 0, bytes.length));
  }

  #sendFrame(to: string, frame: Uint8Array): void {
    const world = this.#world;
    const other = world.node(to);
    const life = other?.life;
    if (world.cut.has(`${this.name}>${to}`)) return;
    world.after(1 + world.prng.below(5), () =>
      other.#turn(life, ({ node }) => {
        const decoded = decodeFrame(frame, node.shards);
        if (!decoded.ok) throw new Error(decoded.error);
        for (const message of decoded.value) node.receivePeer(this.name, message);
      }),
    );
  }

  #turn(life: Life | undefined, work: (life: Life) => void): void {
    if (life === undefined || life !== this.life) return;
    life.node.beginTurn(startMs + this.#world.nowMs);
    work(life);
    if (life === this.life) this.#afterTurn();
  }

  #afterTurn(): void {
    const { life } = this;
    const world = this.#world;
    if (life === undefined) return;
    if (life.node.wantsEndTurn && !this.#isTurnOpen) {
      this.#isTurnOpen = true;
      world.after(world.prng.float(), () => {
        if (life !== this.life) return;
        this.#isTurnOpen = false;
        life.node.beginTurn(startMs + world.nowMs);
        life.node.endTurn();
        this.#afterTurn();
      });
    }
    const due = life.node.nextDueMs() - startMs - world.nowMs;
    if (due < cronMs) world.after(Math.max(1, due), () => this.#turn(life, tick));
  }

  #cron(life: Life): void {
    if (life !== this.life) return;
    this.#turn(life, ({ node }) => node.cron());
    this.#turn(life, tick);
    this.#world.after(cronMs, () => this.#cron(life));
  }
}

const storeOf = ({ objects }: StoreWish, name: string): ObjectStore =>
  typeof objects === "function" ? objects(name) : objects;

const newFacts = (): HostFacts => ({
  ...{ processId: 1, nodeVersion: "", operatingSystem: "", architecture: "", executable: "" },
  ...{ configFile: "", version: "", startedMs: startMs, port: 0, runId: "", residentBytes: 0 },
  ...{ peakResidentBytes: 0, heapBytes: 0, startMemoryBytes: 0, totalMemoryBytes: 0 },
  ...{ cpuUserSeconds: 0, cpuSystemSeconds: 0 },
});

const tick = ({ node }: Life): void => {
  if (node.nextDueMs() <= node.nowMs) node.tick();
};

export class Client {
  readonly session: Session;
  readonly replies: Buffer[] = [];
  isClosed = false;
  #pending = Buffer.alloc(0);
  readonly #node: DurableNode;

  constructor(node: DurableNode, session: Session) {
    this.#node = node;
    this.session = session;
  }

  send(argv: Argv): void {
    if (!this.isClosed) this.#node.receive(this.session, encodeCommand(argv));
  }

  onReply(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (let end = 0; this.#pending.length > 0; this.#pending = this.#pending.subarray(end)) {
      end = frameEnd(this.#pending, 0);
      if (end < 0) return;
      this.replies.push(this.#pending.subarray(0, end));
    }
  }

  onClose(): void {
    this.isClosed = true;
    this.#node.clients.delete(this.session);
  }
}
