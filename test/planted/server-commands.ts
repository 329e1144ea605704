// Planted bugs of the server, connection and introspection commands.

const settings = "test/server-commands/settings.test.ts";
const clients = "test/server-commands/clients.test.ts";
const observing = "test/server-commands/observing.test.ts";
const replies = "test/server-commands/redis-replies.test.ts";
const table = "test/server-commands/command-table.test.ts";

export const planted = [
  {
    name: "config_set_half_applied",
    story: "one bad value in CONFIG SET, and the parameters before it have changed all the same",
    file: "src/commands/settings-store.ts",
    find: "plan.push({ entry, value: reading.value });",
    replace: "plan.push({ entry, value: reading.value }); assign(entry, reading.value);",
    suite: settings,
  },
  {
    name: "config_effects_not_taken_back",
    story: "the listener has moved to the new limit although CONFIG SET answered an error",
    file: "src/commands/settings-store.ts",
    find: "for (const earlier of done.reverse()) earlier.apply!(earlier.value);",
    replace: "",
    suite: settings,
  },
  {
    name: "config_alias_forgotten",
    story: "an old client sets hash-max-ziplist-entries and is told there is no such parameter",
    file: "src/commands/settings-store.ts",
    find: "for (const name of [spec.name, ...(spec.aliases ?? [])]) {",
    replace: "for (const name of [spec.name]) {",
    suite: settings,
  },
  {
    name: "memory_units_swapped",
    story: "maxmemory 100mb allows 100 million bytes",
    file: "src/commands/settings-values.ts",
    find: '["mb", 1024n ** 2n],',
    replace: '["mb", 1000n ** 2n],',
    suite: settings,
  },
  {
    name: "range_checked_on_one_side",
    story: "a number below the least is accepted",
    file: "src/commands/settings-values.ts",
    find: "if (value >= min && value <= max) return",
    replace: "if (value <= max) return",
    suite: settings,
  },
  {
    name: "password_compared_as_prefix",
    story: "any beginning of the password lets a client in",
    file: "src/commands/authentication.ts",
    find: "let difference = given.length ^ wanted.length;",
    replace: "let difference = 0;",
    suite: clients,
  },
  {
    name: "reset_keeps_user_in",
    story: "a pooled connection is handed on and its next user needs no password",
    file: "src/commands/connection.ts",
    find: "resetAuthentication(session, environment.settings);",
    replace: "",
    suite: clients,
  },
  {
    name: "kill_closes_the_caller",
    story: "CLIENT KILL TYPE normal ends the administrator's own connection",
    file: "src/commands/client-kill.ts",
    find: "!(session === caller && filter.skipsCaller)",
    replace: "true",
    suite: clients,
  },
  {
    name: "slowlog_shows_passwords",
    story: "whoever reads the slow log learns the passwords",
    file: "src/commands/slowlog.ts",
    find: "command.secrets?.(call) ?? []",
    replace: "[]",
    suite: observing,
  },
  {
    name: "histogram_bucket_off_by_one",
    story: "every percentile above a microsecond is a bucket too high",
    file: "src/commands/latency-histogram.ts",
    find: "const shift = 24 - Math.clz32(value);",
    replace: "const shift = 25 - Math.clz32(value);",
    suite: observing,
  },
  {
    name: "digest_blind_to_members",
    story: "two replicas hold different sets of the same size, and their digests agree",
    file: "src/commands/debug-digest.ts",
    find: "slot === slots.set ? sha1(name)",
    replace: 'slot === slots.set ? sha1("")',
    suite: observing,
  },
  {
    name: "keys_of_container_shifted",
    story: "COMMAND GETKEYS names the wrong argument, and a cluster client asks the wrong node",
    file: "src/commands/command-docs.ts",
    find: "call.first = first + from * 2;",
    replace: "call.first = first + from;",
    suite: replies,
  },
  {
    name: "category_not_derived",
    story: "an ACL rule -@dangerous leaves administrators' commands open",
    file: "src/commands/command-docs-categories.ts",
    find: 'if (has("admin")) named.add("admin").add("dangerous");',
    replace: 'if (has("admin")) named.add("admin");',
    suite: table,
  },
  {
    name: "debug_open_to_all",
    story: "anybody can stop the node with DEBUG SLEEP",
    file: "src/commands/config.ts",
    find: 'if (rule !== "local") return rule === "yes";',
    replace: 'if (rule !== "local") return true;',
    suite: observing,
  },
];
