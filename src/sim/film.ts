// A run as something to look at: what was sent and when it arrived, what clients asked, what broke,
// and from time to time the state of every node. It is read from the trace, which stays the only
// account of what happened; the states are looked at between events and nothing is changed by it.
//
// Left out: heartbeats (most frames of a quiet cluster), and the long rest at the end of a run.

import { fromUtf8, latin1 } from "../base/bytes.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import { isVisible, rowSum, winner } from "../lattice/cell.js";
import { add, formatDecimal, parseDecimal } from "../lattice/decimal.js";
import { type KeyEntry, slots } from "../lattice/key-entry.js";
import type { Life } from "./simulated-life.js";
import type { Simulation } from "./simulation.js";

/** Milliseconds between two looks at a node. */
const stateStepMs = 50;
const valueLengthMax = 120;

/** Times are virtual milliseconds, nodes are numbers from 0; -1 is the whole cluster. */
export interface FilmData {
  readonly nodes: readonly string[];
  untilMs: number;
  /** from, to, sent, received or -1, bytes, what it says or why it was lost. */
  readonly messages: [number, number, number, number, number, string][];
  /** node, asked, answered or -1, request, reply, client. */
  readonly operations: [number, number, number, string, string, string][];
  /** node, when, kind, detail. */
  readonly faults: [number, number, string, string][];
  /** From, until, links `n1>n2`. */
  readonly cuts: [number, number, string][];
  /** node, from, until, what: the process is down, paused or slow. */
  readonly spans: [number, number, number, string][];
  readonly marks: [number, string][];
  readonly violations: [number, string][];
  /** node, when, what changed since the last look: name and text, "" for what is gone. */
  readonly states: [number, number, [string, string][]][];
}

interface Sent {
  readonly message: FilmData["messages"][number];
  isReceived: boolean;
}

export class Film {
  readonly data: FilmData;
  #simulation: Simulation | undefined;
  readonly #sent = new Map<number, Sent>();
  readonly #asked = new Map<string, FilmData["operations"][number]>();
  readonly #downs = new Map<number, FilmData["spans"][number]>();
  readonly #openCuts = new Map<string, FilmData["cuts"][number]>();
  readonly #last = new Map<number, Map<string, string>>();
  readonly #untilMs: number;

  /** @param untilMs nothing later is kept. */
  constructor(nodes: readonly string[], untilMs: number) {
    this.#untilMs = untilMs;
    this.data = {
      nodes,
      untilMs,
      ...{ messages: [], operations: [], faults: [], cuts: [] },
      ...{ spans: [], marks: [], violations: [], states: [] },
    };
  }

  /** Begins to look at the nodes of a run. */
  watch(simulation: Simulation): void {
    this.#simulation = simulation;
    const look = (): void => {
      this.#lookAtAll(simulation);
      if (simulation.queue.nowUs < this.#untilMs * 1000)
        simulation.queue.after(stateStepMs * 1000, look);
    };
    simulation.queue.after(0, look);
  }

  /** A line of the trace. */
  event(nowUs: number, node: string, text: string): void {
    const at = nowUs / 1000;
    if (text.startsWith("VIOLATION ")) this.#onViolation(at, text.slice(10));
    if (at > this.#untilMs) return;
    const index = this.data.nodes.indexOf(node);
    const [verb = "", ...words] = text.split(" ");
    if (verb === "send") this.#onSend(at, index, words);
    else if (verb === "cut") this.#onLost(Number(words[0]!.slice(1)), "the link is cut");
    else if (verb === "receive") this.#onReceive(at, index, words);
    else if (verb === "refuse") this.#onReceive(at, index, [words[0]!, words[1]!, "refused"]);
    else if (verb === "ask") this.#onAsk(at, index, words);
    else if (verb === "tell") this.#onEnd(at, words[0]!, words.slice(1).join(" "));
    else if (verb === "lost") this.#onEnd(at, words[0]!, "(no reply)");
    else if (verb === "fault") this.#onFault(at, index, words);
    else if (verb === "mend") this.#onMend(at, words.join(" "));
    else if (verb === "start") this.#onStart(at, index);
    else if (verb === "heal") this.#onHeal(at);
  }

  /** Everything that is known, messages in the order of their sending. */
  finish(): FilmData {
    const { data } = this;
    for (const { message, isReceived } of this.#sent.values())
      if (isReceived || message[5] !== "") data.messages.push(message);
      else data.messages.push([...message.slice(0, 5), "lost"] as typeof message);
    data.messages.sort((a, b) => a[2] - b[2]);
    return data;
  }

  #onViolation(at: number, text: string): void {
    this.data.violations.push([Math.min(at, this.#untilMs), text]);
    const simulation = this.#simulation;
    if (simulation !== undefined && at <= this.#untilMs) this.#lookAtAll(simulation);
  }

  #onSend(at: number, from: number, [to, order, bytes]: string[]): void {
    const message: Sent["message"] = [from, this.#node(to), at, -1, Number(bytes), ""];
    this.#sent.set(Number(order!.slice(1)), { message, isReceived: false });
  }

  #onReceive(at: number, _to: number, [, order, ...kinds]: string[]): void {
    const number = Number(order!.slice(1).replace(":", ""));
    const sent = this.#sent.get(number);
    if (sent === undefined) return;
    const says = [...new Set(kinds)].join(" ");
    if (says === "heartbeat") {
      this.#sent.delete(number);
      return;
    }
    if (sent.isReceived) {
      const again = [...sent.message] as Sent["message"];
      [again[3], again[5]] = [at, `${says} (again)`];
      this.data.messages.push(again);
      return;
    }
    sent.isReceived = true;
    [sent.message[3], sent.message[5]] = [at, says];
  }

  #onLost(order: number, why: string): void {
    const sent = this.#sent.get(order);
    if (sent !== undefined) sent.message[5] = why;
  }

  #onAsk(at: number, node: number, [client, ...args]: string[]): void {
    const operation: FilmData["operations"][number] = [node, at, -1, args.join(" "), "", client!];
    this.#asked.set(client!, operation);
    this.data.operations.push(operation);
  }

  #onEnd(at: number, client: string, reply: string): void {
    const operation = this.#asked.get(client);
    if (operation === undefined) return;
    this.#asked.delete(client);
    [operation[2], operation[4]] = [at, reply.slice(0, valueLengthMax)];
  }

  #onFault(at: number, node: number, [kind = "", ...details]: string[]): void {
    const { faults, spans, cuts } = this.data;
    const detail = details.join(" ").trim();
    if (detail.startsWith("#") && kind === "network_drop")
      this.#onLost(Number(detail.slice(1)), kind);
    if (detail.includes(">")) {
      const cut: FilmData["cuts"][number] = [at, this.#untilMs, detail];
      cuts.push(cut);
      this.#openCuts.set(detail, cut);
    }
    if (kind === "process_crash") {
      const span: FilmData["spans"][number] = [node, at, this.#untilMs, "down"];
      spans.push(span);
      this.#downs.set(node, span);
    } else if (kind.startsWith("process_")) {
      spans.push([node, at, at + Number.parseFloat(detail), kind.slice(8).replaceAll("_", " ")]);
    }
    faults.push([node, at, kind, detail]);
  }

  #onMend(at: number, links: string): void {
    const cut = this.#openCuts.get(links);
    if (cut !== undefined) cut[1] = at;
  }

  #onHeal(at: number): void {
    for (const cut of this.data.cuts) cut[1] = Math.min(cut[1], at);
    this.data.marks.push([at, "everything is healed"]);
  }

  #onStart(at: number, node: number): void {
    const down = this.#downs.get(node);
    if (down !== undefined) down[2] = at;
    this.#downs.delete(node);
  }

