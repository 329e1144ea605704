// INFO's sections that grow with use: calls and latencies per command, errors per prefix.

import { compareText } from "../base/bytes.js";
import type { Call } from "./call.js";
import type { Command } from "./command.js";
import { trimNumber, wordsOf } from "./settings-values.js";

type Line = readonly [name: string, value: string];

const round2 = (value: number): string => value.toFixed(2);

function commandLine(command: Command): Line {
  const { calls, rejectedCalls, failedCalls } = command;
  const micros = Math.round(command.microseconds);
  const perCall = round2(calls === 0 ? 0 : micros / calls);
  return [
    `cmdstat_${command.name}`,
    `calls=${calls},usec=${micros},usec_per_call=${perCall},` +
      `rejected_calls=${rejectedCalls},failed_calls=${failedCalls}`,
  ];
}

export const commandLines = ({ environment }: Call): Line[] =>
  environment
    .allCommands()
    .filter(({ calls, rejectedCalls, failedCalls }) => calls + rejectedCalls + failedCalls > 0)
    .map(commandLine);

/** Characters that would break a line of INFO. */
const unsafe = /[#:\n\r]/g;

export const errorLines = ({ environment }: Call): Line[] =>
  [...environment.statistics.errorsByPrefix]
    .sort(([a], [b]) => compareText(a, b))
    .map(([prefix, count]) => [`errorstat_${prefix.replace(unsafe, "_")}`, `count=${count}`]);

export function latencyLines({ environment }: Call): Line[] {
  const percentiles = wordsOf(environment.settings.get("latency-tracking-info-percentiles")!);
  return environment
    .allCommands()
    .filter((command) => command.latency !== undefined && command.latency.total > 0)
    .map((command) => [
      `latency_percentiles_usec_${command.name}`,
      percentiles
        .map((percent) => {
          const nanos = command.latency!.percentile(Number(percent));
          return `p${trimNumber(Number(percent))}=${(nanos / 1000).toFixed(3)}`;
        })
        .join(","),
    ]);
}
