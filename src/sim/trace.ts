// The trace of a run: one line per event, in fixed columns: virtual time in milliseconds, number of
// the event, node, what happened. No line holds anything that the seed does not decide.

import { createHash } from "node:crypto";
import type { Bytes } from "../base/bytes.js";
import type { Session } from "../commands/session.js";
import type { PeerMessage } from "../node/messages.js";
import type { Node } from "../node/node.js";
import type { DiskWatcher, SimulatedDisk } from "./disk.js";
import type { Simulation } from "./simulation.js";

/** Watches a run through its trace, and may look at its nodes. */
export interface Watcher {
  watch?(simulation: Simulation): void;
  event(nowUs: number, node: string, text: string): void;
  /** A node hands a message to the network. */
  sent?(node: string, to: string, message: PeerMessage): void;
  /** A node's acceptor hands a record to the disk. */
  recorded?(node: string, record: Bytes): void;
  /** A node has a disk. */
  disk?(node: string, disk: SimulatedDisk): DiskWatcher;
  /** A node's start has found the records up to an LSN. */
  recovered?(node: string, lsn: number): void;
  /** A node takes in a client's bytes. */
  asking?(session: Session): void;
  /** It has taken them in, and has answered or will. */
  asked?(session: Session, node: Node): void;
  answered?(name: string, session: Session, node: Node): void;
  /** A node has ended a piece of work. It must not be changed. */
  worked?(name: string, node: Node): void;
}

export class Trace {
  /** Told of each event; set before the run. */
  watcher: Watcher | undefined;
  readonly #write: (line: string) => void;
  readonly #hash = createHash("sha256");
  count = 0;

  constructor(write: (line: string) => void = () => {}) {
    this.#write = write;
  }

  event(nowUs: number, node: string, text: string): void {
    const ms = (nowUs / 1000).toFixed(3).padStart(11);
    const line = `${ms} ${String(++this.count).padStart(7)} ${node.padEnd(4)} ${text}`;
    this.#hash.update(line);
    this.#write(line);
    this.watcher?.event(nowUs, node, text);
  }

  /** Of all lines so far. To be called once. */
  digest(): string {
    return this.#hash.digest("hex");
  }
}
