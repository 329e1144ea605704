// Two servers side by side: sends the same steps to both and returns the first difference in
// replies or in the final state. Steps of one connection travel in batches, which is what makes a
// hundred thousand of them affordable; a change of connection, a pause or a scan ends a batch, so
// the order is the same on both.

import { explanationOf } from "./accepted.js";
import { isSameReply } from "./compare.js";
import { encodeCommand, RespConnection } from "./resp-client.js";
import { drain } from "./scan.js";
import { compareState } from "./state.js";
import type { Family, Step } from "./step.js";

export interface Difference {
  /** The step that showed it; undefined when only the final state differs. */
  readonly step: Step;
  readonly index: number;
  readonly ours: string;
  readonly theirs: string;
}

/**
 * How a server of ours that died is brought back, so that the search can go on and shrink the
 * crash.
 */
export interface Revival {
  /** The port of the new process. */
  restart(): Promise<number>;
  /** The end of what the dead process printed. */
  lastWords(): string;
}

const batchMax = 200;
const connectionCount = 3;
/** A server that is alive answers a batch in well under this. */
const replyTimeoutMs = 15_000;

const show = (frame: Buffer): string => {
  const text = JSON.stringify(frame.toString("latin1"));
  return text.length > 600 ? `${text.slice(0, 600)}... (${frame.length} bytes)` : text;
};

/** One of the two servers with its connections. */
class Side {
  port: number;
  connections: RespConnection[] = [];

  constructor(port: number) {
    this.port = port;
  }

  /** False when nobody listens. */
  async open(): Promise<boolean> {
    this.close();
    try {
      for (let i = 0; i < connectionCount; i++)
        this.connections.push(await RespConnection.connect(this.port));
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    for (const connection of this.connections) connection.close();
    this.connections = [];
  }

  /** True when every connection answers its own token: nothing is left over from the run before. */
  async reset(protocol: 2 | 3, token: string): Promise<boolean> {
    try {
      for (const connection of this.connections) {
        const replies = await connection.exchange(
          [
            ["DISCARD"],
            ["RESET"],
            ["HELLO", String(protocol)],
            ["SELECT", "0"],
            ["FLUSHALL"],
            // Else DBSIZE depends on which of the two has looked for dead keys just now.
            ["DEBUG", "SET-ACTIVE-EXPIRE", "0"],
            ["ECHO", token],
          ],
          replyTimeoutMs,
        );
        if (!replies.at(-1)!.equals(Buffer.from(`$${token.length}\r\n${token}\r\n`))) return false;
      }
      return this.connections.length > 0;
    } catch {
      return false;
    }
  }

  exchange(connection: number, steps: readonly Step[]): Promise<Buffer[]> {
    const chosen = this.connections[connection]!;
    chosen.send(Buffer.concat(steps.map((step) => encodeCommand(step.argv))));
    return chosen.receive(steps.length, replyTimeoutMs);
  }
}

export class Rig {
  readonly #ours: Side;
  readonly #theirs: Side;
  readonly #accepted = new Map<string, number>();
  #runs = 0;
  /**
   * A server still under construction may lack it; then encodings are not part of the final state.
   */
  #hasObject = true;

  readonly #revival: Revival | undefined;

  /** Changes what a run sends, and to both; the final state is then not compared. */
  readonly #transform: ((steps: readonly Step[], run: number) => Step[]) | undefined;

  constructor(
    oursPort: number,
    theirsPort: number,
    revival?: Revival,
    transform?: (steps: readonly Step[], run: number) => Step[],
  ) {
    this.#revival = revival;
    this.#transform = transform;
    this.#ours = new Side(oursPort);
    this.#theirs = new Side(theirsPort);
  }

  /** How often each accepted difference was met. */
  get accepted(): ReadonlyMap<string, number> {
    return this.#accepted;
  }

  close(): void {
    this.#ours.close();
    this.#theirs.close();
  }

