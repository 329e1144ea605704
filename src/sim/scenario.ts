// Scenarios: a story as text, after cockroachdb's datadriven and etcd's interaction tests. Blocks
// of commands, a line `----`, and what they answer; run again, the same text must come out. Nothing
// happens by chance here: no faults but those of the story.
//
//   cluster replicas=3        a fresh cluster; links of one millisecond
//   n1 SET color red          a client of n1 asks; its reply follows
//   partition n1 | n2 n3      groups that do not hear each other; who is in none hears nobody
//   cut n1 > n2               one direction of one link
//   heal                      links are whole, processes that are down start again
//   crash n2                  memory is lost; heal or start brings a new incarnation
//   start n2
//   pause n2 500              milliseconds
//   jump n2 -3000             the clock is set
//   run 500                   milliseconds pass
//   settle                    time passes until all agree, or 5 s
//   show color fruit          what each node holds under a key
//   logs                      how much each node still keeps for the others
//
// A line that begins with # is a comment; so is what follows two spaces and a #.

import type { Bytes } from "../base/bytes.js";
import { decodeReply, type ReplyValue } from "../wire/reply-decoder.js";
import { encodeRequest, textOfReply } from "./client.js";
import { drawProfile, type FaultProfile, faultKinds } from "./fault-profile.js";
import { isConverged } from "./judges.js";
import type { SimulatedHost } from "./simulated-host.js";
import { Simulation } from "./simulation.js";
import type { Trace } from "./trace.js";

const separator = "----";
const ms = 1000;
const settleMsMax = 5000;
const settleStepMs = 50;
/** A reply that takes longer is none. */
const replyMsMax = 1500;
const readings: Readonly<Record<string, (key: string) => string[]>> = {
  string: (key) => ["GET", key],
  set: (key) => ["SMEMBERS", key],
  hash: (key) => ["HGETALL", key],
  list: (key) => ["LRANGE", key, "0", "-1"],
  zset: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
  stream: (key) => ["XRANGE", key, "-", "+"],
};

type Link = readonly [from: number, to: number];

/** The same text with the answers that come out now. */
export function runScenario(text: string, trace?: Trace): string {
  const scenario = new Scenario(trace);
  const blocks = text.trimEnd().split(/\n{2,}/);
  return `${blocks
    .map((block) => runBlock(scenario, block))
    .join("\n\n")
    .trimEnd()}\n`;
}

function runBlock(scenario: Scenario, block: string): string {
  const lines = block.split("\n");
  const end = lines.indexOf(separator);
  if (end === 0) throw new Error("answers without commands");
  const commands = end < 0 ? lines : lines.slice(0, end);
  const answers = commands.flatMap((line) => scenario.run(line));
  const isComment = commands.every((line) => line === "" || line.startsWith("#"));
  if (isComment) return block.trimEnd();
  return [...commands, separator, ...(answers.length > 0 ? answers : ["ok"])].join("\n");
}

class Scenario {
  readonly #trace: Trace | undefined;
  #simulation: Simulation | undefined;
  #cuts: Link[] = [];

  constructor(trace: Trace | undefined) {
    this.#trace = trace;
  }

  /** Runs one line; answers what it says. */
  run(line: string): string[] {
    const [text = ""] = line.split("  #");
    const [name = "", ...args] = text.trim().split(/ +/);
    if (name === "" || name.startsWith("#")) return [];
    if (name === "cluster") {
      const nodeCount = Number(args[0]?.split("=")[1] ?? 3);
      this.#simulation = new Simulation(quietProfile(nodeCount), this.#trace);
      return [];
    }
    const { names, hosts } = this.#cluster;
    const asked = hosts[names.indexOf(name)];
    if (asked !== undefined) return [`${name} ${args.join(" ")} -> ${this.#ask(asked, args)}`];
    return this.#control(name, args);
  }

  get #cluster(): Simulation {
    if (this.#simulation === undefined) throw new Error("a scenario begins with `cluster`");
    return this.#simulation;
  }

