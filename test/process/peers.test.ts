// The peer port: who is let in, what strangers and broken peers can do (nothing, and it is
// counted), how links come and go.

import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { timeOfMs } from "../../src/clock/stamp.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { type Batch, newBatch } from "../../src/keyspace/batch.js";
import type { PeerMessage } from "../../src/node/messages.js";
import { decodeFrame } from "../../src/wire/peer-codec.js";
import { FrameReader, signOfLife, withLength } from "../../src/wire/peer-frames.js";
import { encodeWelcome, type Hello, protocolVersion } from "../../src/wire/peer-handshake.js";
import { listener, PeerRig, type PeerRigOptions, Stranger, sleep, until } from "./peer-rig.js";

afterEach(() => PeerRig.stopAll());

const start = (name: string, options: PeerRigOptions = {}): Promise<PeerRig> =>
  PeerRig.start(name, options);

/** A frame welcomes whoever dials, in the name of a node that does not exist. */
const welcome = withLength(encodeWelcome({ kind: "welcome", name: "n9", incarnation: 77 }));

async function pair(): Promise<[PeerRig, PeerRig]> {
  const one = await start("n1");
  const two = await start("n2", { seeds: [one.address], founding: "never" });
  const isReady = ({ node, isServing }: PeerRig): boolean => isServing && node.registers.votes;
  await until(() => isReady(one) && isReady(two));
  return [one, two];
}

describe("peers", () => {
  test("peers: who joins gets what is there, and is admitted to the voters", async () => {
    const one = await start("n1");
    for (let i = 0; i < 2_000; i++) await one.ask("SET", `k${i}`, "v");
    await one.ask("SET", "lin:x", "1");
    const two = await start("n2", { seeds: [one.address], founding: "never" });
    await until(() => two.isServing);
    // It serves only now: all that the other had is there.
    expect(await two.ask("DBSIZE")).toBe(":2000\r\n");
    await until(() => two.node.registers.votes);
    expect(await two.ask("INCR", "lin:x")).toBe(":2\r\n");
  });

  test("peers: a process whose name a later one took hears of it, and serves nobody any more", async () => {
    const [one, two] = await pair();
    await one.ask("SET", "k", "v");
    const later = await start("n2", { seeds: [one.address], founding: "never" });
    await until(() => later.isServing && !two.isServing);
    expect(await two.ask("SET", "k", "w")).toMatch(/^-(LOADING|MOVED) /);
    expect(await later.ask("GET", "k")).toBe("$1\r\nv\r\n");
  });

  test("peers: a node that was met but has not told anything yet is waited for", async () => {
    const one = await start("n1");
    await one.ask("SET", "k", "v");
    // Whoever dials n2 through here comes as far as its hello; the rest waits for the door to open.
    let port = 0;
    let isOpen = false;
    const held: (() => void)[] = [];
    const door = await listener((socket) => {
      const to = connect(port, "127.0.0.1");
      to.on("error", () => socket.destroy()).pipe(socket);
      socket.on("close", () => to.destroy());
      socket.once("data", (hello: Buffer) => {
        to.write(hello);
        if (isOpen) socket.pipe(to);
        else {
          socket.pause();
          held.push(() => socket.pipe(to));
        }
      });
    });
    const two = await start("n2", {
      seeds: [one.address],
      founding: "never",
      advertise: door.address,
    });
    port = two.port;
    await sleep(900);
    expect(held.length).toBeGreaterThan(0);
    expect(two.isServing).toBe(false);
    expect(await two.ask("GET", "k")).toMatch(/^-LOADING /);
    isOpen = true;
    for (const release of held) release();
    await until(() => two.isServing);
    expect(await two.ask("GET", "k")).toBe("$1\r\nv\r\n");
    door.stop();
  });

  test("peers: nodes that name each other found a cluster once all have met", async () => {
    const names = ["n1", "n2", "n3"];
    const doors = await Promise.all(names.map(() => listener(() => {})));
    const ports = doors.map(({ address }) => Number(address.split(":")[1]));
    const seeds = doors.map(({ address }) => address);
    for (const door of doors) door.stop();
    const first = await start("n1", { seeds, founding: "together", port: ports[0]! });
    const second = await start("n2", { seeds, founding: "together", port: ports[1]! });
    await sleep(700);
    expect(first.node.registers.configuration.epoch).toBe(0);
    const third = await start("n3", { seeds, founding: "together", port: ports[2]! });
    await until(() => [first, second, third].every(({ node }) => node.registers.votes));
    expect(third.node.registers.configuration.epoch).toBe(1);
    expect(await third.ask("INCR", "lin:x")).toBe(":1\r\n");
  });

  test("peers: pipelines of linearizable commands from both sides count exactly", async () => {
    // A reply lets the next command go on; it must not do so in the middle of what the registers
    // do.
    const [one, two] = await pair();
    const requests = Array.from({ length: 150 }, (_, i) => [
      "INCR",
      i % 2 === 0 ? "lin:a" : "lin:b",
    ]);
    const replies = await Promise.all([one, one, two, two].map((rig) => rig.pipeline(requests)));
    for (const lines of replies) for (const line of lines) expect(line).toMatch(/^:\d+$/);
    expect(await one.ask("INCRBY", "lin:a", "0")).toBe(":300\r\n");
    expect(await two.ask("INCRBY", "lin:b", "0")).toBe(":300\r\n");
  });

  test("peers: a node that comes back is the same node and a new replica", async () => {
    const [one, two] = await pair();
    await two.ask("INCRBY", "n", "5");
    await until(() => one.node.shards.logBytes > 0);
    await sleep(100);
    await two.stop();
    const again = await start("n2", { seeds: [one.address], founding: "never", port: two.port });
    await until(() => again.isServing);
    expect(await again.ask("INCRBY", "n", "1")).toBe(":6\r\n");
    expect(one.node.clustering!.membership.entries()).toHaveLength(2);
    expect(one.node.clustering!.membership.get("n2")!.incarnation).toBe(again.incarnation);
  });

  test("peers: several nodes behind one address are told apart", async () => {
    const one = await start("n1");
    const two = await start("n2", { seeds: [one.address], founding: "never" });
    let turn = 0;
    const door = await listener((socket) => {
      const to = connect([one.port, two.port][turn++ % 2]!, "127.0.0.1");
      to.on("error", () => socket.destroy()).on("close", () => socket.destroy());
      socket.on("close", () => to.destroy());
      socket.pipe(to).pipe(socket);
    });
    const three = await start("n3", { seeds: [door.address], founding: "never" });
    await until(() => three.isServing);
    await until(() => three.node.clustering!.membership.peers().length === 2);
    await three.ask("SET", "k", "v");
    const deadline = Date.now() + 5_000;
    for (const rig of [one, two])
      while ((await rig.ask("GET", "k")) !== "$1\r\nv\r\n" && Date.now() < deadline)
        await sleep(20);
    expect(await two.ask("GET", "k")).toBe("$1\r\nv\r\n");
    door.stop();
  });
});