  /** Which of the commands our server knows; asked by their error, which needs no COMMAND. */
  async supported(commands: readonly string[]): Promise<Set<string>> {
    const connection = await RespConnection.connect(this.#ours.port);
    const known = new Set<string>();
    for (const command of commands) {
      const reply = await connection.call(command);
      if (!/^ERR unknown command/.test(reply.text ?? "")) known.add(command);
    }
    const object = await connection.call("OBJECT", "ENCODING", "absent");
    this.#hasObject = !/^ERR unknown command/.test(object.text ?? "");
    connection.close();
    return known;
  }

  /** Runs the steps from an empty keyspace on both servers. Null means no difference. */
  async run(family: Family, all: readonly Step[], protocol: 2 | 3): Promise<Difference | null> {
    await this.#reset(protocol);
    const steps = this.#transform?.(all, this.#runs) ?? all;
    for (let first = 0; first < steps.length; ) {
      const last = endOfBatch(steps, first);
      const batch = steps.slice(first, last);
      const difference = await this.#runBatch(family, batch, first);
      if (difference !== null) return difference;
      const pauseMs = batch.at(-1)!.pauseMs ?? 0;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      first = last;
    }
    return this.#transform === undefined ? this.#compareEnd(family, steps.length) : null;
  }

  async #reset(protocol: 2 | 3): Promise<void> {
    const token = `run-${++this.#runs}`;
    for (const side of [this.#ours, this.#theirs]) {
      if (await side.reset(protocol, token)) continue;
      if (!(await side.open())) {
        if (side !== this.#ours || this.#revival === undefined)
          throw new Error(`nobody listens on port ${side.port}`);
        side.port = await this.#revival.restart();
        await side.open();
      }
      if (!(await side.reset(protocol, token)))
        throw new Error(`the server on port ${side.port} is out of order`);
    }
  }

  async #runBatch(
    family: Family,
    batch: readonly Step[],
    first: number,
  ): Promise<Difference | null> {
    const connection = batch[0]!.connection ?? 0;
    const isDrain = batch[0]!.drain === true;
    const ask = async (side: Side): Promise<Buffer[] | string> => {
      try {
        if (!isDrain) return await side.exchange(connection, batch);
        return [await drain(side.connections[connection]!, batch[0]!.argv)];
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    };
    const [ours, theirs] = await Promise.all([ask(this.#ours), ask(this.#theirs)]);
    if (typeof ours === "string" || typeof theirs === "string") {
      const lost = (answer: Buffer[] | string): string =>
        typeof answer === "string" ? answer : "answered";
      const lastWords = typeof ours === "string" ? (this.#revival?.lastWords() ?? "") : "";
      const story = lastWords === "" ? lost(ours) : `${lost(ours)}\n${lastWords}`;
      // Which step of the batch it was is left to shrinking.
      return { step: batch.at(-1)!, index: first, ours: story, theirs: lost(theirs) };
    }
    for (const [index, step] of batch.entries()) {
      const [a, b] = [ours[index]!, theirs[index]!];
      if (isDrain ? a.equals(b) : isSameReply(family.comparers, step, a, b)) continue;
      const explanation = explanationOf(step, a, b);
      if (explanation === undefined)
        return { step, index: first + index, ours: show(a), theirs: show(b) };
      this.#accepted.set(explanation.name, (this.#accepted.get(explanation.name) ?? 0) + 1);
    }
    return null;
  }

  async #compareEnd(family: Family, index: number): Promise<Difference | null> {
    const ours = this.#ours.connections[0]!;
    const theirs = this.#theirs.connections[0]!;
    // A reply too many or too few shifts everything behind it; this token would come out wrong.
    const token = { argv: ["ECHO", "end-of-run"] };
    for (let connection = 0; connection < connectionCount; connection++) {
      const shifted = await this.#runBatch(family, [{ ...token, connection }], index);
      if (shifted !== null) return shifted;
    }
    const found = await compareState(ours, theirs, {
      databaseCount: family.databaseCount,
      hasObject: this.#hasObject,
    });
    if (found === null) return null;
    return {
      step: { argv: found.argv },
      index,
      ours: show(found.ours),
      theirs: show(found.theirs),
    };
  }
}

/** End of the longest run of steps that may travel in one write. */
function endOfBatch(steps: readonly Step[], first: number): number {
  const connection = steps[first]!.connection ?? 0;
  let end = first;
  while (end < steps.length && end - first < batchMax) {
    const step = steps[end]!;
    if ((step.connection ?? 0) !== connection) break;
    if (step.drain === true) return end === first ? end + 1 : end;
    end++;
    if (step.pauseMs !== undefined) break;
  }
  return end;
}
