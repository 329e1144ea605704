// The surface of a server, and that of Redis 7.0.15 in particular: the names of its commands with
// their subcommands, its CONFIG parameters and the fields of INFO, asked from a real server and
// committed as test/redis-suite/redis-7.0.15-surface.json, so that the table in the docs can be
// made where no redis-server is. Names only; what they do is ours to say.

import { parseReply, type Reply, RespConnection } from "../test/differential/resp-client.js";
import { type ServerKind, ServerProcess } from "./lib/server-process.js";

export interface Surface {
  readonly version: string;
  /** `get`, `config|get`, ... and `debug|sleep`, which only DEBUG HELP knows. */
  readonly commands: readonly string[];
  readonly parameters: readonly string[];
  /** By section in lower case; a field of many instances is `db<n>` or `cmdstat_<command>`. */
  readonly infoFields: Readonly<Record<string, readonly string[]>>;
}

const text = (reply: Reply | undefined): string => reply?.text ?? "";

function commandsOf(docs: Reply): string[] {
  const names: string[] = [];
  const items = docs.items ?? [];
  for (let i = 0; i + 1 < items.length; i += 2) {
    names.push(text(items[i]));
    const facts = items[i + 1]!.items ?? [];
    for (let j = 0; j + 1 < facts.length; j += 2)
      if (text(facts[j]) === "subcommands")
        for (const [at, each] of (facts[j + 1]!.items ?? []).entries())
          if (at % 2 === 0) names.push(text(each));
  }
  return names;
}

/** Subcommands are the lines of HELP that are not indented. */
const helpNames = (help: Reply): string[] =>
  (help.items ?? [])
    .map(text)
    .filter((line) => /^[A-Z]/.test(line) && !line.startsWith("DEBUG <"))
    .map((line) => `debug|${line.split(/[\s[<(]/)[0]!.toLowerCase()}`);

const families: readonly (readonly [RegExp, string])[] = [
  [/^db\d+$/, "db<n>"],
  [/^cmdstat_.*$/, "cmdstat_<command>"],
  [/^errorstat_.*$/, "errorstat_<prefix>"],
  [/^latency_percentiles_usec_.*$/, "latency_percentiles_usec_<command>"],
];

/** Sections and fields of an INFO text. */
export function infoFieldsOf(info: string): Record<string, string[]> {
  const sections: Record<string, string[]> = {};
  let current: string[] = [];
  for (const line of info.split("\r\n")) {
    if (line.startsWith("# ")) {
      current = [];
      sections[line.slice(2).toLowerCase()] = current;
      continue;
    }
    const name = line.split(":")[0]!;
    const field = families.reduce((each, [pattern, family]) => each.replace(pattern, family), name);
    if (field !== "" && !current.includes(field)) current.push(field);
  }
  return sections;
}

/** Asks a server of either kind. */
export async function measureSurface(kind: ServerKind): Promise<Surface> {
  const server = await ServerProcess.start(kind, { debug: true });
  try {
    const connection = await RespConnection.connect(server.port);
    // Without some traffic the statistics by command, error and database have no line to show.
    await connection.exchange([
      ["SET", "k", "1"],
      ["LPUSH", "k", "1"],
      ["GET", "k"],
    ]);
    const asked = [
      ["COMMAND", "DOCS"],
      ["DEBUG", "HELP"],
      ["CONFIG", "GET", "*"],
    ];
    const replies = await connection.exchange([...asked, ["INFO", "everything"]]);
    const [docs, help, parameters, info] = replies.map(parseReply);
    connection.close();
    const facts = info!.text!;
    return {
      version: /redis_version:(\S+)/.exec(facts)![1]!,
      commands: [...new Set([...commandsOf(docs!), ...helpNames(help!)])].sort(),
      parameters: (parameters!.items ?? [])
        .filter((_, at) => at % 2 === 0)
        .map(text)
        .sort(),
      infoFields: infoFieldsOf(facts),
    };
  } finally {
    await server.stop();
  }
}
