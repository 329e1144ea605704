// Redis Cluster's hash slots: CRC16 (XMODEM) of the key, or of its hash tag, modulo 16384. Slots
// are fixed for ever; a shard is a fixed range of them.

export const slotCount = 16384;

const table = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1;
  table[byte] = crc;
}

export function crc16(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0;
  for (let i = start; i < end; i++)
    crc = ((crc << 8) ^ table[((crc >> 8) ^ bytes[i]!) & 0xff]!) & 0xffff;
  return crc;
}

/**
 * The slot of a key: of what stands between the first `{` and the next `}` when that is not empty.
 */
export function slotOfKey(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const [from, to] = tagRange(bytes, start, end);
  return crc16(bytes, from, to) & (slotCount - 1);
}

/** The range of the hash tag, or of the whole key. */
export function tagRange(bytes: Uint8Array, start = 0, end = bytes.length): [number, number] {
  for (let open = start; open < end; open++) {
    if (bytes[open] !== 123) continue;
    const close = bytes.indexOf(125, open + 1);
    if (close > open + 1 && close < end) return [open + 1, close];
    break;
  }
  return [start, end];
}

/** Shards are equal ranges of slots. */
export const shardOfSlot = (slot: number, shardCount: number): number =>
  Math.floor((slot * shardCount) / slotCount);

/** The slots of a shard: the first, and the one after the last. */
export function slotsOfShard(shard: number, shardCount: number): [number, number] {
  const first = Math.ceil((shard * slotCount) / shardCount);
  return [first, Math.ceil(((shard + 1) * slotCount) / shardCount)];
}
