// From chunks of stdin to whole lines, in front of ndjson, which two kinds of lines would hurt: one
// without end (the unfinished line is scanned anew with every chunk) and `null` (which to an object
// stream means its end).
//
// Lines are passed on as they are, many at once. Left out: what is in them.

/** A longer line is dropped and counted. Peers keep theirs far below it. */
export const lineBytesMax = 16 * 1024 * 1024;

const newline = 10;

export interface LineSink {
  /** Whole lines, each with its line feed. */
  lines(bytes: Buffer): void;
  /** A line that was not passed on. */
  dropped(reason: string): void;
}

export class LineGate {
  readonly #sink: LineSink;
  readonly #bytesMax: number;
  /** The unfinished line; empty while it is being skipped. */
  #parts: Buffer[] = [];
  #bytes = 0;
  #isSkipping = false;

  constructor(sink: LineSink, bytesMax = lineBytesMax) {
    this.#sink = sink;
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    let start = 0;
    const first = chunk.indexOf(newline);
    if (first !== -1 && (this.#isSkipping || this.#parts.length > 0)) {
      this.#finish(chunk.subarray(0, first + 1));
      start = first + 1;
    }
    const last = chunk.lastIndexOf(newline);
    if (last >= start) {
      this.#pass(chunk.subarray(start, last + 1));
      start = last + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** The input has ended: a last line without line feed is a line. */
  end(): void {
    if (this.#isSkipping || this.#parts.length > 0) this.#finish(Buffer.from("\n"));
  }

  #finish(rest: Buffer): void {
    const line = this.#isSkipping ? undefined : Buffer.concat([...this.#parts, rest]);
    this.#isSkipping = false;
    this.#parts = [];
    this.#bytes = 0;
    if (line !== undefined) this.#pass(line);
  }

  #keep(part: Buffer): void {
    if (this.#isSkipping) return;
    this.#bytes += part.length;
    if (this.#bytes <= this.#bytesMax) {
      // A copy: the chunk may be large and the part small.
      this.#parts.push(Buffer.from(part));
      return;
    }
    this.#sink.dropped(`it is longer than ${this.#bytesMax} bytes`);
    this.#isSkipping = true;
    this.#parts = [];
  }

  #pass(lines: Buffer): void {
    if (!lines.includes("null")) {
      this.#sink.lines(lines);
      return;
    }
    let start = 0;
    while (start < lines.length) {
      const end = lines.indexOf(newline, start) + 1;
      const line = lines.subarray(start, end);
      if (line.length < 64 && line.toString("latin1").trim() === "null")
        this.#sink.dropped("it is null");
      else this.#sink.lines(line);
      start = end;
    }
  }
}
