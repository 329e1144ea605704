// Connections between the nodes of a cluster whose nodes come and go, as host/peer-host.ts keeps
// them: a node dials the addresses that it is told, says who it is, and hears who answered. From
// then on its frames travel; they are bound to the two processes at the ends.
//
// Only the greeting is modelled: a connection never reorders by itself, but the network does what
// it likes with frames (network.ts), which is more than the production code has to bear.

import type { Prng } from "../base/prng.js";
import type { ClusteringOptions, LinkView } from "../node/clustering.js";
import type { NodeOptions } from "../node/node-options.js";
import type { MemberEntry } from "../replication/membership.js";
import type { SimulatedHost } from "./simulated-host.js";
import type { Life } from "./simulated-life.js";
import type { Simulation } from "./simulation.js";

/** Before the first dial, and between two. */
const firstDialUs = [500, 20_000] as const;
const dialUs = [50_000, 400_000] as const;
/** How often a link looks whether it still reaches anybody. */
const beatUs = [300_000, 700_000] as const;

export const addressOf = (name: string): string => `${name}:7`;
const nameIn = (address: string): string => address.slice(0, address.indexOf(":"));

/** The processes between which a frame travels. */
export interface Line {
  readonly from: number;
  readonly to: number;
}

/** Short, so that within a run heat comes and goes. */
const hotWindowMs = 2_000;

interface Link {
  readonly name: string;
  /** Of the process at the other end. */
  incarnation: number;
  isOpen: boolean;
  isWanted: boolean;
}

/** How a node comes to its cluster. @param isJoining others are there already */
export function membersOf(
  { names, members, founders, profile }: Simulation,
  entry: MemberEntry,
  isJoining: boolean,
): Pick<NodeOptions, "members" | "cluster"> {
  if (!profile.isClustered) return { members: names };
  const others = isJoining ? members.map(({ name }) => name) : founders;
  const cluster: ClusteringOptions = {
    entry,
    seeds: others.filter((name) => name !== entry.name).map(addressOf),
    founding: isJoining ? "never" : "together",
    replicationFactor: profile.replicationFactor,
    copies: { readsPerCopy: profile.readsPerCopy, windowMs: hotWindowMs },
  };
  return { members: [entry.name], cluster };
}

export function entryOf(name: string, incarnation: number): MemberEntry {
  const address = addressOf(name);
  return { name, incarnation, state: "alive", peerAddress: address, clientAddress: address };
}

/** The links of one life of a node. */
export class SimulatedLinks {
  readonly #simulation: Simulation;
  readonly #host: SimulatedHost;
  readonly #life: Life;
  readonly #prng: Prng;
  readonly #links = new Map<string, Link>();

  constructor(simulation: Simulation, host: SimulatedHost, life: Life, prng: Prng) {
    this.#simulation = simulation;
    this.#host = host;
    this.#life = life;
    this.#prng = prng;
    const { clustering } = life.node;
    if (clustering === undefined) return;
    clustering.onTargets = (addresses) => this.#want(addresses);
    clustering.linkOf = (address) => this.#view(address);
    this.#want(clustering.targets());
  }

  /** The line to a peer; undefined while there is none. */
  lineTo(name: string): Line | undefined {
    const link = this.#links.get(addressOf(name));
    return link?.isOpen === true
      ? { from: this.#life.incarnation, to: link.incarnation }
      : undefined;
  }

  #view(address: string): LinkView | undefined {
    const isSelf = nameIn(address) === this.#host.name;
    if (isSelf) return { name: this.#host.name, isSelf, isOpen: false };
    const link = this.#links.get(address);
    if (link === undefined) return undefined;
    return { name: link.incarnation === 0 ? "" : link.name, isSelf, isOpen: link.isOpen };
  }

  #want(addresses: readonly string[]): void {
    const wanted = new Set(addresses.filter((address) => nameIn(address) !== this.#host.name));
    for (const [address, link] of this.#links) {
      if (wanted.has(address)) continue;
      link.isWanted = false;
      link.isOpen = false;
      this.#links.delete(address);
    }
    for (const address of wanted) {
      if (this.#links.has(address)) continue;
      const link = { name: nameIn(address), incarnation: 0, isOpen: false, isWanted: true };
      this.#links.set(address, link);
      this.#later(link, firstDialUs, () => this.#dial(link));
    }
  }

  #later(link: Link, us: readonly [number, number], run: () => void): void {
    this.#simulation.queue.after(this.#prng.between(...us), () => {
      if (link.isWanted && this.#host.life === this.#life) run();
    });
  }

  #reaches(link: Link): SimulatedHost | undefined {
    const { hosts, names, network } = this.#simulation;
    const index = names.indexOf(link.name);
    const isCut = network.isCutBetween(this.#host.index, index);
    return isCut || hosts[index]?.life === undefined ? undefined : hosts[index];
  }

  #dial(link: Link): void {
    const other = this.#reaches(link);
    if (other === undefined) {
      this.#later(link, dialUs, () => this.#dial(link));
      return;
    }
    const entry = entryOf(this.#host.name, this.#life.incarnation);
    // The other process may be paused: then the greeting takes as long.
    other.perform((life) => {
      const isWelcome = !isOutdated(life, entry);
      if (isWelcome) life.node.clustering?.onHello(entry, life.node.nowMs);
      this.#host.perform(() => {
        if (link.isWanted && isWelcome) this.#open(link, life);
      });
    });
    this.#later(link, dialUs, () => {
      if (!link.isOpen) this.#dial(link);
    });
  }

  #open(link: Link, other: Life): void {
    if (link.isOpen || this.#host.life !== this.#life) return;
    link.isOpen = true;
    link.incarnation = other.incarnation;
    const { node } = this.#life;
    node.clustering?.onLinked(link.name, other.incarnation, node.nowMs);
    this.#later(link, beatUs, () => this.#beat(link));
  }

  /** A link whose other end is another process, or out of reach, is given up and dialled anew. */
  #beat(link: Link): void {
    if (!link.isOpen) return;
    if (this.#reaches(link)?.life?.incarnation === link.incarnation) {
      this.#later(link, beatUs, () => this.#beat(link));
      return;
    }
    link.isOpen = false;
    this.#dial(link);
  }
}

/** A process of which a later one is known is not let in. */
const isOutdated = ({ node }: Life, { name, incarnation }: MemberEntry): boolean =>
  incarnation < (node.clustering?.membership.get(name)?.incarnation ?? 0);
