// What the tables of server commands share: containers with their HELP, and the flags that most of
// them carry.

import type { Call } from "./call.js";
import type { CommandFlag, CommandSpec } from "./command.js";

/** Commands about this connection or node that anybody may call at any time, but no script. */
export const openFlags = ["noscript", "loading", "stale"] as const satisfies readonly CommandFlag[];
/** The same for administrators. */
export const adminFlags = ["admin", ...openFlags] as const satisfies readonly CommandFlag[];

type ContainerSpec = Omit<CommandSpec, "arity" | "flags" | "run"> &
  Partial<Pick<CommandSpec, "arity" | "flags" | "run">> & {
    /** Since when the container has HELP. */
    readonly helpSince?: string;
    readonly subcommands: readonly CommandSpec[];
  };

/** A command with subcommands; HELP is added, its text follows from theirs. */
export function container(options: ContainerSpec): CommandSpec {
  const { helpSince, subcommands, ...spec } = options;
  const withHelp = [
    ...subcommands,
    helpSpec(options, helpSince ?? "5.0.0", () => helpLines(spec.name, subcommands)),
  ];
  return {
    arity: -2,
    flags: [],
    complexity: "Depends on subcommand.",
    run: (call) => failSubcommand(call, spec.name),
    ...spec,
    subcommands: withHelp,
  };
}

function helpSpec(of: ContainerSpec, since: string, lines: () => string[]): CommandSpec {
  // HELP is of the same kind as what it helps with.
  const categories = of.subcommands[0]?.categories;
  return {
    name: "help",
    arity: 2,
    flags: ["loading", "stale"],
    ...(categories === undefined ? {} : { categories }),
    summary: "Show helpful text about the different subcommands",
    since,
    group: of.group,
    complexity: "O(1)",
    run: ({ reply }) => {
      const text = lines();
      reply.array(text.length);
      for (const line of text) reply.simple(line);
    },
  };
}

/** The lines of HELP, as Redis lays them out. */
export function helpLines(name: string, subcommands: readonly CommandSpec[]): string[] {
  const lines = subcommands.flatMap((sub) => [
    `${sub.name.toUpperCase()}${sub.usage === undefined ? "" : ` ${sub.usage}`}`,
    `    ${sub.summary.replace(/\.$/, "")}.`,
  ]);
  const first = `${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`;
  return [first, ...lines, "HELP", "    Print this help."];
}

/** The error of a subcommand that there is not, or that does not take such arguments. */
export function failSubcommand(call: Call, name: string): void {
  const shown = call.text(Math.min(1, call.argc - 1)).slice(0, 128);
  const upper = name.toUpperCase();
  call.reply.error(
    `ERR unknown subcommand or wrong number of arguments for '${shown}'. Try ${upper} HELP.`,
  );
}

/** Calls that answer nothing but OK. */
export const replyOk = ({ reply }: Call): void => reply.ok();
