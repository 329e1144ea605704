// The configuration: which nodes vote, and with which state (consensus-rules 15 and 16). Its epoch
// travels in every message. A member is a node together with the incarnation in which its durable
// state began: a node that lost its state is somebody else and does not vote until a later
// configuration names it. How one is chosen: configuring.ts; how a new member gets its state:
// copying.ts.

import { assert } from "../base/assert.js";
import { compareText } from "../base/bytes.js";

export type NodeId = string;

/** How many members a configuration may have; a decoded list that is longer is malformed. */
export const memberCountMax = 64;

export interface Member {
  readonly node: NodeId;
  /** The incarnation in which the member's durable state began, not that of its present process. */
  readonly incarnation: number;
}

/** How the members differ in number from those of the epoch before. The position is the code. */
export const growths = ["same", "grown", "shrunk"] as const;
export type Growth = (typeof growths)[number];

export interface Configuration {
  readonly epoch: number;
  readonly growth: Growth;
  /** In order of node, so that two equal configurations have one representation. */
  readonly members: readonly Member[];
}

export function newConfiguration(
  epoch: number,
  members: readonly Member[],
  growth: Growth = "same",
): Configuration {
  assert(epoch > 0, "epoch 0 is before every configuration");
  assert(members.length > 0, "a configuration has members");
  assert(members.length <= memberCountMax, "more members than a configuration may have");
  const sorted = [...members].sort((a, b) => compareText(a.node, b.node));
  for (let i = 1; i < sorted.length; i++)
    assert(sorted[i - 1]!.node !== sorted[i]!.node, "a node is a member once");
  return { epoch, growth, members: sorted };
}

/** Before a cluster is founded, or found: nobody votes, every operation is refused. */
export const noConfiguration: Configuration = { epoch: 0, growth: "same", members: [] };

/**
 * The first configuration of a cluster: epoch 1, every node with the state it began with. Of more
 * nodes than may vote the first by name do; the others ask them.
 */
export const firstConfiguration = (nodes: readonly NodeId[]): Configuration =>
  newConfiguration(
    1,
    [...nodes]
      .sort(compareText)
      .slice(0, memberCountMax)
      .map((node) => ({ node, incarnation: 1 })),
  );

export const memberOf = (configuration: Configuration, node: NodeId): Member | undefined =>
  configuration.members.find((member) => member.node === node);

/** The least number of members such that any two such sets share one. */
export const majorityOf = ({ members }: Configuration): number => majorityOfCount(members.length);

export const majorityOfCount = (memberCount: number): number => Math.floor(memberCount / 2) + 1;
