// LATENCY: spikes by event (latency-monitor.ts) and histograms by command (latency-histogram.ts).

import type { Call } from "./call.js";
import type { Command, CommandSpec } from "./command.js";
import { drawGraph } from "./latency-graph.js";
import { latencyReport } from "./latency-report.js";
import { adminFlags, container } from "./server-spec.js";

function history(call: Call): void {
  const samples = call.environment.latency.find(call.text(2))?.samples ?? [];
  call.reply.array(samples.length);
  for (const { time, ms } of samples) {
    call.reply.array(2);
    call.reply.integer(time);
    call.reply.integer(ms);
  }
}

function latest({ environment, reply }: Call): void {
  const all = environment.latency.all();
  reply.array(all.length);
  for (const { event, samples, worstMs } of all) {
    const last = samples.at(-1)!;
    reply.array(4);
    reply.bulkText(event);
    reply.integer(last.time);
    reply.integer(last.ms);
    reply.integer(worstMs);
  }
}

function graph(call: Call): void {
  const event = call.text(2);
  const series = call.environment.latency.find(event);
  if (series === undefined) {
    call.reply.error(`ERR No samples available for event '${event}'`);
    return;
  }
  call.reply.verbatim(drawGraph(series, Math.floor(call.environment.nowMicros / 1e6)));
}

function reset(call: Call): void {
  const { latency } = call.environment;
  let count = 0;
  if (call.argc === 2) count = latency.reset();
  for (let index = 2; index < call.argc; index++) count += latency.reset(call.text(index));
  call.reply.integer(count);
}

/** The commands asked for, each with its subcommands; all without arguments. */
function measuredCommands(call: Call): Command[] {
  const all = call.environment.allCommands().filter(({ latency }) => (latency?.total ?? 0) > 0);
  if (call.argc === 2) return all;
  const wanted: Command[] = [];
  for (let index = 2; index < call.argc; index++) {
    const name = call.text(index).toLowerCase();
    wanted.push(
      ...all.filter((command) => command.name === name || command.name.startsWith(`${name}|`)),
    );
  }
  return wanted;
}

function histogram(call: Call): void {
  const { reply } = call;
  const commands = measuredCommands(call);
  reply.map(commands.length);
  for (const { name, latency } of commands) {
    reply.bulkText(name);
    reply.map(2);
    reply.bulkText("calls");
    reply.integer(latency!.total);
    reply.bulkText("histogram_usec");
    const rows = latency!.cumulative();
    reply.map(rows.length);
    for (const [micros, count] of rows) {
      reply.integer(micros);
      reply.integer(count);
    }
  }
}

const group = "server";

const sub = (
  name: string,
  arity: number,
  since: string,
  complexity: string,
  summary: string,
  run: CommandSpec["run"],
  usage?: string,
): CommandSpec => ({
  name,
  arity,
  flags: adminFlags,
  summary,
  since,
  group,
  complexity,
  ...(usage === undefined ? {} : { usage }),
  run,
});

export const latencyCommands: readonly CommandSpec[] = [
  container({
    name: "latency",
    summary: "A container for latency diagnostics commands",
    since: "2.8.13",
    group,
    helpSince: "2.8.13",
    subcommands: [
      sub(
        "doctor",
        2,
        "2.8.13",
        "O(1)",
        "Return a human readable latency analysis report.",
        (call) => call.reply.verbatim(latencyReport(call.environment)),
      ),
      sub("graph", 3, "2.8.13", "O(1)", "Return a latency graph for the event.", graph, "<event>"),
      sub(
        "histogram",
        -2,
        "7.0.0",
        "O(N) where N is the number of commands with latency information being retrieved.",
        "Return the cumulative distribution of latencies of a subset of commands or all.",
        histogram,
        "[<command> ...]",
      ),
      sub(
        "history",
        3,
        "2.8.13",
        "O(1)",
        "Return timestamp-latency samples for the event.",
        history,
        "<event>",
      ),
      sub(
        "latest",
        2,
        "2.8.13",
        "O(1)",
        "Return the latest latency samples for all events.",
        latest,
      ),
      sub(
        "reset",
        -2,
        "2.8.13",
        "O(1)",
        "Reset latency data for one or more events.",
        reset,
        "[<event> ...]",
      ),
    ],
  }),
];
