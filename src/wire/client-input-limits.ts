// `client-output-buffer-limit` as numbers: per class of clients, how much may be unread at all, and
// how much for how long.

export interface OutputLimit {
  /** The client is closed when this much is unread; 0: no limit. */
  readonly hardBytes: number;
  /** The client is closed when this much has been unread for longer than `softMs`; 0: no limit. */
  readonly softBytes: number;
  readonly softMs: number;
}

/** Reads the setting's canonical text, `class hard soft seconds` again and again. */
export function readOutputLimits(text: string): ReadonlyMap<string, OutputLimit> {
  const words = text.split(" ");
  const limits = new Map<string, OutputLimit>();
  for (let i = 0; i + 3 < words.length; i += 4) {
    const [hardBytes, softBytes, seconds] = words.slice(i + 1, i + 4).map(Number);
    // A class without limits need not be asked about.
    if (hardBytes === 0 && softBytes === 0) continue;
    limits.set(words[i]!, {
      hardBytes: hardBytes!,
      softBytes: softBytes!,
      softMs: seconds! * 1000,
    });
  }
  return limits;
}