describe("strangers", () => {
  test("strangers: garbage is refused and counted, and the node goes on", async () => {
    const [one, two] = await pair();
    const prng = new Prng(5);
    for (let round = 0; round < 40; round++) {
      const stranger = new Stranger(one);
      stranger.socket.write(
        Uint8Array.from({ length: 1 + prng.below(300) }, () => prng.below(256)),
      );
      stranger.socket.end();
      await stranger.closed();
    }
    const http = new Stranger(one);
    http.socket.write("GET / HTTP/1.1\r\n\r\n");
    await http.closed();
    expect(one.host.counters.refused.malformed).toBeGreaterThan(20);
    await one.ask("SET", "k", "v");
    await until(() => two.node.keyspace.databases[0]!.keys.count === 1);
  });

  test.each<[string, Partial<Hello>, number, string]>([
    ["another version", {}, protocolVersion + 1, "other_version"],
    ["another cluster", { cluster: "elsewhere" }, protocolVersion, "other_cluster"],
    ["another number of shards", { shardCount: 64 }, protocolVersion, "other_shard_count"],
    [
      "another number of copies",
      { replicationFactor: 2 },
      protocolVersion,
      "other_replication_factor",
    ],
    ["the node's own name", { name: "n1" }, protocolVersion, "own_name"],
    [
      "an earlier process of a node",
      { name: "n2", incarnation: 3 },
      protocolVersion,
      "older_incarnation",
    ],
  ])("strangers: %s is refused, told why, and counted", async (_what, parts, version, reason) => {
    const [one] = await pair();
    const stranger = new Stranger(one).hello(parts, version);
    await stranger.closed();
    expect(stranger.welcome).toEqual({ kind: "refused", reason });
    expect(one.host.counters.refused).toEqual({ [reason]: 1 });
    expect(one.node.clustering!.membership.entries().map(({ name }) => name)).toEqual(["n1", "n2"]);
  });

  test("strangers: a length beyond every frame ends the connection before anything is kept", async () => {
    const one = await start("n1");
    const stranger = new Stranger(one).hello();
    await until(() => stranger.welcome?.kind === "welcome");
    stranger.socket.write(Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1, 2, 3));
    await stranger.closed();
    const loud = new Stranger(one);
    // Before the hello even a small frame is too long.
    loud.socket.write(Uint8Array.of(0, 0, 0x10, 0));
    await loud.closed();
    expect(loud.welcome).toEqual({ kind: "refused", reason: "malformed" });
  });

  test("strangers: a damaged frame ends the connection and has no effect", async () => {
    const one = await start("n1");
    const stranger = new Stranger(one).hello();
    await until(() => stranger.welcome !== undefined);
    stranger.socket.write(withLength(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)));
    await stranger.closed();
    expect(one.host.counters.malformedFrames).toBe(1);
  });

  test("strangers: a message in another node's name is refused and counted", async () => {
    const [one, two] = await pair();
    const forged: PeerMessage[] = [
      {
        kind: "replication",
        message: {
          sender: two.node.keyspace.self,
          body: { type: "contexts", contexts: [], wantsReply: false },
        },
      },
      {
        kind: "consensus",
        message: {
          epoch: 2,
          incarnation: two.incarnation,
          votes: true,
          body: { type: "heartbeat", wantedMs: 5 },
        },
      },
    ];
    for (const message of forged) {
      const stranger = new Stranger(one).hello();
      await until(() => stranger.welcome?.kind === "welcome");
      stranger.say(two, message);
      await stranger.closed();
    }
    expect(one.host.counters.forgedMessages).toBe(2);
  });

  test("strangers: a batch under the receiver's own name is never joined", async () => {
    const one = await start("n1");
    await one.ask("SET", "k", "v");
    const other = await start("n9");
    const shards = other.node.shards;
    const origin = shards.keyspace.replicas.indexOf(`n1/${one.incarnation.toString(36)}`);
    const batch = batchOf(other, origin, timeOfMs(Date.now() + 100));
    const stranger = new Stranger(one).hello({ incarnation: other.incarnation });
    await until(() => stranger.welcome?.kind === "welcome");
    stranger.say(other, deltaOf(other, batch));
    await until(() => one.node.replicator!.status().foreignCount === 1);
    expect(await one.ask("GET", "future")).toBe("$-1\r\n");
  });

  test("strangers: what comes from the far future is held, counted, and joined when it is due", async () => {
    const one = await start("n1");
    const other = await start("n9");
    const batch = batchOf(other, other.node.keyspace.self, timeOfMs(Date.now() + 6_000));
    const stranger = new Stranger(one).hello({ incarnation: other.incarnation });
    await until(() => stranger.welcome?.kind === "welcome");
    stranger.say(other, deltaOf(other, batch));
    await until(() => one.node.replicator!.status().waitingCount === 1);
    expect(one.node.replicator!.status().earlyCount).toBe(1);
    expect(await one.ask("GET", "future")).toBe("$-1\r\n");
    await until(() => one.node.replicator!.status().waitingCount === 0);
    expect(await one.ask("GET", "future")).toBe("$3\r\nbar\r\n");
  });
});

