// What a simulated process has instead of a connection's and a system's: the face of the clients,
// as in earnest, through which the judges also hear what clients are not told yet; and facts about
// a process of which nothing is known.

import type { Bytes } from "../base/bytes.js";
import type { HostFacts } from "../commands/environment.js";
import type { Session } from "../commands/session.js";
import type { NodeEffects } from "../node/effects.js";
import type { Node } from "../node/node.js";
import { ClientInput } from "../wire/client-input.js";

/** The face of the clients, which also tells of replies that are held until the disk has spoken. */
export class WatchedInput extends ClientInput {
  readonly #node: Node;
  readonly #listeners = new WeakMap<Session, (bytes: Bytes) => void>();

  constructor(node: Node, effects: NodeEffects) {
    super(node, effects);
    this.#node = node;
  }

  /**
   * From now on a listener hears what a session is answered, in the turn that has made it, which
   * may be a later one than that of the request. Undefined: nobody listens any more.
   */
  listen(session: Session, listener: ((bytes: Bytes) => void) | undefined): void {
    if (listener === undefined) this.#listeners.delete(session);
    else this.#listeners.set(session, listener);
  }

  override flush(session: Session): void {
    const { reply } = this.#node;
    if (reply.length > 0) this.#listeners.get(session)?.(reply.bytes.slice(0, reply.length));
    super.flush(session);
  }
}

/** A process of which nothing is known. */
export const newFacts = (startedMs: number): HostFacts => ({
  processId: 1,
  nodeVersion: "",
  operatingSystem: "",
  architecture: "",
  executable: "",
  configFile: "",
  version: "",
  startedMs,
  port: 0,
  runId: "",
  residentBytes: 0,
  peakResidentBytes: 0,
  heapBytes: 0,
  startMemoryBytes: 0,
  totalMemoryBytes: 0,
  cpuUserSeconds: 0,
  cpuSystemSeconds: 0,
});
