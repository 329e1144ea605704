// What nodes say to each other. Each kind belongs to one protocol, which owns its meaning and its
// encoding (wire/peer-codec.ts).

import type { ConsensusMessage } from "../consensus/messages.js";
import type { MembershipMessage } from "../replication/membership.js";
import type { ReplicationMessage } from "../replication/messages.js";

export type PeerMessage =
  | { readonly kind: "consensus"; readonly message: ConsensusMessage }
  | { readonly kind: "replication"; readonly message: ReplicationMessage }
  | { readonly kind: "membership"; readonly message: MembershipMessage };
