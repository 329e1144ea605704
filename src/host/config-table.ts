// Every setting of a node, one row each. The schema of perf_config.toml, the flags of `skerry
// serve`, the environment names and `--print-config` all follow from these rows; a new setting is a
// new row.
//
// A row may carry a `refusal`: a name that users of such servers know and that this one does not
// honour. Giving it a value other than the default stops the start with the reason, for silently
// serving in clear text, or without the log that was asked for, is worse than not serving. A `note`
// marks a value that is accepted and has no effect yet.

import {
  boolean,
  type ConsistencyMode,
  choice,
  integer,
  modes,
  modeTable,
  parameterTable,
  type Setting,
  text,
  texts,
} from "./config-kinds.js";
import { storeSettings } from "./config-store.js";

export type { ConsistencyMode, Setting };

const MiB = 1024 * 1024;
const notBuilt = (what: string): string => `${what} is not built yet`;
const noTls = notBuilt("TLS");
const noTelemetry = "no effect: nothing is reported to Datadog yet";

/** The table. Order is the order of `--print-config`, of `--help` and of perf_config.toml. */
export const settings = {
  numShards: integer({
    path: "num_shards",
    flag: "shards",
    env: ["SKERRY_SHARDS"],
    from: 1,
    to: 16_384,
    default: 64,
    doc: "groups of hash slots, the unit of causality and placement; the same on every node",
  }),

  bind: texts({
    path: "server.bind",
    flag: "bind",
    env: ["SKERRY_BIND"],
    pattern: "^[0-9a-zA-Z.:%_-]+$",
    expects: "a list of addresses",
    default: ["127.0.0.1"],
    doc: "addresses to listen on",
  }),
  port: integer({
    path: "server.port",
    flag: "port",
    env: ["REDIS_PORT"],
    from: 0,
    to: 65_535,
    default: 6379,
    doc: "port of the Redis listener; 0 takes any free one",
  }),
  databases: integer({
    path: "server.databases",
    flag: "databases",
    from: 1,
    to: 16,
    default: 16,
    doc: "databases that SELECT knows",
  }),

  consistency: choice({
    path: "consistency.default",
    flag: "consistency",
    env: ["SKERRY_CONSISTENCY"],
    of: modes,
    default: "eventual",
    doc: "mode of keys that no prefix below claims",
  }),
  consistencyPrefixes: modeTable({
    path: "consistency.prefixes",
    flag: "prefix",
    default: {},
    doc: "mode by key prefix, the longest prefix wins",
  }),

  replicaName: text({
    path: "replication.replica_id",
    flag: "node",
    env: ["REPLICA_ID"],
    pattern: "^[A-Za-z0-9_.-]{1,64}$",
    expects: "1 to 64 letters, digits, dots, dashes or underscores",
    default: "n1",
    doc: "name of this node among its peers",
  }),
  clusterName: text({
    path: "replication.cluster",
    flag: "cluster-name",
    env: ["SKERRY_CLUSTER"],
    pattern: "^[A-Za-z0-9_.-]{1,64}$",
    expects: "1 to 64 letters, digits, dots, dashes or underscores",
    default: "skerry",
    doc: "name of the cluster; peers of another one are refused",
  }),
  listenPeers: text({
    path: "replication.listen",
    flag: "listen-peers",
    env: ["SKERRY_LISTEN_PEERS"],
    pattern: "^(|.+:[0-9]{1,5})$",
    expects: "host:port",
    default: "",
    doc: "where peers connect; empty: the first address of server.bind and gossip_port",
  }),
  advertise: text({
    path: "replication.advertise",
    flag: "advertise",
    env: ["SKERRY_ADVERTISE"],
    pattern: "^(|.+:[0-9]{1,5})$",
    expects: "host:port",
    default: "",
    doc: "where peers reach this node, if not where it listens",
  }),
  gossipPort: integer({
    path: "replication.gossip_port",
    env: ["GOSSIP_PORT"],
    from: 0,
    to: 65_535,
    default: 0,
    doc: "port for peers; 0: this node is no part of a cluster, or listen says where",
  }),
  replicationFactor: integer({
    path: "replication.factor",
    flag: "replication-factor",
    env: ["SKERRY_REPLICATION_FACTOR"],
    from: 0,
    to: 256,
    default: 0,
    doc: "nodes that hold a copy of each shard; 0: all of them. The same on every node",
  }),
  readsPerCopy: integer({
    path: "replication.reads_per_copy",
    flag: "reads-per-copy",
    env: ["SKERRY_READS_PER_COPY"],
    from: 0,
    to: 1_000_000_000,
    default: 5_000,
    doc: "reads a second that bring a shard a read copy beyond the factor; 0: none",
  }),
  peers: texts({
    path: "replication.peers",
    flag: "peers",
    env: ["REPLICATION_PEERS"],
    pattern: "^.+:[0-9]{1,5}$",
    expects: "a list of host:port",
    default: [],
    doc: "the other nodes of a cluster that is founded together; the same nodes on all of them",
  }),
  join: texts({
    path: "replication.join",
    flag: "join",
    env: ["SKERRY_JOIN"],
    pattern: "^.+:[0-9]{1,5}$",
    expects: "a list of host:port",
    default: [],
    doc: "any nodes of a cluster that exists and is to be joined",
  }),
  gossipIntervalMs: integer({
    path: "replication.gossip_interval_ms",
    flag: "gossip-interval-ms",
    env: ["GOSSIP_INTERVAL_MS"],
    from: 1,
    to: 60_000,
    default: 1_000,
    doc: "pause between two comparisons of what peers have seen, while nothing differs",
  }),
  maxClockSkewMs: integer({
    path: "replication.max_clock_skew_ms",
    flag: "max-clock-skew-ms",
    from: 1,
    to: 86_400_000,
    default: 5_000,
    doc: "a batch from a clock further ahead than this is held back",
  }),

  readBytes: integer({
    path: "buffers.read_size",
    flag: "read-bytes",
    from: 4_096,
    to: 16 * MiB,
    default: 65_536,
    doc: "bytes of the read buffer, which all connections share",
  }),
  queryBytesMax: integer({
    path: "buffers.max_size",
    flag: "query-bytes-max",
    from: MiB,
    to: 4_096 * MiB,
    default: 1_024 * MiB,
    doc: "unread input of one connection; beyond it the connection is closed",
  }),
  outputBytesMax: integer({
    path: "limits.output_bytes_max",
    flag: "output-bytes-max",
    from: MiB,
    to: 4_096 * MiB,
    default: 256 * MiB,
    doc: "replies that a client has not read yet; beyond it the connection is closed",
  }),
  clientCountMax: integer({
    path: "connection_pool.max_connections",
    flag: "max-connections",
    from: 1,
    to: 1_000_000,
    default: 10_000,
    doc: "clients at once; the next one is told so and closed",
  }),
  idleTimeoutS: integer({
    path: "limits.idle_timeout_s",
    flag: "idle-timeout-s",
    from: 0,
    to: 31_536_000,
    default: 0,
    doc: "seconds after which a silent client is closed; 0 never",
  }),

  parameters: parameterTable({
    path: "redis",
    default: {},
    doc: "parameters of CONFIG SET by name; each is also a flag, as of redis-server",
  }),

  bufferPoolSize: integer({
    path: "connection_pool.buffer_pool_size",
    from: 0,
    to: 1_000_000,
    default: 0,
    doc: "buffers kept for connections",
    refusal: "all connections share one read buffer (buffers.read_size), there is no pool",
  }),
  responsePoolCapacity: integer({
    path: "response_pool.capacity",
    from: 0,
    to: 1_000_000,
    default: 0,
    doc: "reply objects kept for reuse",
    refusal: "replies are encoded straight into the output buffer, there is no pool of them",
  }),
  responsePoolPrewarm: integer({
    path: "response_pool.prewarm",
    from: 0,
    to: 1_000_000,
    default: 0,
    doc: "reply objects made at the start",
    refusal: "replies are encoded straight into the output buffer, there is no pool of them",
  }),
  minPipelineBuffer: integer({
    path: "batching.min_pipeline_buffer",
    from: 0,
    to: 1_000_000_000,
    default: 0,
    doc: "input bytes from which commands are batched",
    refusal: "everything one read brings is always answered as one batch",
  }),
  batchThreshold: integer({
    path: "batching.batch_threshold",
    from: 0,
    to: 1_000_000,
    default: 0,
    doc: "commands from which a batch is formed",
    refusal: "everything one read brings is always answered as one batch",
  }),

  password: text({
    path: "security.require_pass",
    env: ["REDIS_REQUIRE_PASS"],
    default: "",
    doc: "password of the default user",
    isSecret: true,
  }),
  aclFile: text({
    path: "security.acl_file",
    env: ["ACL_FILE"],
    default: "",
    doc: "file of users and their rules",
    refusal: notBuilt("ACL"),
  }),
  tlsCertPath: text({
    path: "tls.cert_path",
    env: ["TLS_CERT_PATH"],
    default: "",
    doc: "certificate of the node",
    refusal: noTls,
  }),
  tlsKeyPath: text({
    path: "tls.key_path",
    env: ["TLS_KEY_PATH"],
    default: "",
    doc: "key of the certificate",
    refusal: noTls,
  }),
  tlsCaPath: text({
    path: "tls.ca_path",
    env: ["TLS_CA_PATH"],
    default: "",
    doc: "authority that signs clients",
    refusal: noTls,
  }),
  tlsRequireClientCert: boolean({
    path: "tls.require_client_cert",
    env: ["TLS_REQUIRE_CLIENT_CERT"],
    default: false,
    doc: "refuse clients without a certificate",
    refusal: noTls,
  }),

  ...storeSettings,
  dataPath: text({
    path: "persistence.data_path",
    flag: "data-dir",
    env: ["REDIS_DATA_PATH"],
    default: "",
    doc: "folder of the node's log and checkpoints; empty: all data is in memory only",
  }),
  walEnabled: boolean({
    path: "persistence.wal_enabled",
    env: ["REDIS_WAL_ENABLED"],
    default: false,
    doc: "write-ahead log; a folder given by data_path or wal_dir turns it on unless this says no",
  }),
  walFolder: text({
    path: "persistence.wal_dir",
    flag: "wal-dir",
    env: ["REDIS_WAL_DIR"],
    default: "",
    doc: "folder of the log and its checkpoints, if not data_path",
  }),
  walFsync: choice({
    path: "persistence.wal_fsync",
    flag: "fsync",
    env: ["REDIS_WAL_FSYNC"],
    of: ["always", "everysec", "no"],
    default: "everysec",
    doc: "when the log is forced to the disk: before each reply, every second, as the system likes",
  }),
  walSegmentBytes: integer({
    path: "persistence.wal_segment_bytes",
    flag: "wal-segment-bytes",
    from: 65_536,
    to: 1024 * MiB,
    default: 64 * MiB,
    doc: "bytes of the log in one file",
  }),
  walSyncWaitMs: integer({
    path: "persistence.wal_sync_wait_ms",
    flag: "wal-sync-wait-ms",
    from: 0,
    to: 1000,
    default: 2,
    doc: "syncs that take less on average are waited for before anything else is done; 0 never",
  }),
  salvage: boolean({
    path: "persistence.salvage",
    flag: "salvage",
    default: false,
    doc: "start with what can be read of a damaged log, as a new replica",
  }),

  ddService: text({
    path: "telemetry.dd_service",
    env: ["DD_SERVICE"],
    default: "",
    doc: "Datadog service name",
    note: noTelemetry,
  }),
  ddEnv: text({
    path: "telemetry.dd_env",
    env: ["DD_ENV"],
    default: "",
    doc: "Datadog environment",
    note: noTelemetry,
  }),
  ddVersion: text({
    path: "telemetry.dd_version",
    env: ["DD_VERSION"],
    default: "",
    doc: "Datadog version",
    note: noTelemetry,
  }),
  ddDogstatsdUrl: text({
    path: "telemetry.dd_dogstatsd_url",
    env: ["DD_DOGSTATSD_URL"],
    default: "",
    doc: "address of DogStatsD",
    note: noTelemetry,
  }),
  ddTraceAgentUrl: text({
    path: "telemetry.dd_trace_agent_url",
    env: ["DD_TRACE_AGENT_URL"],
    default: "",
    doc: "address of the trace agent",
    note: noTelemetry,
  }),
  ddTraceSampleRate: text({
    path: "telemetry.dd_trace_sample_rate",
    env: ["DD_TRACE_SAMPLE_RATE"],
    pattern: "^(|0|1|0?\\.[0-9]+|[01]\\.[0-9]+)$",
    expects: "a number from 0 to 1, as text",
    default: "",
    doc: "share of traces to keep",
    note: noTelemetry,
  }),
};

export type SettingName = keyof typeof settings;

/** The values of all settings, by name. */
export type Settings = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer T> ? T : never;
};

export const settingNames = Object.keys(settings) as SettingName[];

/** The row of a name with its value type forgotten: for code that treats all rows alike. */
export const settingOf = (name: SettingName): Setting<unknown> =>
  settings[name] as Setting<unknown>;