/** A batch that sets a key, of another maker and time than the node that wrote it. */
function batchOf(maker: PeerRig, origin: number, time: number): Batch {
  const { shards } = maker.node;
  const made: Batch[] = [];
  shards.onClosed = (batches) => made.push(...batches);
  maker.node.beginTurn(Date.now());
  maker.node.request([utf8("SET"), utf8("future"), utf8("bar")], () => {});
  shards.closeBatch();
  const original = made[0]!;
  // The same content under another stamp: the text of a batch bears the batch's.
  const dependencies = new VersionVector();
  const { shard, group, body } = original;
  return newBatch({ shard, origin, previous: 0, time }, dependencies, group, [origin], body);
}

const deltaOf = (as: PeerRig, batch: Batch): PeerMessage => ({
  kind: "replication",
  message: {
    sender: as.node.keyspace.self,
    body: { type: "delta", batches: [batch], contexts: [], isAnswer: false },
  },
});

describe("links", () => {
  /** A peer that welcomes, and answers signs of life unless told not to. */
  async function fakePeer(
    isEchoing: boolean,
    isReading: boolean,
    onFrame: (frame: Uint8Array) => void = () => {},
  ): Promise<{
    readonly address: string;
    readonly stop: () => void;
    readonly sockets: Socket[];
  }> {
    const sockets: Socket[] = [];
    const door = await listener((socket) => {
      sockets.push(socket);
      const reader = new FrameReader(64 * 1024 * 1024);
      let isGreeted = false;
      socket.on("data", (chunk: Buffer) => {
        reader.push(chunk, (frame) => {
          if (!isGreeted) {
            isGreeted = true;
            socket.write(welcome);
            if (!isReading) socket.pause();
          } else if (frame.length > 0) onFrame(frame);
          else if (isEchoing) socket.write(signOfLife);
          return true;
        });
      });
    });
    return { ...door, sockets };
  }

  test("links: a peer that never reads is bounded, and what it misses is counted", async () => {
    const peer = await fakePeer(true, false);
    const one = await start("n1", {
      seeds: [peer.address],
      founding: "never",
      timing: { silentMsMax: 60_000 },
    });
    await until(() => one.isServing, 8_000);
    const message: PeerMessage = {
      kind: "replication",
      message: {
        sender: one.node.keyspace.self,
        body: { type: "state", bytes: new Uint8Array(4 * 1024 * 1024) },
      },
    };
    const before = one.host.counters.droppedFrames;
    for (let i = 0; i < 20; i++) {
      one.host.send("n9", message);
      one.host.outbox.flush();
    }
    expect(one.host.counters.droppedFrames - before).toBeGreaterThan(8);
    expect(Number(one.node.clustering!.transport().waiting_bytes)).toBeLessThan(32 * 1024 * 1024);
    expect(await one.ask("SET", "k", "v")).toBe("+OK\r\n");
    peer.stop();
  }, 20_000);

  test("links: what waits for a slow peer keeps its bytes though others have come and gone", async () => {
    // Long frames lie in memory that is used again; the system reads from it for as long as the
    // peer does not take them.
    const states: number[] = [];
    const peer = await fakePeer(true, false, (frame) => {
      const decoded = decodeFrame(frame, one.node.shards);
      if (!decoded.ok) throw new Error(decoded.error);
      for (const { message } of decoded.value) {
        if (!("body" in message) || message.body.type !== "state") continue;
        const [first, ...rest] = new Set((message.body as { bytes: Uint8Array }).bytes);
        states.push(rest.length > 0 ? Number.NaN : first!);
      }
    });
    const timing = { silentMsMax: 60_000 };
    const one = await start("n1", { seeds: [peer.address], founding: "never", timing });
    await until(() => one.isServing, 8_000);
    const sent = Array.from({ length: 14 }, (_, i) => i + 1);
    for (const fill of sent) {
      const bytes = new Uint8Array(1024 * 1024 - 512).fill(fill);
      const { self } = one.node.keyspace;
      const message = { sender: self, body: { type: "state" as const, bytes } };
      one.host.send("n9", { kind: "replication", message });
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const socket of peer.sockets) socket.resume();
    await until(() => states.length >= sent.length);
    expect(states).toEqual(sent);
    peer.stop();
  }, 20_000);

  test("links: a peer that gives no sign of life is dialled again", async () => {
    const peer = await fakePeer(false, true);
    const one = await start("n1", { seeds: [peer.address], founding: "never" });
    await until(() => one.host.counters.silentLinks >= 2);
    expect(peer.sockets.length).toBeGreaterThanOrEqual(2);
    peer.stop();
  });

  test("links: where nobody listens the pauses between dials grow", async () => {
    const door = await listener(() => {});
    door.stop();
    const one = await start("n1", { seeds: [door.address], founding: "never" });
    await sleep(1_500);
    const { dials, failedDials } = one.host.counters;
    expect(failedDials).toBeGreaterThanOrEqual(5);
    expect(dials).toBeLessThan(40);
  });
});
