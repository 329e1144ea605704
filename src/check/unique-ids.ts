// Judge of unique-ids: no id was handed out twice. Ids are any JSON values.

import { canonical, type Json } from "./canonical.js";
import type { History, Verdict } from "./history.js";

export interface UniqueIdsVerdict {
  readonly verdict: Verdict;
  readonly attemptCount: number;
  readonly acknowledgedCount: number;
  readonly duplicated: readonly { readonly id: Json; readonly count: number }[];
}

/** Judges `generate` operations. Unknown if not one of them was answered. */
export function checkUniqueIds(history: History): UniqueIdsVerdict {
  const generated = history.filter(({ f }) => f === "generate");
  const acknowledged = generated.filter(({ outcome }) => outcome === "ok");
  const counts = new Map<string, { id: Json; count: number }>();
  for (const { output } of acknowledged) {
    const id = output ?? null;
    const entry = counts.get(canonical(id));
    if (entry === undefined) counts.set(canonical(id), { id, count: 1 });
    else entry.count++;
  }
  const duplicated = [...counts.values()].filter(({ count }) => count > 1);
  return {
    verdict: duplicated.length > 0 ? "invalid" : acknowledged.length === 0 ? "unknown" : "valid",
    attemptCount: generated.length,
    acknowledgedCount: acknowledged.length,
    duplicated,
  };
}
