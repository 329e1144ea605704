// How replication's messages leave a node: at once, or when the log says that what they tell of is
// durable (merge-rules 15).

import type { Port } from "../replication/cluster.js";
import { withOwnBodies } from "../replication/messages.js";
import type { NodeEffects } from "./effects.js";
import type { Journal } from "./journal.js";

export const replicationPort = (
  journal: () => Journal | undefined,
  effects: NodeEffects,
): Port => ({
  send: (to, message) => {
    const log = journal();
    if (log === undefined || !log.isHoldingMessages) {
      effects.send(to, { kind: "replication", message });
      return;
    }
    // Others may have brought the batches to everybody by the time that this leaves.
    const kept = withOwnBodies(message);
    log.tellPeer(() => effects.send(to, { kind: "replication", message: kept }));
  },
});
