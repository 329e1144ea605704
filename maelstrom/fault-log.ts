// Carries out the steps of the nemesis on the cluster and the network, and remembers when which cut
// and which outage lasted, on the clock of the history.

import type { Cluster } from "./cluster.js";
import type { CutRecord, Outage } from "./majority.js";
import {
  applyStep,
  describeStep,
  type FaultStep,
  type FaultTarget,
  healingSteps,
} from "./nemesis.js";
import type { Network } from "./network.js";
import type { Cut } from "./partitions.js";

export class FaultLog {
  readonly #steps: FaultStep[] = [];
  readonly #records: { atUs: number; what: string }[] = [];
  readonly #cuts: CutRecord[] = [];
  readonly #outages: Outage[] = [];
  readonly #cluster: Cluster;
  readonly #network: Network;
  readonly #stamp: () => number;
  #openCut: { cut: Cut; fromUs: number } | undefined;
  readonly #openOutages = new Map<string, number>();
  readonly #restarts: Promise<void>[] = [];

  /** @param stamp the time now in microseconds, never twice the same. */
  constructor(cluster: Cluster, network: Network, stamp: () => number) {
    this.#cluster = cluster;
    this.#network = network;
    this.#stamp = stamp;
  }

  get last(): string {
    return this.#records.at(-1)?.what ?? "no fault yet";
  }

  take(step: FaultStep): void {
    this.#steps.push(step);
    this.#records.push({ atUs: this.#stamp(), what: describeStep(step) });
    applyStep(step, this.#target);
  }

  /** Ends every fault that still lasts. */
  heal(): void {
    this.#records.push({ atUs: this.#stamp(), what: "heal everything" });
    for (const step of healingSteps(this.#steps)) applyStep(step, this.#target);
  }

  /** Resolves when every node restarted so far was introduced. */
  async restarted(): Promise<void> {
    await Promise.all(this.#restarts);
  }

  /** Closes what still lasts and answers everything that happened. */
  finish(): {
    records: readonly { atUs: number; what: string }[];
    cuts: readonly CutRecord[];
    outages: readonly Outage[];
  } {
    this.#target.cut(undefined);
    for (const node of [...this.#openOutages.keys()]) this.#endOutage(node);
    return { records: this.#records, cuts: this.#cuts, outages: this.#outages };
  }

  readonly #target: FaultTarget = {
    cut: (cut) => {
      const atUs = this.#stamp();
      if (this.#openCut !== undefined) {
        const { cut: ended, fromUs } = this.#openCut;
        const { kind, description } = ended;
        const majoritySide = [...ended.majoritySide];
        this.#cuts.push({ kind, description, majoritySide, fromUs, toUs: atUs });
      }
      this.#openCut = cut === undefined ? undefined : { cut, fromUs: atUs };
      this.#network.cut = cut?.deaf ?? new Map();
    },
    kill: (node) => {
      this.#beginOutage(node);
      this.#cluster.kill(node);
    },
    restart: (node) => {
      this.#restarts.push(this.#cluster.restart(node).then(() => this.#endOutage(node)));
    },
    pause: (node) => {
      this.#beginOutage(node);
      this.#cluster.pause(node);
    },
    resume: (node) => {
      this.#cluster.resume(node);
      if (this.#cluster.isUp(node)) this.#endOutage(node);
    },
    setLossChance: (chance) => {
      this.#network.lossChance = chance;
    },
    setDuplicateChance: (chance) => {
      this.#network.duplicateChance = chance;
    },
  };

  #beginOutage(node: string): void {
    if (!this.#openOutages.has(node)) this.#openOutages.set(node, this.#stamp());
  }

  #endOutage(node: string): void {
    const fromUs = this.#openOutages.get(node);
    if (fromUs === undefined) return;
    this.#openOutages.delete(node);
    this.#outages.push({ node, fromUs, toUs: this.#stamp() });
  }
}
