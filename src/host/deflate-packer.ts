// Packing by deflate, beside the event loop. Level 1: the log is written faster than higher levels
// could pack it, and most of what there is to win they win too.

import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import type { Bytes } from "../base/bytes.js";
import { objectCodecs } from "../storage/manifest.js";
import type { Packed, Packer } from "../storage/packer.js";

const level = 1;
/** No object of ours becomes larger than this; what does is not what it says. */
const unpackedBytesMax = 2 ** 31 - 1;
const deflate = promisify(deflateRaw);
const inflate = promisify<Bytes, { maxOutputLength: number }, Buffer>(inflateRaw);

export const deflatePacker: Packer = {
  pack: (bytes, done) => void packBytes(bytes).then(done),
  unpack: (packed, done) => void unpackBytes(packed).then(done),
};

async function packBytes(bytes: Bytes): Promise<Packed> {
  const packed = await deflate(bytes, { level });
  return packed.length < bytes.length
    ? { codec: objectCodecs.deflate, bytes: packed }
    : { codec: objectCodecs.plain, bytes };
}

async function unpackBytes({ codec, bytes }: Packed): Promise<Bytes | undefined> {
  if (codec === objectCodecs.plain) return bytes;
  if (codec !== objectCodecs.deflate) return undefined;
  try {
    return await inflate(bytes, { maxOutputLength: unpackedBytesMax });
  } catch {
    return undefined;
  }
}
