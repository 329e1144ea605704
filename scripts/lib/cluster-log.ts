// What clients of a cluster did and were told, and what must be there in the end. Writes of
// eventual keys are judged by what they leave: a counter is the sum of what was acknowledged, plus
// any part of what nobody knows the outcome of; a set holds what was added; a list holds each
// element once and in the order of its writer.
//
// What a node without a log acknowledged just before it was killed may never have left it. Such
// writes are at risk: they may be missing, and are counted.

export type Outcome = "ok" | "fail" | "indefinite";

export interface Write {
  readonly node: string;
  /** Which life of the node took it. */
  readonly life: number;
  readonly outcome: Outcome;
  readonly atMs: number;
}

interface Kill {
  readonly node: string;
  readonly life: number;
  readonly atMs: number;
}

/** How long before a kill an acknowledged write may still have been on its way to the others. */
export const riskMs = 1_500;

interface Sum {
  writes: (Write & { readonly by: number })[];
}

interface Element {
  readonly write: Write;
  readonly value: string;
  /** Outcome of its removal, if any. */
  removal: Write | undefined;
}

export class ClusterLog {
  readonly kills: Kill[] = [];
  readonly counters = new Map<string, Sum>();
  /** By key: members of sets, fields of hashes, members of sorted sets, elements of lists. */
  readonly elements = new Map<string, Map<string, Element>>();
  /** By key: what its only writer set, in order. */
  readonly registers = new Map<string, (Write & { readonly value: number })[]>();
  counts = { ok: 0, fail: 0, indefinite: 0 };

  count(outcome: Outcome): void {
    this.counts[outcome]++;
  }

  add(key: string, write: Write, by: number): void {
    const sum = this.counters.get(key) ?? { writes: [] };
    this.counters.set(key, sum);
    if (write.outcome !== "fail") sum.writes.push({ ...write, by });
  }

  put(key: string, write: Write, member: string, value: string): void {
    if (write.outcome === "fail") return;
    const members = this.elements.get(key) ?? new Map<string, Element>();
    this.elements.set(key, members);
    members.set(member, { write, value, removal: undefined });
  }

  remove(key: string, write: Write, member: string): void {
    const element = this.elements.get(key)?.get(member);
    if (element !== undefined && write.outcome !== "fail") element.removal = write;
  }

  set(key: string, write: Write, value: number): void {
    const writes = this.registers.get(key) ?? [];
    this.registers.set(key, writes);
    if (write.outcome !== "fail") writes.push({ ...write, value });
  }

  isAtRisk({ node, life, atMs }: Write): boolean {
    return this.kills.some(
      (kill) => kill.node === node && kill.life === life && kill.atMs - atMs < riskMs,
    );
  }

  isSure(write: Write): boolean {
    return write.outcome === "ok" && !this.isAtRisk(write);
  }
}

export interface Judgement {
  readonly flaws: string[];
  /** Acknowledged eventual writes that a killed node took with it. */
  missing: number;
}

/** Judges a counter. */
export function judgeCounter(
  log: ClusterLog,
  key: string,
  value: number,
  judgement: Judgement,
): void {
  let least = 0;
  let most = 0;
  let acknowledged = 0;
  for (const write of log.counters.get(key)?.writes ?? []) {
    if (log.isSure(write)) least += write.by;
    if (write.outcome === "ok") acknowledged += write.by;
    most += write.by;
  }
  if (value < least || value > most)
    judgement.flaws.push(`${key} is ${value}, not from ${least} to ${most}`);
  if (value < acknowledged) judgement.missing++;
}

/** Judges what a key holds: each element that surely was added and not removed, nothing unknown. */
export function judgeElements(
  log: ClusterLog,
  key: string,
  held: ReadonlyMap<string, string>,
  judgement: Judgement,
): void {
  const { flaws } = judgement;
  const elements = log.elements.get(key) ?? new Map<string, Element>();
  for (const [member, { write, value, removal }] of elements) {
    const found = held.get(member);
    if (found !== undefined && found !== value)
      flaws.push(`${key} ${member} is ${found}, not ${value}`);
    if (removal !== undefined) {
      if (found !== undefined && log.isSure(removal))
        flaws.push(`${key} ${member} came back after its removal`);
    } else if (found === undefined && log.isSure(write)) {
      flaws.push(`${key} ${member} is lost`);
    } else if (found === undefined && write.outcome === "ok") judgement.missing++;
  }
  for (const member of held.keys())
    if (!elements.has(member)) flaws.push(`${key} ${member} was never added`);
}

/** Judges a string with one writer. */
export function judgeRegister(
  log: ClusterLog,
  key: string,
  value: number,
  judgement: Judgement,
): void {
  const writes = log.registers.get(key) ?? [];
  const least = writes.findLast((write) => log.isSure(write))?.value ?? 0;
  const most = writes.at(-1)?.value ?? 0;
  if (value < least || value > most)
    judgement.flaws.push(`${key} is ${value}, not from ${least} to ${most}`);
  const acknowledged = writes.findLast(({ outcome }) => outcome === "ok")?.value ?? 0;
  if (value < acknowledged) judgement.missing++;
}

/** Each writer's elements stand in the order in which it pushed them. */
export function judgeOrder(key: string, list: readonly string[], judgement: Judgement): void {
  const last = new Map<string, number>();
  const seen = new Set<string>();
  for (const element of list) {
    if (seen.has(element)) judgement.flaws.push(`${key} has ${element} twice`);
    seen.add(element);
    const cut = element.lastIndexOf(":");
    const writer = element.slice(0, cut);
    const number = Number(element.slice(cut + 1));
    if (number < (last.get(writer) ?? 0))
      judgement.flaws.push(`${key} has ${element} behind a later one of the same writer`);
    last.set(writer, number);
  }
}
