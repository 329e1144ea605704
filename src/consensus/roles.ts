// The roles of this node on one register, and which of them a reply is for.

import type { NodeId } from "./configuration.js";
import type { Home } from "./home.js";
import type { Reply } from "./messages.js";
import type { Origin } from "./origin.js";
import type { Proposer } from "./proposer.js";
import type { Reader } from "./reader.js";

export interface Roles {
  readonly home: Home;
  readonly proposer: Proposer;
  readonly origin: Origin;
  readonly reader: Reader;
}

export function deliverReply(
  roles: Roles,
  now: number,
  from: NodeId,
  incarnation: number,
  body: Reply,
): void {
  switch (body.type) {
    case "promise":
      roles.proposer.onPromise(now, from, body);
      return;
    case "accepted":
      roles.proposer.onAccepted(now, from, body);
      return;
    case "rejected":
      roles.proposer.onRejected(now, from, body);
      return;
    case "read_ok":
      roles.reader.onReply(now, from, body);
      return;
    case "forward_ok":
      roles.origin.onForwardOk(body);
      return;
    case "forward_refused":
      roles.origin.onForwardRefused(now, from, incarnation, body);
      return;
  }
}
