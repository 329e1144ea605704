// Redis Cluster's hash slots: CRC16 (XMODEM) of the key, or of its hash tag, modulo 16384. Slots
// are fixed for ever; a shard is a fixed range of them.

const slotBits = 14;
export const slotCount = 1 << slotBits;

/** By byte: its part of the sum when none, one, two or three bytes follow it. */
const [table, before1, before2, before3] = Array.from({ length: 4 }, (_, following) =>
  Uint16Array.from({ length: 256 }, (_each, byte) => {
    let crc = byte << 8;
    for (let bit = 8 * (1 + following); bit > 0; bit--)
      crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
    return crc;
  }),
) as [Uint16Array, Uint16Array, Uint16Array, Uint16Array];

export function crc16(bytes: Uint8Array, start = 0, end = bytes.length, from = 0): number {
  let crc = from;
  for (let i = start; i < end; i++)
    crc = ((crc << 8) ^ table[((crc >> 8) ^ bytes[i]!) & 0xff]!) & 0xffff;
  return crc;
}

const open = 123; // {
const close = 125; // }

/**
 * The slot of a key: of what stands between the first `{` and the next `}` when that is not empty.
 */
export function slotOfKey(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0;
  let at = start;
  // Most keys have no tag; four bytes at a time, whose look-ups do not wait for each other.
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at]!;
    const b = bytes[at + 1]!;
    const c = bytes[at + 2]!;
    const d = bytes[at + 3]!;
    if (a === open || b === open || c === open || d === open) break;
    crc = before3[(crc >> 8) ^ a]! ^ before2[(crc & 0xff) ^ b]! ^ before1[c]! ^ table[d]!;
  }
  for (let i = at; i < end; i++) if (bytes[i] === open) return slotOfTag(bytes, start, end);
  return crc16(bytes, at, end, crc) & (slotCount - 1);
}

function slotOfTag(bytes: Uint8Array, start: number, end: number): number {
  const [from, to] = tagRange(bytes, start, end);
  return crc16(bytes, from, to) & (slotCount - 1);
}

/** The range of the hash tag, or of the whole key. */
export function tagRange(bytes: Uint8Array, start = 0, end = bytes.length): [number, number] {
  for (let first = start; first < end; first++) {
    if (bytes[first] !== open) continue;
    const last = bytes.indexOf(close, first + 1);
    if (last > first + 1 && last < end) return [first + 1, last];
    break;
  }
  return [start, end];
}

/** Shards are equal ranges of slots. */
export const shardOfSlot = (slot: number, shardCount: number): number =>
  (slot * shardCount) >>> slotBits;

/** The slots of a shard: the first, and the one after the last. */
export function slotsOfShard(shard: number, shardCount: number): [number, number] {
  const first = Math.ceil((shard * slotCount) / shardCount);
  return [first, Math.ceil(((shard + 1) * slotCount) / shardCount)];
}
