// What cannot be asked of a server: which of its commands answer without doing anything. A command
// not named here and known to our server is real; one our server does not know is absent. CONFIG
// parameters and INFO fields carry the same mark in their own tables of the source.

export type Mark = "real" | "accepted" | "absent";

export interface Note {
  readonly mark: Exclude<Mark, "real">;
  readonly why: string;
}

const accepted = (why: string): Note => ({ mark: "accepted", why });
const absent = (why: string): Note => ({ mark: "absent", why });

const noFiles = accepted("with `--data-dir`: real; a node in memory has no file to write");
const noCluster = accepted("in a cluster: real; a node alone answers as a Redis without it");
const noSlots = absent("in a cluster: refused, it divides its slots by itself");
const noModules = absent("known, answers that this node loads no modules");
const noTracking = absent("known, answers as if tracking were off");
const noReplicas = absent("known, answers that nodes are equal peers");

/** By full name in lower case; `name|*` covers all subcommands of a container that have no row. */
export const commandNotes: Readonly<Record<string, Note>> = {
  save: noFiles,
  bgsave: noFiles,
  bgrewriteaof: noFiles,
  lastsave: accepted("with `--data-dir`: real; a node in memory tells its start"),
  replicaof: noReplicas,
  slaveof: noReplicas,
  failover: noReplicas,
  "module|load": noModules,
  "module|loadex": noModules,
  "module|unload": noModules,
  "module|list": accepted("an empty list"),
  "cluster|*": noCluster,
  "cluster|addslots": noSlots,
  "cluster|addslotsrange": noSlots,
  "cluster|bumpepoch": noSlots,
  "cluster|count-failure-reports": noSlots,
  "cluster|delslots": noSlots,
  "cluster|delslotsrange": noSlots,
  "cluster|failover": noSlots,
  "cluster|flushslots": noSlots,
  "cluster|links": noSlots,
  "cluster|replicate": noSlots,
  "cluster|reset": noSlots,
  "cluster|saveconfig": noSlots,
  "cluster|set-config-epoch": noSlots,
  "cluster|setslot": noSlots,
  asking: noCluster,
  readonly: noCluster,
  readwrite: noCluster,
  "client|tracking": noTracking,
  "client|caching": noTracking,
  "client|getredir": noTracking,
  "client|trackinginfo": noTracking,
  "memory|purge": accepted("empty slabs are given back without being asked"),
  "function|*": accepted("there are no functions: nothing to list, delete, flush or kill"),
  "script|*": accepted("there are no scripts: nothing to find, flush or kill"),
  "acl|*": accepted("one user, default, who may do everything"),
  "debug|change-repl-id": accepted("there is no such id"),
  "debug|loadaof": accepted("there is no file"),
  "debug|reload": accepted("there is no file: the keyspace stays"),
  "debug|pause-cron": accepted("kept, without effect"),
  "debug|replybuffer": accepted("kept, without effect"),
  "debug|quicklist-packed-threshold": accepted("no quicklists"),
  "debug|log": accepted("not written"),
};

/** HELP is real everywhere. */
export function noteOf(command: string): Note | undefined {
  const own = commandNotes[command];
  if (own !== undefined || command.endsWith("|help")) return own;
  const bar = command.indexOf("|");
  return bar < 0 ? undefined : commandNotes[`${command.slice(0, bar)}|*`];
}