  #host(name: string | undefined): SimulatedHost {
    const { hosts, names } = this.#cluster;
    const host = hosts[names.indexOf(name ?? "")];
    if (host === undefined) throw new Error(`there is no node ${name}`);
    return host;
  }

  #control(name: string, args: readonly string[]): string[] {
    const [first, second] = args;
    if (name === "show") return args.flatMap((key) => this.#show(key));
    if (name === "settle") return this.#settle();
    if (name === "logs") return this.#logs();
    if (name === "run") this.#cluster.runFor(Number(first) * ms);
    else if (name === "heal") this.#heal();
    else if (name === "partition") this.#partition(args.join(" ").split("|"));
    else if (name === "cut") this.#cut([[this.#host(first).index, this.#host(args[2]).index]]);
    else if (name === "crash") this.#host(first).crash();
    else if (name === "start") this.#host(first).start();
    else if (name === "pause") this.#host(first).pause(Number(second) * ms);
    else if (name === "jump") this.#host(first).clock.jump(Number(second));
    else throw new Error(`no scenario command is called ${name}`);
    return [];
  }

  #partition(groups: readonly string[]): void {
    const { names } = this.#cluster;
    const groupOf = (name: string): number =>
      groups.findIndex((group) => group.trim().split(/ +/).includes(name));
    const links = names.flatMap((from, i) =>
      names.map((to, j): [Link, boolean] => {
        const isTogether = groupOf(from) >= 0 && groupOf(from) === groupOf(to);
        return [[i, j], i !== j && !isTogether];
      }),
    );
    this.#cut(links.filter(([, isCut]) => isCut).map(([link]) => link));
  }

  #cut(links: readonly Link[]): void {
    this.#cluster.network.cut(links);
    this.#cuts.push(...links);
  }

  #heal(): void {
    const { network, hosts } = this.#cluster;
    network.mend(this.#cuts);
    this.#cuts = [];
    for (const host of hosts) if (host.life === undefined) host.start();
  }

  #settle(): string[] {
    const simulation = this.#cluster;
    for (let passed = 0; passed < settleMsMax; passed += settleStepMs) {
      simulation.runFor(settleStepMs * ms);
      if (this.#cuts.length === 0 && isConverged(simulation)) return [];
    }
    return this.#cuts.length > 0 ? [] : ["the nodes do not agree"];
  }

  #logs(): string[] {
    return this.#cluster.hosts.map(({ name, life }) => {
      const { logBytes = 0, waitingCount = 0 } = life?.node.replicator?.status() ?? {};
      return `${name}: ${logBytes} bytes of batches, ${waitingCount} wait`;
    });
  }

  /** Nodes that hold the same are named together. */
  #show(key: string): string[] {
    const holders = new Map<string, string[]>();
    for (const host of this.#cluster.hosts) {
      const value = host.life === undefined ? "(down)" : this.#read(host, key);
      holders.set(value, [...(holders.get(value) ?? []), host.name]);
    }
    return [...holders].map(([value, names]) => `${names.join(" ")}: ${key} = ${value}`);
  }

  #read(host: SimulatedHost, key: string): string {
    const type = this.#ask(host, ["TYPE", key]);
    const reading = readings[type];
    if (reading === undefined) return type === "none" ? "(absent)" : `(${type})`;
    const reply = this.#request(host, reading(key));
    if (reply?.kind !== "array") return reply === undefined ? "(no reply)" : textOfReply(reply);
    const items = reply.items.map(textOfReply);
    if (type === "list" || type === "stream") return `[${items.join(" ")}]`;
    if (type === "set") return `{${items.sort().join(" ")}}`;
    const pairs = items.flatMap((item, i) => (i % 2 === 0 ? [`${item}=${items[i + 1]}`] : []));
    return `{${(type === "hash" ? pairs.sort() : pairs).join(" ")}}`;
  }

  #ask(host: SimulatedHost, args: readonly string[]): string {
    const reply = this.#request(host, args);
    return reply === undefined ? "(no reply)" : textOfReply(reply);
  }

  #request(host: SimulatedHost, args: readonly string[]): ReplyValue | undefined {
    const simulation = this.#cluster;
    let bytes: Bytes | undefined;
    const session = host.connect({
      onReply: (reply) => {
        bytes = reply;
      },
      onClose() {},
    });
    if (session === undefined) return undefined;
    host.receiveBytes(session, encodeRequest(args), (_life, run) => run());
    for (let passed = 0; passed < replyMsMax && bytes === undefined; passed++)
      simulation.runFor(ms);
    if (host.life !== undefined) host.disconnect(host.life, session);
    return bytes === undefined ? undefined : decodeReply(bytes);
  }
}

/** No faults, no logs; links of a millisecond. */
function quietProfile(nodeCount: number): FaultProfile {
  const drawn = drawProfile(1, { nodeCount, suppressed: faultKinds, isClustered: false });
  return { ...drawn, delayMs: [1, 1], turnUs: 20, hasLog: false };
}
