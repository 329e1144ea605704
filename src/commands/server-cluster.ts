// CLUSTER and the commands of cluster-aware clients. A node alone answers as a Redis whose cluster
// support is off. In a cluster they tell who is there (server-cluster-replies.ts); what would move
// slots by hand is refused, for the nodes decide that themselves.

import type { CommandFlag, CommandSpec } from "./command.js";
import { type ClusterRun, clusterRuns } from "./server-cluster-replies.js";
import { container } from "./server-spec.js";

const group = "cluster";

const disabled: CommandSpec["run"] = ({ reply }) =>
  reply.error("ERR This instance has cluster support disabled");

/** Runs only in a cluster. */
const inCluster =
  (run: ClusterRun): CommandSpec["run"] =>
  (call) => {
    const { cluster } = call.environment;
    if (cluster === undefined) disabled(call);
    else run(call, cluster);
  };

const byItself: ClusterRun = ({ reply }) =>
  reply.error("ERR This cluster divides its slots by itself");

const stale = ["stale"] as const satisfies readonly CommandFlag[];
const admin = ["admin", "stale"] as const satisfies readonly CommandFlag[];
const change = ["admin", "stale", "no_async_loading"] as const satisfies readonly CommandFlag[];

type Row = readonly [
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
];

const rows: readonly Row[] = [
  ["addslots", -3, change, "3.0.0", "Assign new hash slots to receiving node"],
  ["addslotsrange", -4, change, "7.0.0", "Assign new hash slots to receiving node"],
  ["bumpepoch", 2, change, "3.0.0", "Advance the cluster config epoch"],
  [
    "count-failure-reports",
    3,
    admin,
    "3.0.0",
    "Return the number of failure reports active for a given node",
  ],
  [
    "countkeysinslot",
    3,
    stale,
    "3.0.0",
    "Return the number of local keys in the specified hash slot",
  ],
  ["delslots", -3, change, "3.0.0", "Set hash slots as unbound in receiving node"],
  ["delslotsrange", -4, change, "7.0.0", "Set hash slots as unbound in receiving node"],
  ["failover", -2, change, "3.0.0", "Forces a replica to perform a manual failover of its master."],
  ["flushslots", 2, change, "3.0.0", "Delete a node's own slots information"],
  ["forget", 3, change, "3.0.0", "Remove a node from the nodes table"],
  ["getkeysinslot", 4, stale, "3.0.0", "Return local key names in the specified hash slot"],
  ["info", 2, stale, "3.0.0", "Provides info about Redis Cluster node state"],
  ["keyslot", 3, stale, "3.0.0", "Returns the hash slot of the specified key"],
  ["links", 2, stale, "7.0.0", "Returns a list of all TCP links to and from peer nodes in cluster"],
  ["meet", -4, change, "3.0.0", "Force a node cluster to handshake with another node"],
  ["myid", 2, stale, "3.0.0", "Return the node id"],
  ["nodes", 2, stale, "3.0.0", "Get Cluster config for the node"],
  ["replicas", 3, admin, "5.0.0", "List replica nodes of the specified master node"],
  ["replicate", 3, change, "3.0.0", "Reconfigure a node as a replica of the specified master node"],
  ["reset", -2, ["admin", "noscript", "stale"], "3.0.0", "Reset a Redis Cluster node"],
  ["saveconfig", 2, change, "3.0.0", "Forces the node to save cluster state on disk"],
  ["set-config-epoch", 3, change, "3.0.0", "Set the configuration epoch in a new node"],
  ["setslot", -4, change, "3.0.0", "Bind a hash slot to a specific node"],
  ["shards", 2, stale, "7.0.0", "Get array of cluster slots to node mappings"],
  ["slaves", 3, admin, "3.0.0", "List replica nodes of the specified master node"],
  ["slots", 2, stale, "3.0.0", "Get array of Cluster slot to node mappings"],
];

const replaced: Readonly<Record<string, CommandSpec["deprecated"]>> = {
  slaves: { since: "5.0.0", replacedBy: "`CLUSTER REPLICAS`" },
  slots: { since: "7.0.0", replacedBy: "`CLUSTER SHARDS`" },
};

const subcommands = rows.map(([name, arity, flags, since, summary]): CommandSpec => {
  const deprecated = replaced[name];
  const mark = deprecated === undefined ? {} : { deprecated };
  return {
    name,
    arity,
    flags,
    summary,
    since,
    group,
    ...mark,
    run: inCluster(clusterRuns[name] ?? byItself),
  };
});

const session = (name: string, flags: readonly CommandFlag[], summary: string): CommandSpec => ({
  name,
  arity: 1,
  flags,
  categories: ["connection"],
  summary,
  since: "3.0.0",
  group,
  complexity: "O(1)",
  run: inCluster(({ reply }) => reply.ok()),
});

export const clusterCommands: readonly CommandSpec[] = [
  container({
    name: "cluster",
    summary: "A container for cluster commands",
    since: "3.0.0",
    group,
    subcommands,
  }),
  session("asking", ["fast"], "Sent by cluster clients after an -ASK redirect"),
  session(
    "readonly",
    ["loading", "stale", "fast"],
    "Enables read queries for a connection to a cluster replica node",
  ),
  session(
    "readwrite",
    ["loading", "stale", "fast"],
    "Disables read queries for a connection to a cluster replica node",
  ),
];
