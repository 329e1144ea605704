// What COMMAND INFO tells of Redis 7.0's commands beyond their records: where the keys stand and
// what is done to them, and hints for proxies. It is the interface that cluster-aware clients read,
// so it is Redis 7.0.15's to the letter; commands in one row have the same. Left out: the notes in
// prose.

/** Key specifications: flags, where the search begins, how keys are found. */
export const keySpecRows: readonly {
  readonly specs: readonly string[];
  readonly names: readonly string[];
}[] = [
  {
    specs: ["RW insert, index 1, range 0 1 0"],
    names: ["append hsetnx linsert lpush lpushx pfadd rpush rpushx sadd"],
  },
  {
    specs: ["RO access, index 1, range 0 1 0"],
    names: [
      "bitcount bitfield_ro bitpos dump expiretime geodist geohash geopos georadius_ro",
      "georadiusbymember_ro geosearch get getbit getrange hget hgetall hkeys hmget",
      "hrandfield hscan hvals lindex lpos lrange pexpiretime pttl smembers smismember",
      "srandmember sscan substr ttl xpending xrange xrevrange zcount zlexcount zmscore",
      "zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex",
      "zrevrangebyscore zrevrank zscan zscore",
    ],
  },
  { specs: ["RW access update variable_flags, index 1, range 0 1 0"], names: ["bitfield set"] },
  {
    specs: ["OW update, index 2, range 0 1 0", "RO access, index 3, range -1 1 0"],
    names: ["bitop"],
  },
  {
    specs: ["RW access delete, index 1, range 0 1 0", "RW insert, index 2, range 0 1 0"],
    names: ["blmove brpoplpush lmove rpoplpush smove"],
  },
  { specs: ["RW access delete, index 2, keynum 0 1 1"], names: ["blmpop bzmpop"] },
  { specs: ["RW access delete, index 1, range -2 1 0"], names: ["blpop brpop bzpopmax bzpopmin"] },
  {
    specs: ["RO access, index 1, range 0 1 0", "OW update, index 2, range 0 1 0"],
    names: ["copy"],
  },
  {
    specs: ["RW access update, index 1, range 0 1 0"],
    names: [
      "decr decrby getex getset hincrby hincrbyfloat incr incrby incrbyfloat move",
      "setbit zincrby",
    ],
  },
  { specs: ["RM delete, index 1, range -1 1 0"], names: ["del unlink"] },
  { specs: ["RW access update, index 2, keynum 0 1 1"], names: ["eval evalsha fcall"] },
  { specs: ["RO access, index 2, keynum 0 1 1"], names: ["eval_ro evalsha_ro fcall_ro"] },
  { specs: ["RO, index 1, range -1 1 0"], names: ["exists touch watch"] },
  {
    specs: ["RW update, index 1, range 0 1 0"],
    names: [
      "expire expireat geoadd hmset hset lset persist pexpire pexpireat setrange xack",
      "xadd xclaim xsetid zadd",
    ],
  },
  {
    specs: [
      "RO access, index 1, range 0 1 0",
      "OW update, keyword STORE 6, range 0 1 0",
      "OW update, keyword STOREDIST 6, range 0 1 0",
    ],
    names: ["georadius"],
  },
  {
    specs: [
      "RO access, index 1, range 0 1 0",
      "OW update, keyword STORE 5, range 0 1 0",
      "OW update, keyword STOREDIST 5, range 0 1 0",
    ],
    names: ["georadiusbymember"],
  },
  {
    specs: ["OW update, index 1, range 0 1 0", "RO access, index 2, range 0 1 0"],
    names: ["geosearchstore zrangestore"],
  },
  {
    specs: ["RW access delete, index 1, range 0 1 0"],
    names: ["getdel lpop rpop spop zpopmax zpopmin"],
  },
  {
    specs: ["RW delete, index 1, range 0 1 0"],
    names: [
      "hdel lrem ltrim srem xautoclaim xdel xtrim zrem zremrangebylex zremrangebyrank",
      "zremrangebyscore",
    ],
  },
  {
    specs: ["RO, index 1, range 0 1 0"],
    names: ["hexists hlen hstrlen llen scard sismember strlen type xlen zcard"],
  },
  { specs: ["RO access, index 1, range 1 1 0"], names: ["lcs"] },
  { specs: ["RW access delete, index 1, keynum 0 1 1"], names: ["lmpop zmpop"] },
  {
    specs: ["RO, index 2, range 0 1 0"],
    names: ["memory|usage object|encoding object|freq object|idletime object|refcount"],
  },
  { specs: ["RO access, index 1, range -1 1 0"], names: ["mget sdiff sinter sunion"] },
  {
    specs: [
      "RW access delete, index 3, range 0 1 0",
      "RW access delete incomplete, keyword KEYS -2, range -1 1 0",
    ],
    names: ["migrate"],
  },
  { specs: ["OW update, index 1, range -1 2 0"], names: ["mset"] },
  { specs: ["OW insert, index 1, range -1 2 0"], names: ["msetnx"] },
  { specs: ["RW access, index 1, range -1 1 0"], names: ["pfcount"] },
  { specs: ["RW access, index 2, range 0 1 0"], names: ["pfdebug"] },
  {
    specs: ["RW access insert, index 1, range 0 1 0", "RO access, index 2, range -1 1 0"],
    names: ["pfmerge"],
  },
  { specs: ["OW update, index 1, range 0 1 0"], names: ["psetex restore restore-asking setex"] },
  {
    specs: ["RW access delete, index 1, range 0 1 0", "OW update, index 2, range 0 1 0"],
    names: ["rename"],
  },
  {
    specs: ["RW access delete, index 1, range 0 1 0", "OW insert, index 2, range 0 1 0"],
    names: ["renamenx"],
  },
  {
    specs: ["OW update, index 1, range 0 1 0", "RO access, index 2, range -1 1 0"],
    names: ["sdiffstore sunionstore"],
  },
  { specs: ["OW insert, index 1, range 0 1 0"], names: ["setnx"] },
  {
    specs: ["RO access, index 1, keynum 0 1 1"],
    names: ["sintercard zdiff zinter zintercard zunion"],
  },
  {
    specs: ["RW update, index 1, range 0 1 0", "RO access, index 2, range -1 1 0"],
    names: ["sinterstore"],
  },
  {
    specs: [
      "RO access, index 1, range 0 1 0",
      "RO access, unknown, unknown",
      "OW update, unknown, unknown",
    ],
    names: ["sort"],
  },
  { specs: ["RO access, index 1, range 0 1 0", "RO access, unknown, unknown"], names: ["sort_ro"] },
  { specs: ["not_key, index 1, range 0 1 0"], names: ["spublish"] },
  { specs: ["not_key, index 1, range -1 1 0"], names: ["ssubscribe sunsubscribe"] },
  { specs: ["RW insert, index 2, range 0 1 0"], names: ["xgroup|create xgroup|createconsumer"] },
  { specs: ["RW delete, index 2, range 0 1 0"], names: ["xgroup|delconsumer xgroup|destroy"] },
  { specs: ["RW update, index 2, range 0 1 0"], names: ["xgroup|setid"] },
  {
    specs: ["RO access, index 2, range 0 1 0"],
    names: ["xinfo|consumers xinfo|groups xinfo|stream"],
  },
  { specs: ["RO access, keyword STREAMS 1, range -1 1 2"], names: ["xread"] },
  { specs: ["RO access, keyword STREAMS 4, range -1 1 2"], names: ["xreadgroup"] },
  {
    specs: ["OW update, index 1, range 0 1 0", "RO access, index 2, keynum 0 1 1"],
    names: ["zdiffstore zinterstore zunionstore"],
  },
];

