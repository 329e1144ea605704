// Wraps comments that reach beyond the last column, which the formatter leaves alone. What does not
// fit on a line moves to the front of the next line of the same paragraph; lines that fit are not
// touched, so a carefully set table or list in a comment survives. Left out: comments behind code,
// and strings.

const lineComment = /^(\s*\/\/ )(\S.*)$/;
const blockLine = /^(\s*\* )(\S.*)$/;
const oneLineBlock = /^(\s*)\/\*\* (.*) \*\/$/;
/** Starts of lines that begin something of their own: lists, tags, tables, samples. */
const beginsAnew = /^(?:[-*|@#]|\d+[.)]\s|\w+:\s*$)/;

export function rewrapComments(text: string, columnCountMax: number): string {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if ([...line].length <= columnCountMax || /https?:\/\/\S+/.test(line)) continue;
    const whole = oneLineBlock.exec(line);
    if (whole !== null) {
      const [, indent, words] = whole;
      lines.splice(i, 1, `${indent}/**`, `${indent} * ${words}`, `${indent} */`);
      continue; // The middle line is wrapped by the next turn.
    }
    wrapAt(lines, i, columnCountMax);
  }
  return lines.join("\n");
}

function wrapAt(lines: string[], index: number, columnCountMax: number): void {
  const parts = partsOf(lines[index]!);
  if (parts === undefined) return;
  const { prefix, words } = parts;
  const cut = words.lastIndexOf(" ", columnCountMax - prefix.length);
  if (cut <= 0) return; // One word longer than a line.
  const rest = words.slice(cut + 1);
  lines[index] = prefix + words.slice(0, cut);
  const next = partsOf(lines[index + 1] ?? "");
  if (next !== undefined && next.prefix === prefix && !beginsAnew.test(next.words))
    lines[index + 1] = `${prefix}${rest} ${next.words}`;
  else lines.splice(index + 1, 0, prefix + rest);
}

function partsOf(line: string): { prefix: string; words: string } | undefined {
  const match = lineComment.exec(line) ?? blockLine.exec(line);
  return match === null ? undefined : { prefix: match[1]!, words: match[2]! };
}
