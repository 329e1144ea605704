// Wraps comments that reach beyond the last column, which the formatter leaves alone. What does not
// fit on a line moves to the front of the next line of the same paragraph; lines that fit are not
// touched, so a carefully set table in a comment survives. A comment behind code moves above it.
// Left out: strings, and code that holds a string beside its comment.

const commentLine = /^(\s*(?:\/\/|\*)\s+)(\S.*)$/;
const blockOnOneLine = /^(\s*)\/\*\* (.*) \*\/$/;
const blockWithText = /^(\s*)\/\*\* (\S.*)$/;
const behindCode = /^(\s*)([^"'`]*[^"'`\s])\s+\/\/ (\S[^"'`]*)$/;
/** Starts of lines that begin something of their own: lists, tags, tables, headings of lists. */
const beginsAnew = /^(?:[-*|@#]|\d+[.)]\s|[\w ]+:\s*$)/;
const listMarker = /^(?:[-*]|\d+[.)])\s+/;

export function rewrapComments(text: string, columnCountMax: number): string {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if ([...line].length <= columnCountMax || /https?:\/\/\S+/.test(line)) continue;
    const unfolded = unfold(line);
    // What was unfolded may still be too long; the next turn looks at its first line.
    if (unfolded !== undefined) lines.splice(i, 1, ...unfolded);
    else wrapAt(lines, i, columnCountMax);
    if (unfolded !== undefined) i--;
  }
  return lines.join("\n");
}

/** A comment that shares its line with something, on lines of its own. */
function unfold(line: string): string[] | undefined {
  const whole = blockOnOneLine.exec(line);
  if (whole !== null) return [`${whole[1]}/**`, `${whole[1]} * ${whole[2]}`, `${whole[1]} */`];
  const opening = blockWithText.exec(line);
  if (opening !== null) return [`${opening[1]}/**`, `${opening[1]} * ${opening[2]}`];
  const behind = commentLine.test(line) ? null : behindCode.exec(line);
  if (behind !== null) return [`${behind[1]}// ${behind[3]}`, `${behind[1]}${behind[2]}`];
  return undefined;
}

function wrapAt(lines: string[], index: number, columnCountMax: number): void {
  const parts = partsOf(lines[index]!);
  if (parts === undefined) return;
  const { prefix, words } = parts;
  const cut = words.lastIndexOf(" ", columnCountMax - prefix.length);
  if (cut <= 0) return; // One word longer than a line.
  const rest = words.slice(cut + 1);
  lines[index] = prefix + words.slice(0, cut);
  // The lines of a list's item stand under its text.
  const marker = listMarker.exec(words)?.[0].length ?? 0;
  const hanging = prefix + " ".repeat(marker);
  const next = partsOf(lines[index + 1] ?? "");
  if (next !== undefined && next.prefix === hanging && !beginsAnew.test(next.words))
    lines[index + 1] = `${hanging}${rest} ${next.words}`;
  else lines.splice(index + 1, 0, hanging + rest);
}

function partsOf(line: string): { prefix: string; words: string } | undefined {
  const match = commentLine.exec(line);
  return match === null ? undefined : { prefix: match[1]!, words: match[2]! };
}
