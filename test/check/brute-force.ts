// The dumb second opinion: tries every order of every subset, with no memo and no shortcut, so that
// what it says is easy to believe. Only for a handful of operations on one register. Shares no code
// with src/check.

import type { Operation } from "../../src/check/history.js";

const repliedAt = (operation: Operation): number =>
  operation.outcome === "ok" ? operation.completedAt! : Number.POSITIVE_INFINITY;

export function isLinearizableByBruteForce(history: readonly Operation[]): boolean {
  return canFinish(
    history.filter(({ outcome }) => outcome !== "fail"),
    null,
  );
}

function canFinish(left: readonly Operation[], register: unknown): boolean {
  if (left.every(({ outcome }) => outcome === "indefinite")) return true;
  return left.some((next) => {
    if (left.some((other) => repliedAt(other) < next.invokedAt)) return false;
    const rest = left.filter((other) => other !== next);
    if (next.f === "read") {
      if (next.outcome === "ok" && next.output !== register) return false;
      return canFinish(rest, register);
    }
    if (next.f === "write") return canFinish(rest, next.input);
    const [from, to] = next.input as readonly [number, number];
    return register === from && canFinish(rest, to);
  });
}
