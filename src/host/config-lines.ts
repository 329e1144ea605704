// Finds the line of a key in a TOML text, for messages about values that parsed but are wrong (the
// parser itself tells places only of syntax errors). A scan of lines, not a parser: it runs on
// texts that are known to be valid TOML, and when a key hides in an inline table it answers the
// line of that table.

const headerPattern = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?/;
const keyPattern =
  /^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=/;

/** The line (from 1) that defines `key`, else the line of the closest table around it, else 1. */
export function lineOfKey(text: string, key: readonly string[]): number {
  let section: readonly string[] = [];
  let best = { line: 1, depth: 0 };
  let insideQuotes: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (insideQuotes !== undefined) {
      if (line.includes(insideQuotes)) insideQuotes = undefined;
      continue;
    }
    const header = headerPattern.exec(line);
    const assigned = keyPattern.exec(line);
    if (header !== null) section = partsOf(header[1]!);
    const found = header !== null ? section : assigned && [...section, ...partsOf(assigned[1]!)];
    if (found && isPrefix(found, key) && found.length > best.depth)
      best = { line: index + 1, depth: found.length };
    insideQuotes = unclosedQuotes(line);
  }
  return best.line;
}

/** The kind of triple quotes that a line opens and does not close. */
const unclosedQuotes = (line: string): string | undefined =>
  ['"""', "'''"].find((quotes) => line.split(quotes).length % 2 === 0);

function partsOf(dotted: string): string[] {
  const parts = dotted.match(/[A-Za-z0-9_-]+|"[^"]*"|'[^']*'/g) ?? [];
  return parts.map((part) => (/^["']/.test(part) ? part.slice(1, -1) : part));
}

const isPrefix = (short: readonly string[], long: readonly string[]): boolean =>
  short.length <= long.length && short.every((part, index) => part === long[index]);
