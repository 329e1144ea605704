// The checksum of RDB: CRC-64 of Jones, reflected, without inversion at either end (crc64.c of
// Redis names the parameters). Two halves of 32 bits each, so that no number is boxed.

const lowTable = new Int32Array(256);
const highTable = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) !== 0;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (isOdd) {
      low ^= 0xac4bc9b5;
      high ^= 0x95ac9329;
    }
  }
  lowTable[byte] = low;
  highTable[byte] = high;
}

/** A checksum that grows with what is fed to it. */
export class Crc64 {
  #low = 0;
  #high = 0;

  update(bytes: Uint8Array, start = 0, end = bytes.length): this {
    let low = this.#low;
    let high = this.#high;
    for (let i = start; i < end; i++) {
      const index = (low ^ bytes[i]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ lowTable[index]!;
      high = (high >>> 8) ^ highTable[index]!;
    }
    this.#low = low;
    this.#high = high;
    return this;
  }

  /** Eight bytes, low ones first, as the file has them. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8);
    for (let i = 0; i < 4; i++) {
      bytes[i] = this.#low >>> (8 * i);
      bytes[i + 4] = this.#high >>> (8 * i);
    }
    return bytes;
  }
}
