// SLOWLOG: shows the commands that took longest (slowlog.ts).

import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { container, failSubcommand } from "./server-spec.js";

const countDefault = 10;

function get(call: Call): void {
  const { environment, reply } = call;
  let count = countDefault;
  if (call.argc > 3) {
    failSubcommand(call, "slowlog");
    return;
  }
  if (call.argc === 3) {
    const wanted = call.int64(2);
    if (wanted === undefined || wanted < -1n) {
      reply.error("ERR count should be greater than or equal to -1");
      return;
    }
    count = wanted === -1n ? environment.slowLog.count : Number(wanted);
  }
  const entries = environment.slowLog.newest(count);
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.time);
    reply.integer(entry.micros);
    reply.array(entry.args.length);
    for (const arg of entry.args) reply.bulk(arg);
    reply.bulkText(entry.address);
    reply.bulkText(entry.clientName);
  }
}

const group = "server";
const flags = ["admin", "loading", "stale"] as const;

export const slowLogCommands: readonly CommandSpec[] = [
  container({
    name: "slowlog",
    summary: "A container for slow log commands",
    since: "2.2.12",
    group,
    helpSince: "6.2.0",
    subcommands: [
      {
        name: "get",
        arity: -2,
        flags,
        summary: "Get the slow log's entries",
        since: "2.2.12",
        group,
        complexity: "O(N) where N is the number of entries returned",
        usage: "[<count>]",
        run: get,
      },
      {
        name: "len",
        arity: 2,
        flags,
        summary: "Get the slow log's length",
        since: "2.2.12",
        group,
        complexity: "O(1)",
        run: ({ environment, reply }) => reply.integer(environment.slowLog.count),
      },
      {
        name: "reset",
        arity: 2,
        flags,
        summary: "Clear all entries from the slow log",
        since: "2.2.12",
        group,
        complexity: "O(N) where N is the number of entries in the slowlog",
        run: ({ environment, reply }) => {
          environment.slowLog.reset();
          reply.ok();
        },
      },
    ],
  }),
];
