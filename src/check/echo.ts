// Judge of echo: every message came back as it was sent. As in Maelstrom an unanswered echo is
// wrong too.

import { canonical } from "./canonical.js";
import type { History, Operation, Verdict } from "./history.js";

export interface EchoVerdict {
  readonly verdict: Verdict;
  readonly answeredCount: number;
  readonly wrong: readonly Operation[];
}

/** Judges `echo` operations: input is what was sent, output what came back. */
export function checkEcho(history: History): EchoVerdict {
  const echoes = history.filter(({ f }) => f === "echo");
  const wrong = echoes.filter(
    ({ outcome, input, output }) => outcome !== "ok" || canonical(input) !== canonical(output),
  );
  return {
    verdict: wrong.length > 0 ? "invalid" : echoes.length === 0 ? "unknown" : "valid",
    answeredCount: echoes.length - wrong.length,
    wrong,
  };
}