  #node(name: string | undefined): number {
    return this.data.nodes.indexOf(name ?? "");
  }

  // ---- states

  #lookAtAll({ hosts, queue }: Simulation): void {
    for (const { index, life } of hosts) {
      const state = life === undefined ? new Map([["process", "down"]]) : stateOf(life);
      const last = this.#last.get(index) ?? new Map<string, string>();
      const changes: [string, string][] = [];
      for (const [name, text] of state) if (last.get(name) !== text) changes.push([name, text]);
      for (const name of last.keys()) if (!state.has(name)) changes.push([name, ""]);
      this.#last.set(index, state);
      if (changes.length > 0) this.data.states.push([index, queue.nowUs / 1000, changes]);
    }
  }
}

/** Figures under their names, values under `key NAME`. */
function stateOf({ node, incarnation }: Life): Map<string, string> {
  const state = new Map<string, string>();
  const { registers, keyspace, replicator } = node;
  const { waitingCount, logBytes, pullCount, resentBatchCount } = replicator!.status();
  state.set("process", `incarnation ${incarnation}`);
  state.set("batches that wait", String(waitingCount));
  state.set("log", `${logBytes} bytes`);
  state.set("repaired", `${pullCount} pulls, ${resentBatchCount} batches sent again`);
  const { rounds, roundsPreempted, roundsTimedOut } = registers.counters;
  state.set("rounds", `${rounds}, ${roundsPreempted} preempted, ${roundsTimedOut} timed out`);
  keyspace.databases[0]!.keys.forEach((ref) => {
    const value = describeEntry(keyspace, keyspace.entryOf(ref));
    if (value !== "") state.set(`key ${latin1(keyspace.keyOf(ref))}`, value);
  });
  return state;
}

/** What a reader sees of a key, deadlines apart; the key is not touched by it. */
function describeEntry({ replicas }: Keyspace, entry: KeyEntry): string {
  const visible = entry.visibleSlot(replicas);
  const parts: string[] = [];
  entry.forEachCell((slot, element, cell) => {
    if (slot !== visible || !isVisible(cell)) return;
    const base = winner(cell, replicas);
    const text = base === undefined ? undefined : fromUtf8(base.value);
    if (slot === slots.list) parts.push(`${element} ${text}`);
    else if (slot === slots.set || slot === slots.zset || slot === slots.stream)
      parts.push(element);
    else if (slot === slots.hash) parts.push(`${element}=${sumOf(text, cell)}`);
    else parts.push(sumOf(text, cell));
  });
  parts.sort();
  const inOrder =
    visible === slots.list ? parts.map((part) => part.slice(part.lastIndexOf(" ") + 1)) : parts;
  const joined = inOrder.join(" ");
  const shown =
    visible === slots.string ? joined : visible === slots.list ? `[${joined}]` : `{${joined}}`;
  return visible === undefined ? "" : printable(shown).slice(0, valueLengthMax);
}

function sumOf(text: string | undefined, cell: Parameters<typeof rowSum>[0]): string {
  const rows = rowSum(cell);
  if (text === undefined) return formatDecimal(rows);
  const base = parseDecimal(text);
  return base === undefined || cell.rows.length === 0 ? text : formatDecimal(add(base, rows));
}

const printable = (text: string): string => text.replace(/[^ -~]/g, "·");
