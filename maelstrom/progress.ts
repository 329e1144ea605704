// One line on stderr while a run lasts: rewritten every second on a terminal, a new one now and
// then elsewhere.

import type { Progress } from "./run.js";

export interface ProgressLine {
  stop(): void;
}

const TERMINAL_PERIOD_MS = 1000;
const FILE_PERIOD_MS = 5000;

export function startProgress(read: () => Progress, isQuiet: boolean): ProgressLine {
  if (isQuiet) return { stop: () => {} };
  const { isTTY, columns = 80 } = process.stderr;
  const show = (): void => {
    const text = renderProgress(read());
    process.stderr.write(isTTY ? `\r\x1b[K${text.slice(0, columns - 1)}` : `${text}\n`);
  };
  const timer = setInterval(show, isTTY ? TERMINAL_PERIOD_MS : FILE_PERIOD_MS);
  return {
    stop() {
      clearInterval(timer);
      if (isTTY) process.stderr.write("\r\x1b[K");
    },
  };
}

export function renderProgress(progress: Progress): string {
  const { phase, seconds, invoked, ok, failed, indefinite, serverMessages, fault } = progress;
  return (
    `${seconds.toFixed(0).padStart(3)} s ${phase}: ${invoked} asked, ${ok} ok, ${failed} failed, ` +
    `${indefinite} indefinite; ${serverMessages} messages; ${fault}`
  );
}
