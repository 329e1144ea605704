// The network between the nodes: frames are delayed, lost, repeated, overtaken, damaged or cut
// short, and links are cut one way each. What a frame means is not known here.

import type { Bytes } from "../base/bytes.js";
import type { Prng } from "../base/prng.js";
import type { FaultKind, FaultProfile } from "./fault-profile.js";
import type { Line } from "./links.js";
import type { Simulation } from "./simulation.js";

/** At most so many bits of a damaged frame are wrong. */
const flippedBitCountMax = 4;

/** A copy with some bits turned over. */
export function corrupted(frame: Bytes, prng: Prng): Bytes {
  const bytes = frame.slice();
  for (let count = prng.between(1, flippedBitCountMax); count > 0; count--) {
    const bit = prng.below(bytes.length * 8);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  return bytes;
}

/** How long a frame is held so that others overtake it, and how long a straggler takes. */
const reorderUs = [5_000, 100_000] as const;
const stragglerUs = [200_000, 2_000_000] as const;

export class Network {
  sentCount = 0;
  sentBytes = 0;
  deliveredCount = 0;
  readonly #simulation: Simulation;
  readonly #prng: Prng;
  readonly #profile: FaultProfile;
  /** How many partitions cut each link, by `from * names.length + to`. */
  readonly #cuts: number[];
  #cutCount = 0;
  /** Per link, the number of the latest frame that was delivered. */
  readonly #latest: number[];

  constructor(simulation: Simulation, prng: Prng) {
    this.#simulation = simulation;
    this.#prng = prng;
    this.#profile = simulation.profile;
    const linkCount = simulation.names.length ** 2;
    this.#cuts = new Array<number>(linkCount).fill(0);
    this.#latest = new Array<number>(linkCount).fill(0);
  }

  isCutBetween(from: number, to: number): boolean {
    return this.#cuts[this.#linkOf([from, to])]! + this.#cuts[this.#linkOf([to, from])]! > 0;
  }

  /** Whether any link is cut. */
  get isCut(): boolean {
    return this.#cutCount > 0;
  }

  /** Cuts links, each `[from, to]`, until `heal` is called with the same. */
  cut(links: readonly (readonly [number, number])[]): void {
    this.#cutCount++;
    for (const link of links) this.#cuts[this.#linkOf(link)]!++;
  }

  mend(links: readonly (readonly [number, number])[]): void {
    this.#cutCount--;
    for (const link of links) this.#cuts[this.#linkOf(link)]!--;
  }

  /** @param line between which processes, where connections are bound to them */
  send(from: number, to: number, frame: Bytes, line?: Line): void {
    const { simulation } = this.#parts;
    this.sentCount++;
    this.sentBytes += frame.length;
    const order = this.sentCount;
    if (simulation.isTraced)
      simulation.trace(from, `send ${simulation.nameOf(to)} #${order} ${frame.length} B`);
    if (this.#cuts[this.#linkOf([from, to])]! > 0) {
      if (simulation.isTraced) simulation.trace(from, `cut #${order}`);
      return;
    }
    const copies = this.#happens("network_duplicate", from, order) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.#sendCopy(from, to, frame, order, line);
  }

  get #parts(): { simulation: Simulation; prng: Prng } {
    return { simulation: this.#simulation, prng: this.#prng };
  }

  #sendCopy(from: number, to: number, frame: Bytes, order: number, line?: Line): void {
    const { simulation, prng } = this.#parts;
    if (this.#happens("network_drop", from, order)) return;
    let bytes = frame;
    if (this.#happens("network_corrupt", from, order)) bytes = corrupted(bytes, prng);
    if (this.#happens("network_partial_write", from, order))
      bytes = bytes.slice(0, prng.below(bytes.length));
    const [minMs, maxMs] = this.#profile.delayMs;
    let delayUs = (minMs + prng.float() * (maxMs - minMs)) * 1000;
    if (this.#happens("network_reorder", from, order)) delayUs += prng.between(...reorderUs);
    if (this.#happens("network_delay", from, order)) delayUs += prng.between(...stragglerUs);
    simulation.queue.after(delayUs, () => this.#deliver(from, to, bytes, order, line));
  }

  #deliver(from: number, to: number, bytes: Bytes, order: number, line?: Line): void {
    const { simulation } = this.#parts;
    const link = this.#linkOf([from, to]);
    if (this.#cuts[link]! > 0) return;
    this.deliveredCount++;
    if (order < this.#latest[link]!) simulation.sometimes.add("message_overtaken");
    this.#latest[link] = Math.max(order, this.#latest[link]!);
    simulation.hosts[to]!.receiveFrame(from, bytes, order, line);
  }

  #happens(kind: FaultKind, from: number, order: number): boolean {
    return this.#simulation.happens(kind, from, order);
  }

  #linkOf([from, to]: readonly [number, number]): number {
    return from * this.#simulation.names.length + to;
  }
}
