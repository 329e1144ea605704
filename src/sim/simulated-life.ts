// One life of a simulated node's process: what a crash takes.

import type { Bytes } from "../base/bytes.js";
import type { Session } from "../commands/session.js";
import type { Node } from "../node/node.js";
import type { PeerOutbox } from "../wire/peer-outbox.js";
import type { WatchedInput } from "./watched-input.js";

/** A client's end of a connection. */
export interface Connection {
  onReply(bytes: Bytes): void;
  onClose(): void;
}

/** One life of a node's process. */
export interface Life {
  readonly incarnation: number;
  readonly node: Node;
  readonly input: WatchedInput;
  readonly outbox: PeerOutbox;
  readonly connections: Map<Session, Connection>;
}
