// CONFIG GET, SET, RESETSTAT, REWRITE. What the parameters are stands in settings-table.ts.

import { utf8 } from "../base/bytes.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { matchesGlob } from "./glob.js";
import { adminFlags, container } from "./server-spec.js";
import type { SettingRefusal } from "./settings.js";

const group = "server";

/** Names in the reply are as the caller wrote them, unless a pattern found them. */
function get(call: Call): void {
  const { settings } = call.environment;
  const found = new Map<string, string>();
  for (let index = 2; index < call.argc; index++) {
    const name = call.text(index);
    if (!/[[*?]/.test(name)) {
      const value = settings.get(name);
      if (value !== undefined && !found.has(name)) found.set(name, value);
      continue;
    }
    const pattern = utf8(name.toLowerCase());
    for (const candidate of settings.names()) {
      if (matchesGlob(pattern, utf8(candidate))) found.set(candidate, settings.get(candidate)!);
    }
  }
  call.reply.map(found.size);
  for (const [name, value] of found) {
    call.reply.bulkText(name);
    call.reply.bulkText(value);
  }
}

/** Whether this client may do what only a local administrator may: `no`, `yes` or `local`. */
export function isProtectedActionAllowed(call: Call, setting: string): boolean {
  const rule = call.environment.settings.get(setting);
  if (rule !== "local") return rule === "yes";
  return /^(127\.|\[?::1\]?:|.*:0$)/.test(call.session.address);
}

function set(call: Call): void {
  if (call.argc % 2 === 1) {
    fail(call, "syntax");
    return;
  }
  const changes: [string, string][] = [];
  let refusal: SettingRefusal | undefined;
  for (let index = 2; index < call.argc && refusal === undefined; index += 2) {
    const name = call.text(index);
    changes.push([name, call.text(index + 1)]);
    const isGuarded = call.environment.settings.specOf(name)?.guarded === true;
    if (isGuarded && !isProtectedActionAllowed(call, "enable-protected-configs")) {
      refusal = { name, reason: "can't set protected config" };
    }
  }
  refusal ??= call.environment.settings.setAll(changes);
  if (refusal === undefined) call.reply.ok();
  else call.reply.error(refusalText(refusal));
}

function refusalText({ name, reason }: SettingRefusal): string {
  if (reason === undefined) {
    return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
  }
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}

/** CONFIG SET's values of passwords. */
const secretsOfSet = (call: Call): number[] => {
  const secrets: number[] = [];
  for (let index = 2; index + 1 < call.argc; index += 2) {
    const spec = call.environment.settings.specOf(call.text(index));
    if (spec?.secret === true) secrets.push(index + 1);
  }
  return secrets;
};

function resetStatistics({ environment, keyspace, reply }: Call): void {
  environment.statistics.reset();
  keyspace.hits = 0;
  keyspace.misses = 0;
  keyspace.expiredKeys = 0;
  for (const command of environment.allCommands()) {
    command.calls = 0;
    command.rejectedCalls = 0;
    command.failedCalls = 0;
    command.microseconds = 0;
    command.latency = undefined;
  }
  reply.ok();
}

function rewrite({ environment, reply }: Call): void {
  if (environment.facts.configFile === "" || environment.rewriteConfig === undefined) {
    reply.error("ERR The server is running without a config file");
    return;
  }
  const problem = environment.rewriteConfig();
  if (problem === undefined) reply.ok();
  else reply.error(`ERR Rewriting config file: ${problem}`);
}

export const configCommands: readonly CommandSpec[] = [
  container({
    name: "config",
    summary: "A container for server configuration commands",
    since: "2.0.0",
    group,
    subcommands: [
      {
        name: "get",
        arity: -3,
        flags: adminFlags,
        summary: "Get the values of configuration parameters",
        since: "2.0.0",
        group,
        complexity: "O(N) when N is the number of configuration parameters provided",
        usage: "<pattern> [<pattern> ...]",
        run: get,
      },
      {
        name: "set",
        arity: -4,
        flags: adminFlags,
        summary: "Set configuration parameters to the given values",
        since: "2.0.0",
        group,
        complexity: "O(N) when N is the number of configuration parameters provided",
        usage: "<directive> <value> [<directive> <value> ...]",
        secrets: secretsOfSet,
        run: set,
      },
      {
        name: "resetstat",
        arity: 2,
        flags: adminFlags,
        summary: "Reset the stats returned by INFO",
        since: "2.0.0",
        group,
        complexity: "O(1)",
        run: resetStatistics,
      },
      {
        name: "rewrite",
        arity: 2,
        flags: adminFlags,
        summary: "Rewrite the configuration file with the in memory configuration",
        since: "2.8.0",
        group,
        complexity: "O(1)",
        run: rewrite,
      },
    ],
  }),
];
