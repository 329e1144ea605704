// INFO: the figures of the node by section. The sections' fields stand in info-sections.ts;
// families add lines or whole sections through `environment.infoSections`.

import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { type InfoSection, infoSections } from "./info-sections.js";

/** The names that a request asks for; undefined means every section. */
function wantedSections(call: Call): Set<string> | undefined {
  const wanted = new Set<string>();
  const addDefaults = (): void => {
    for (const section of infoSections) if (section.isDefault) wanted.add(section.name);
    for (const name of call.environment.infoSections.keys()) wanted.add(name);
  };
  if (call.argc === 1) addDefaults();
  for (let index = 1; index < call.argc; index++) {
    const name = call.text(index).toLowerCase();
    if (name === "all" || name === "everything") return undefined;
    if (name === "default") addDefaults();
    else wanted.add(name === "module_list" ? "modules" : name);
  }
  return wanted;
}

function linesOf(call: Call, section: InfoSection): string {
  const own = section.lines(call).map(([name, value]) => `${name}:${value}\r\n`);
  const more = call.environment.infoSections.get(section.name)?.() ?? "";
  return own.join("") + more;
}

export function infoText(call: Call, wanted: ReadonlySet<string> | undefined): string {
  const isWanted = (name: string): boolean => wanted === undefined || wanted.has(name);
  const parts = infoSections
    .filter((section) => isWanted(section.name))
    .map((section) => `# ${section.title}\r\n${linesOf(call, section)}`);
  const builtIn = new Set(infoSections.map((section) => section.name));
  for (const [name, lines] of call.environment.infoSections) {
    if (builtIn.has(name) || !isWanted(name)) continue;
    parts.push(`# ${name.charAt(0).toUpperCase()}${name.slice(1)}\r\n${lines()}`);
  }
  return parts.join("\r\n");
}

export const infoCommands: readonly CommandSpec[] = [
  {
    name: "info",
    arity: -1,
    flags: ["loading", "stale"],
    categories: ["dangerous"],
    summary: "Get information and statistics about the server",
    since: "1.0.0",
    group: "server",
    complexity: "O(1)",
    run: (call) => call.reply.verbatim(infoText(call, wantedSections(call))),
  },
];
