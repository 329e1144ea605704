// The Maelstrom pipe: JSON lines on stdin and stdout (ndjson), with bounds. A line that does not
// parse is counted, logged and skipped. Everything that one turn of the event loop answers leaves
// in one write.
//
// Back-pressure: while stdout does not take what was written, stdin is not read beyond a bound.
// What timers cause meanwhile is bounded by dropping messages between nodes, which may be lost
// anyway; answers are bounded by the requests that were read.

import type { Readable, Writable } from "node:stream";
import ndjson from "ndjson";
import { LineGate, lineBytesMax } from "./stdio-host-lines.js";

export interface StdioHostOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Takes each parsed line. */
  readonly onMessage: (message: unknown) => void;
  /** A line was skipped. */
  readonly onDropped: (reason: string) => void;
  /** Before the first message of a turn, and after its last. */
  readonly onTurn: (event: "begin" | "end") => void;
  readonly lineBytesMax?: number;
}

/** With so much output waiting for its reader nothing more is read. */
export const pauseBytes = 1024 * 1024;
/** With so much waiting, messages that may be lost are. */
export const outputBytesHigh = 16 * 1024 * 1024;

export class StdioHost {
  /** Messages between nodes that were not written because nobody reads stdout. */
  shedCount = 0;
  /** Resolves when stdin has ended and its last line was handed over, or when stdout is gone. */
  readonly ended: Promise<void>;
  readonly #options: StdioHostOptions;
  readonly #parser = ndjson.parse();
  readonly #stringifier = ndjson.stringify();
  readonly #gate: LineGate;
  #isCorked = false;
  #isTurnOpen = false;
  #resolveEnded!: () => void;

  constructor(options: StdioHostOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#gate = new LineGate(
      { lines: (bytes) => void this.#parser.write(bytes), dropped: options.onDropped },
      options.lineBytesMax ?? lineBytesMax,
    );
    this.#parser.on("data", (message: unknown) => options.onMessage(message));
    // ndjson goes on with the next line after it has said so.
    this.#parser.on("error", (error: Error) => options.onDropped(error.message));
    this.#connectOutput(options.output);
    this.#connectInput(options.input);
  }

  #connectInput(input: Readable): void {
    input.on("data", (chunk: Buffer) => {
      this.#beginTurn();
      this.#gate.push(chunk);
    });
    input.on("end", () => {
      this.#beginTurn();
      this.#gate.end();
      this.#resolveEnded();
    });
    input.on("error", () => this.#resolveEnded());
  }

  #connectOutput(output: Writable): void {
    this.#stringifier.on("data", (line: string) => {
      output.write(line);
      if (output.writableLength > pauseBytes) this.#options.input.pause();
    });
    output.on("drain", () => this.#options.input.resume());
    // Nobody reads any more (EPIPE): there is nothing left to do.
    output.on("error", () => this.#resolveEnded());
  }

  #beginTurn(): void {
    if (this.#isTurnOpen) return;
    this.#isTurnOpen = true;
    this.#options.onTurn("begin");
    setImmediate(() => {
      this.#isTurnOpen = false;
      this.#options.onTurn("end");
    });
  }

  /**
   * Writes a message. @param mayBeLost it is between nodes, and goes when too much waits already.
   */
  emit(message: object, mayBeLost: boolean): void {
    const { output } = this.#options;
    if (mayBeLost && output.writableLength > outputBytesHigh) {
      this.shedCount++;
      return;
    }
    if (!this.#isCorked) {
      this.#isCorked = true;
      output.cork();
      setImmediate(() => {
        this.#isCorked = false;
        output.uncork();
      });
    }
    this.#stringifier.write(message);
  }

  /** Reads no more. */
  stop(): void {
    this.#options.input.destroy();
    this.#resolveEnded();
  }

  /** Resolves when everything written has left, or cannot leave. */
  async flushed(): Promise<void> {
    const { output } = this.#options;
    await new Promise((resolve) => setImmediate(resolve));
    if (output.destroyed || output.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      output.write("", () => resolve()); // Called when everything before it has left, or failed.
      output.once("close", () => resolve());
    });
  }
}
