// What INFO and the tests show about the protocol of one node. Counts since start.

const names = [
  "messagesSent",
  "heartbeatsSent",
  "rounds",
  "warmRounds",
  "roundsChosen",
  "roundsPreempted",
  "roundsTimedOut",
  "roundsOutdated",
  "fastReads",
  "secondReads",
  "readsThroughHome",
  "refusalsByRead",
  "forwards",
  "forwardsRepeated",
  "forwardsRefused",
  "cancels",
  "cancelsFenced",
  "takeovers",
  "storedOutcomes",
  "unavailable",
  "timeouts",
  "staleEpochMessages",
  "parkedDropped",
  "registersCollected",
  "registersErased",
  "envelopesTooOld",
] as const;

export type Counter = (typeof names)[number];

export type Counters = Record<Counter, number>;

export const newCounters = (): Counters =>
  Object.fromEntries(names.map((name) => [name, 0])) as Counters;
