// The settings of the object store that a node streams its log into, as rows of the table of
// config-table.ts.

import { boolean, choice, integer, text } from "./config-kinds.js";

const MiB = 1024 * 1024;

export const storeSettings = {
  storeType: choice({
    path: "persistence.store_type",
    flag: "store",
    env: ["REDIS_STORE_TYPE"],
    of: ["memory", "localfs", "s3"],
    default: "memory",
    doc: "object store that the log is streamed into: memory none, localfs a folder, s3 a bucket",
  }),
  storePath: text({
    path: "persistence.store_path",
    flag: "store-path",
    env: ["SKERRY_STORE_PATH"],
    default: "",
    doc: "folder of the localfs store; empty: store inside of data_path",
  }),
  s3Bucket: text({
    path: "persistence.s3_bucket",
    flag: "s3-bucket",
    env: ["REDIS_S3_BUCKET"],
    default: "",
    doc: "bucket of the s3 store",
  }),
  s3Prefix: text({
    path: "persistence.s3_prefix",
    flag: "s3-prefix",
    env: ["REDIS_S3_PREFIX"],
    pattern: "^(|[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?)$",
    expects: "parts of letters, digits, dots, dashes and underscores between slashes",
    default: "",
    doc: "prefix of object names in the bucket; the node's name follows it",
  }),
  s3Endpoint: text({
    path: "persistence.s3_endpoint",
    flag: "s3-endpoint",
    env: ["REDIS_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    pattern: "^(|https?://[^/ ]+/?)$",
    expects: "http://host:port or https://host:port",
    default: "",
    doc: "address of an S3 other than Amazon's; empty: Amazon's of the region",
  }),
  s3Region: text({
    path: "persistence.s3_region",
    flag: "s3-region",
    env: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    pattern: "^[a-z0-9-]+$",
    expects: "the name of a region",
    default: "us-east-1",
    doc: "region of the bucket",
  }),
  s3Style: choice({
    path: "persistence.s3_style",
    flag: "s3-style",
    of: ["auto", "path", "virtual"],
    default: "auto",
    doc: "bucket in the path or before the host; auto: in the path where s3_endpoint is given",
  }),
  s3AccessKeyId: text({
    path: "persistence.s3_access_key_id",
    env: ["AWS_ACCESS_KEY_ID"],
    default: "",
    doc: "name of the key to the bucket",
  }),
  s3SecretAccessKey: text({
    path: "persistence.s3_secret_access_key",
    env: ["AWS_SECRET_ACCESS_KEY"],
    default: "",
    doc: "key to the bucket",
    isSecret: true,
  }),
  s3SessionToken: text({
    path: "persistence.s3_session_token",
    env: ["AWS_SESSION_TOKEN"],
    default: "",
    doc: "token that belongs to a key for a time",
    isSecret: true,
  }),
  storeIntervalMs: integer({
    path: "persistence.store_interval_ms",
    flag: "store-interval-ms",
    from: 10,
    to: 3_600_000,
    default: 1_000,
    doc: "how often what is new in the log is put into the store",
  }),
  storeSegmentBytes: integer({
    path: "persistence.store_segment_bytes",
    flag: "store-segment-bytes",
    from: 4_096,
    to: 256 * MiB,
    default: 2 * MiB,
    doc: "bytes of an object before it is packed",
  }),
  storeLagBytesMax: integer({
    path: "persistence.store_lag_bytes_max",
    flag: "store-lag-bytes-max",
    from: 0,
    to: 1024 * 1024 * MiB,
    default: 1024 * MiB,
    doc: "bytes of the log that the store may lack before writes are refused; 0 any",
  }),
  storeRetentionS: integer({
    path: "persistence.store_retention_s",
    flag: "store-retention-s",
    from: 0,
    to: 315_360_000,
    default: 0,
    doc: "seconds back to which any moment can be restored; 0 the last state alone",
  }),
  storeSingleWriter: boolean({
    path: "persistence.store_single_writer",
    flag: "store-single-writer",
    default: false,
    doc: "the operator's word that nobody else writes, for a store without conditional puts",
  }),
  storeReset: boolean({
    path: "persistence.store_reset",
    flag: "store-reset",
    default: false,
    doc: "the store follows a folder that was restored to an earlier state",
  }),
};
