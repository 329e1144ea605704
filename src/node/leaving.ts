// Leaving a cluster while clients write. As long as a node takes writes it has always something
// that its peers have not confirmed. So its writes are paused, as by CLIENT PAUSE: they wait, reads
// are answered, and nothing is removed for its deadline. Once everybody has everything the node is
// out, and what waited is answered like all that comes later: `MOVED` to a node that has stayed.
// Where it takes too long the pause ends, and the node goes on as a member.
//
// Left out: keys that other nodes' pushes complete for a client that waits here (BLPOP). Such
// clients are sent away at the beginning.

import type { Call } from "../commands/call.js";
import { type Command, keyPositions } from "../commands/command.js";
import { slotOfKey } from "../keyspace/slot.js";
import type { ClusteringPorts } from "./clustering.js";
import type { Gate } from "./dispatcher-gates.js";
import type { Node } from "./node.js";

/** For so long writes wait at most, and who has asked to leave. */
export const leaveMsMax = 10_000;
/** How often it is tried. */
export const leaveTryMs = 20;
/** Clients that may ask at a time. */
export const leaverCountMax = 16;

export function leavingPorts(node: Node): Pick<ClusteringPorts, "pauseWrites" | "onLeft"> {
  const { environment, dispatcher } = node;
  return {
    pauseWrites: (forMs) => {
      environment.pause(forMs === 0 ? 0 : node.nowMs + forMs, "write");
      if (forMs > 0) node.blocking.redirect(() => "UNBLOCKED this node is leaving its cluster");
    },
    onLeft: () => {
      dispatcher.serve(false);
      dispatcher.gates.set("loading", leftGate(node));
      environment.pause(0, "write");
    },
  };
}

/** Redis's word for "not here, not now": clients know that nothing was done, and go elsewhere. */
const goneError = "LOADING this node does not belong to its cluster any more, see INFO members";

/** What a node answers that has left, was forgotten or was replaced, and still runs. */
function leftGate(node: Node): Gate {
  return (call, command, _session, refuse) => {
    if (command.flags.includes("loading")) return false;
    refuse(movedTo(node, call, command) ?? goneError);
    return true;
  };
}

function movedTo(node: Node, call: Call, command: Command): string | undefined {
  const [index] = keyPositions(command, call) ?? [];
  if (index === undefined || index >= call.argc) return undefined;
  const start = call.start(index);
  const slot = slotOfKey(call.bytes, start, start + call.size(index));
  const ranges = node.environment.cluster?.slots() ?? [];
  const range = ranges.find((each) => each.start <= slot && slot <= each.end);
  if (range === undefined) return undefined;
  const server = [range.owner, ...range.others].find(({ isSelf, port }) => !isSelf && port > 0);
  return server && `MOVED ${slot} ${server.host}:${server.port}`;
}