/** Tips of commands: how a proxy may spread a request and join its replies. */
export const tipRows: readonly { readonly tips: string; readonly names: readonly string[] }[] = [
  {
    tips: "nondeterministic_output",
    names: [
      "client|info client|list cluster|bumpepoch cluster|count-failure-reports",
      "cluster|getkeysinslot cluster|info cluster|links cluster|nodes cluster|replicas",
      "cluster|shards cluster|slaves cluster|slots dump hrandfield hscan lastsave",
      "migrate object|encoding object|freq object|idletime object|refcount pttl spop",
      "srandmember sscan time ttl xadd xautoclaim xclaim xinfo|consumers xpending xtrim",
      "zrandmember zscan",
    ],
  },
  {
    tips: "nondeterministic_output_order",
    names: [
      "command command|docs command|info command|list function|list hgetall hkeys hvals",
      "module|list sdiff sinter smembers sunion",
    ],
  },
  {
    tips: "request_policy:all_nodes response_policy:all_succeeded",
    names: ["config|set latency|reset script|flush script|load slowlog|reset"],
  },
  { tips: "request_policy:all_shards response_policy:agg_sum", names: ["dbsize"] },
  {
    tips: "request_policy:multi_shard response_policy:agg_sum",
    names: ["del exists touch unlink"],
  },
  {
    tips: "request_policy:all_shards response_policy:all_succeeded",
    names: [
      "flushall flushdb function|delete function|flush function|load function|restore",
      "memory|purge ping",
    ],
  },
  {
    tips: "request_policy:all_shards response_policy:one_succeeded",
    names: ["function|kill script|kill"],
  },
  {
    tips: "nondeterministic_output request_policy:all_shards response_policy:special",
    names: ["function|stats info memory|doctor memory|malloc-stats memory|stats"],
  },
  { tips: "request_policy:all_shards nondeterministic_output_order", names: ["keys"] },
  {
    tips: "nondeterministic_output request_policy:all_nodes response_policy:special",
    names: ["latency|doctor latency|graph latency|histogram latency|history latency|latest"],
  },
  { tips: "request_policy:multi_shard", names: ["mget"] },
  { tips: "request_policy:multi_shard response_policy:all_succeeded", names: ["mset"] },
  { tips: "request_policy:multi_shard response_policy:agg_min", names: ["msetnx"] },
  { tips: "request_policy:all_shards nondeterministic_output", names: ["randomkey"] },
  { tips: "nondeterministic_output request_policy:special", names: ["scan"] },
  { tips: "request_policy:all_shards response_policy:agg_logical_and", names: ["script|exists"] },
  { tips: "request_policy:all_nodes nondeterministic_output", names: ["slowlog|get"] },
  {
    tips: "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    names: ["slowlog|len"],
  },
  { tips: "request_policy:all_shards response_policy:agg_min", names: ["wait"] },
];
