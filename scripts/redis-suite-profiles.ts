// The ways Redis's Tcl suite is run here, and the units each of them covers.
// A profile fixes the flags, because a number of passed tests means nothing without them.

export type ProfileName = "core" | "full" | "spawn";

export interface Profile {
  readonly mode: "external" | "spawn";
  /** Whether the server under test is started with DEBUG and its like admitted. */
  readonly debug: boolean;
  readonly flags: readonly string[];
  readonly tags: string;
  readonly units: readonly string[];
}

const typeUnits = ["string", "incr", "list", "list-2", "list-3", "set", "hash", "zset"].map(
  (name) => `unit/type/${name}`,
);
const keyUnits = ["expire", "keyspace", "scan", "bitops", "bitfield"].map((name) => `unit/${name}`);

export const profiles: Record<ProfileName, Profile> = {
  /**
   * A plain server without DEBUG; encodings are not looked at. What strings and keys are judged by.
   */
  core: {
    mode: "external",
    debug: false,
    flags: ["--durable", "--ignore-encoding", "--ignore-digest"],
    tags: "-slow -needs:debug -needs:pfdebug -needs:repl -needs:save -needs:config-maxmemory",
    units: [
      ...["unit/type/string", "unit/type/incr", "unit/keyspace", "unit/scan", "unit/bitops"],
      ...["unit/bitfield", "unit/quit", "unit/protocol", "unit/expire"],
      ...["unit/type/list", "unit/type/list-2", "unit/type/list-3", "unit/type/set"],
      ...["unit/type/hash", "unit/type/zset", "unit/type/stream", "unit/type/stream-cgroups"],
      ...["unit/hyperloglog", "unit/geo", "unit/sort", "unit/dump", "unit/multi", "unit/other"],
      ...["unit/querybuf", "unit/pubsub", "unit/info-command", "unit/introspection"],
      ...["unit/introspection-2", "unit/lazyfree", "unit/pause", "unit/latency-monitor"],
      ...["unit/slowlog", "unit/violations", "unit/tracking", "unit/scripting", "unit/functions"],
    ],
  },
  /** DEBUG admitted, encodings and digests checked, slow tests included: Redis exactly. */
  full: {
    mode: "external",
    debug: true,
    flags: ["--durable"],
    tags: "-needs:repl -needs:save",
    units: [
      ...typeUnits,
      ...keyUnits,
      ...["unit/hyperloglog", "unit/geo", "unit/sort", "unit/quit", "unit/protocol"],
      ...["unit/querybuf", "unit/type/stream", "unit/type/stream-cgroups", "unit/multi"],
      ...["unit/dump", "unit/other", "unit/pubsub", "unit/info-command", "unit/introspection"],
      ...["unit/introspection-2", "unit/lazyfree", "unit/pause", "unit/latency-monitor"],
      ...["unit/slowlog", "unit/violations", "unit/tracking", "unit/replybufsize"],
      ...["unit/scripting", "unit/functions"],
    ],
  },
  /**
   * The suite starts the server itself: the only way to be judged on ACL, AUTH, restarts and
   * limits.
   */
  spawn: {
    mode: "spawn",
    debug: true,
    flags: ["--clients", "1", "--durable"],
    tags: "-slow",
    units: [
      ...["unit/acl", "unit/acl-v2", "unit/auth", "unit/info", "unit/pubsubshard"],
      ...["unit/networking", "unit/obuf-limits", "unit/limits", "unit/maxmemory"],
      ...["unit/client-eviction", "unit/pendingquerybuf", "unit/shutdown", "unit/scripting"],
      ...["unit/functions", "unit/multi", "unit/other", "unit/introspection", "unit/aofrw"],
    ],
  },
};

/** The units that strings, keys and bits are answerable for (the rest needs further types). */
export const stringAndKeyUnits: readonly string[] = profiles.core.units.slice(0, 9);

/**
 * Seconds without an end after which a unit counts as hung. Measured on the real server, times
 * three.
 */
const unitSeconds: Record<string, number> = {
  "unit/hyperloglog": 240,
  "unit/type/list-3": 240,
  "unit/geo": 150,
  "unit/aofrw": 300,
  "unit/maxmemory": 300,
};
export const unitSecondsMax = (unit: string): number => unitSeconds[unit] ?? 120;
