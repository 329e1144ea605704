// What nodes say to each other. Each kind belongs to one protocol, which owns its meaning and its encoding
// (wire/peer-codec.ts).

import type { ConsensusMessage } from "../consensus/messages.js";

export type PeerMessage = { readonly kind: "consensus"; readonly message: ConsensusMessage };
