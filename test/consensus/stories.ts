// What the scenario tests share: a call that records its result, and who is home.

import type { OperationKind, OperationResult } from "../../src/consensus/context.js";
import type { Body } from "../../src/consensus/messages.js";
import type { Cluster } from "./harness.js";
import { decodeOutcome, type OperationName, type TestOperation } from "./machine.js";

export interface Call {
  /**
   * What the client was told: "ok", a value, a refusal's code, an error; undefined while it waits.
   */
  told: unknown;
  /** How long it took. */
  ms: number;
}

let lastId = 0;

/** Submits at a node; look at the result after running the cluster. */
export function begin(
  cluster: Cluster,
  at: string,
  register: string,
  f: OperationName,
  input: TestOperation["input"] = null,
  kind: OperationKind = f === "read" ? "read" : "write",
): Call {
  const call: Call = { told: undefined, ms: Number.NaN };
  const startMs = cluster.nowMs;
  const operation: TestOperation = { id: ++lastId, f, input };
  cluster.node(at).submit(register, operation, kind, (result: OperationResult) => {
    call.ms = cluster.nowMs - startMs;
    if (result.kind === "error") {
      call.told = result.error;
      if (result.error === "temporarily_unavailable") cluster.monitor.onDefiniteError(operation.id);
      return;
    }
    const outcome = decodeOutcome(result.outcome);
    call.told = "ok" in outcome ? (outcome.ok ?? "ok") : outcome.refused;
    if ("ok" in outcome) cluster.monitor.onOk(operation.id, f !== "read");
  });
  return call;
}

/** As `begin`, then runs until it has ended. */
export function call(
  cluster: Cluster,
  at: string,
  register: string,
  f: OperationName,
  input: TestOperation["input"] = null,
  kind?: OperationKind,
): unknown {
  const started = begin(cluster, at, register, f, input, kind);
  for (let i = 0; i < 1000 && started.told === undefined; i++) cluster.run(cluster.nowMs + 1);
  return started.told;
}

/** The node at which a register lives, asked by a throw-away write from each node. */
export function homeOf(cluster: Cluster, register: string): string {
  let home: string | undefined;
  const { filter } = cluster;
  cluster.filter = (from, to, message) => {
    if (message.body.type === "forward") home = to;
    return filter(from, to, message);
  };
  for (const { id } of cluster.nodes) call(cluster, id, register, "write", "0");
  cluster.filter = filter;
  if (home === undefined) throw new Error(`nobody forwarded ${register}`);
  return home;
}

/** A register whose home is the given node: the first one, or the one after so many others. */
export function registerAt(cluster: Cluster, home: string, skip = 0): string {
  for (let left = skip, i = 0; i < 100; i++) {
    if (homeOf(cluster, `at${i}`) === home && left-- === 0) return `at${i}`;
  }
  throw new Error(`no register lives at ${home}`);
}

/** Counts messages of some types from now on. */
export function count(cluster: Cluster, ...types: readonly Body["type"][]): () => number {
  const total = (): number =>
    types.reduce((sum, type) => sum + (cluster.messagesByType.get(type) ?? 0), 0);
  const before = total();
  return () => total() - before;
}
