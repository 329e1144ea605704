// The offset of a bit as the bitmap commands take it: not negative, and inside the largest string
// allowed.

import { type Call, parseInt64 } from "./call.js";

/** Where the commands find a bit; beyond it the offset is refused. */
export const offsetError = "ERR bit offset is not an integer or out of range";

/**
 * The bit offset in an argument; NaN after the error was replied.
 * @param width for BITFIELD, whose `#3` means three fields of this many bits; 0 elsewhere.
 */
export function bitOffset(call: Call, index: number, width = 0): number {
  const isField = width > 0 && call.bytes[call.start(index)] === 35 && call.size(index) > 0;
  const skip = isField ? 1 : 0;
  const value = parseInt64(call.bytes, call.start(index) + skip, call.size(index) - skip);
  if (value !== undefined) {
    const offset = isField ? BigInt.asIntN(64, value * BigInt(width)) : value;
    const bytesMax = call.environment.settings.number("proto-max-bulk-len");
    if (offset >= 0n && offset >> 3n < BigInt(bytesMax)) return Number(offset);
  }
  call.reply.error(offsetError);
  return Number.NaN;
}
