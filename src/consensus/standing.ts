// Where a node stands: the configuration that it follows, whether that names it with the state that
// it has, and whether it holds what a member must hold, so that it may vote (consensus-rules 15).
// Both are logged, so that a node that restarts with its log goes on as it was.

import type { Bytes } from "../base/bytes.js";
import { type Configuration, memberOf, type NodeId } from "./configuration.js";
import { encodeRecord } from "./records.js";

export class Standing {
  readonly self: NodeId;
  /** The incarnation in which this node's durable state began. */
  readonly stateIncarnation: number;
  configuration: Configuration;
  votes: boolean;
  /**
   * The record after which all that it copied is durable; Infinity while it copies (copying.ts).
   */
  settledLsn = 0;
  /** What an earlier process was copying is to be copied still. */
  hasToResume = false;

  constructor(self: NodeId, stateIncarnation: number, configuration: Configuration) {
    this.self = self;
    this.stateIncarnation = stateIncarnation;
    this.configuration = configuration;
    this.votes = this.isNamed;
  }

  get isNamed(): boolean {
    const member = memberOf(this.configuration, this.self);
    return member !== undefined && member.incarnation === this.stateIncarnation;
  }

  /** Follows a later configuration. */
  follow(configuration: Configuration): void {
    this.configuration = configuration;
    // Whoever is named for the first time has to copy first, except at the foundation: then
    // everybody is blank.
    const isReady = this.votes || configuration.epoch === 1;
    this.votes = this.isNamed && isReady;
  }

  /** What was logged last, before anything else happened. */
  recover(configuration: Configuration, isReady: boolean): void {
    if (configuration.epoch < this.configuration.epoch) return;
    this.configuration = configuration;
    this.votes = this.isNamed && isReady;
    this.hasToResume = this.isNamed;
    this.settledLsn = Number.POSITIVE_INFINITY;
  }

  record(): Bytes {
    const { configuration, votes } = this;
    return encodeRecord({ kind: "configuration", configuration, isReady: votes });
  }
}
