// Reads a TypeScript source just far enough for the house rules: where code, strings and comments
// are, and what is imported. Not a parser: the compiler in use has no API to borrow one from, and
// the rules need no more. Known limit: a regular expression directly after `)` is taken for a
// division.

/** One file as given to tidy: its path from the project's folder, with slashes, and its text. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  /** From 1; 0 when the finding is about the file as a whole. */
  readonly line: number;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

export interface ImportClause {
  readonly specifier: string;
  /** What stands between `import` and `from`; empty for dynamic and for bare imports. */
  readonly clause: string;
  readonly line: number;
}

export interface Source extends SourceText {
  readonly lines: readonly string[];
  /** The text with comments and the content of strings blanked; positions and lines are kept. */
  readonly code: string;
  readonly comments: readonly { readonly line: number; readonly text: string }[];
  readonly imports: readonly ImportClause[];
}

export function readSource({ path, text }: SourceText): Source {
  const spans = scan(text);
  const code = blank(text, spans);
  const withStrings = blank(
    text,
    spans.filter((span) => span.kind === "comment"),
  );
  const comments = spans
    .filter((span) => span.kind === "comment")
    .map((span) => ({ line: lineAt(text, span.start), text: text.slice(span.start, span.end) }));
  return {
    path,
    text,
    lines: text.split("\n"),
    code,
    comments,
    imports: importsOf(withStrings, code),
  };
}

/** The line, from 1, of a position. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < position; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

const importPatterns = [
  /\b(?:import|export)\b([^;'"()]*?)\bfrom\s*(["'])([^"'\n]+)\2/g,
  /\bimport(\s*)(["'])([^"'\n]+)\2/g,
  /\bimport(\s*\(\s*)(["'])([^"'\n]+)\2/g,
];

function importsOf(withStrings: string, code: string): ImportClause[] {
  const found: ImportClause[] = [];
  for (const pattern of importPatterns)
    for (const match of withStrings.matchAll(pattern)) {
      // Inside a string (a test's sample of a source, say) the word was blanked.
      if (code[match.index] === " ") continue;
      const line = lineAt(withStrings, match.index);
      found.push({ specifier: match[3]!, clause: match[1]!.trim(), line });
    }
  return found;
}

interface Span {
  readonly kind: "comment" | "string";
  readonly start: number;
  readonly end: number;
}

function blank(text: string, spans: readonly Span[]): string {
  let result = "";
  let position = 0;
  for (const { start, end } of spans) {
    result += text.slice(position, start) + text.slice(start, end).replace(/[^\n]/g, " ");
    position = end;
  }
  return result + text.slice(position);
}

/** Comments and the insides of strings, templates and regular expressions, in order. */
function scan(text: string): Span[] {
  const spans: Span[] = [];
  /** Depth of braces inside each open `${`, innermost last. */
  const templates: number[] = [];
  let position = text.startsWith("#!") ? endOfLine(text, 0) : 0;
  const add = (kind: Span["kind"], start: number, end: number): void => {
    spans.push({ kind, start, end });
    position = end;
  };
  const template = (): void => {
    const start = position;
    const end = endOfTemplatePart(text, start);
    add("string", start, end);
    if (text.startsWith("${", end)) templates.push(0);
    position = end + (text.startsWith("${", end) ? 2 : 1);
  };
  while (position < text.length) {
    const char = text[position]!;
    if (text.startsWith("//", position)) add("comment", position, endOfLine(text, position));
    else if (text.startsWith("/*", position)) add("comment", position, endOfBlock(text, position));
    else if (char === '"' || char === "'") {
      add("string", position + 1, endOfQuoted(text, position + 1, char));
      position++;
    } else if (char === "/" && startsPattern(text, position)) {
      add("string", position + 1, endOfPattern(text, position + 1));
      position++;
    } else if (char === "`") {
      position++;
      template();
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      position++;
      template();
    } else {
      const depth = char === "{" ? 1 : char === "}" ? -1 : 0;
      if (templates.length > 0) templates[templates.length - 1]! += depth;
      position++;
    }
  }
  return spans;
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end === -1 ? text.length : end;
}

function endOfBlock(text: string, start: number): number {
  const end = text.indexOf("*/", start + 2);
  return end === -1 ? text.length : end + 2;
}

function endOfQuoted(text: string, start: number, quote: string): number {
  let i = start;
  while (i < text.length && text[i] !== quote && text[i] !== "\n") i += text[i] === "\\" ? 2 : 1;
  return Math.min(i, text.length);
}

function endOfTemplatePart(text: string, start: number): number {
  let i = start;
  while (i < text.length && text[i] !== "`" && !text.startsWith("${", i))
    i += text[i] === "\\" ? 2 : 1;
  return Math.min(i, text.length);
}

function endOfPattern(text: string, start: number): number {
  let insideClass = false;
  let i = start;
  for (; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "[") insideClass = true;
    else if (text[i] === "]") insideClass = false;
    else if (text[i] === "/" && !insideClass) break;
  }
  return Math.min(i, text.length);
}

const wordsBeforePattern = /\b(?:return|typeof|case|in|of|do|else|void|yield|await)$/;

/** Whether a slash opens a regular expression: after an operator yes, after a value no. */
function startsPattern(text: string, position: number): boolean {
  const before = text.slice(Math.max(0, position - 200), position).trimEnd();
  if (before === "") return true;
  return /[(,=:[!&|?{};+\-*%<>~^]$/.test(before) || wordsBeforePattern.test(before);
}
